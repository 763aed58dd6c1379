"""wsgi.input: a request's body, read as it is asked for, from memory, from a file or through the server."""
import io
import os

from .frames import READ

BLOCK_BYTES = 65536


class _Body(io.RawIOBase):
    """A body of known length, complete before the application runs."""

    def __init__(self, length):
        self.rest = length

    def readable(self):
        return True


class _FileBody(_Body):
    """The temporary file that the server wrote; its descriptor is ours."""

    def __init__(self, fd, length):
        super().__init__(length)
        self.fd = fd
        self.position = 0

    def readinto(self, buffer):
        count = os.preadv(self.fd, [memoryview(buffer)[:min(len(buffer), self.rest)]], self.position)
        self.position += count
        self.rest -= count
        return count

    def close(self):
        if not self.closed:
            os.close(self.fd)
        super().close()


class _DistantBody(_Body):
    """The same file, where its descriptor cannot be had."""

    def __init__(self, channel, token, flow, length):
        super().__init__(length)
        self.channel = channel
        self.token = token
        self.flow = flow

    def readinto(self, buffer):
        wanted = min(len(buffer), self.rest, BLOCK_BYTES)
        if wanted == 0:
            return 0
        self.channel.post(READ, self.token, wanted.to_bytes(4, 'little'))
        data = self.flow.take_data()
        if not data:
            raise ConnectionAbortedError('The request is over')
        buffer[:len(data)] = data
        self.rest -= len(data)
        return len(data)


def file_body(fd, length):
    return io.BufferedReader(_FileBody(fd, length), BLOCK_BYTES)


def distant_body(channel, token, flow, length):
    return io.BufferedReader(_DistantBody(channel, token, flow, length), BLOCK_BYTES)
