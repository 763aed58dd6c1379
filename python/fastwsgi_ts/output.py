"""Where a response goes: straight to the client whose descriptor came with the request, or back through the server."""
import os
import select
import socket
import sys
from _socket import socket as PlainSocket
from time import monotonic

from .channel import Flow
from .frames import CHUNK, CUT, END, ENTRY_BYTES, HEAD, HEADER, REPLYING, SENDING, STATE

#: A chunk goes back through the server in pieces of this size.
PIECE_BYTES = 65536
#: How often the server is told that a response which takes long still moves.
SENDING_EVERY_S = 0.25
#: A head and a first chunk that are larger together are not put into one buffer.
JOINED_BYTES_MAX = 65536
SENDFILE_BYTES_MAX = 1 << 20

FLAGS = socket.MSG_NOSIGNAL
#: On TCP the end of the response travels with its last bytes.
LAST = socket.MSG_NOSIGNAL | socket.MSG_MORE
#: Does not block: that is what the server has set, and what keeps socket.setdefaulttimeout() from setting another limit.
STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
UNIX = socket.AF_UNIX
SHUT_WR = socket.SHUT_WR


class ClientGone(Exception):
    """There is nobody to send to any more."""


class DirectOutput:
    """The client's own socket, which belongs to the server: it closes it when it has our report."""

    __slots__ = ('channel', 'token', 'socket', 'timeout', 'protocol', 'body_bytes', 'head', 'head_bytes', 'told')

    def __init__(self, channel, token, fd, timeout, protocol):
        self.channel = channel
        self.token = token
        # Send and shutdown do not ask for the family: it need not be the real one.
        self.socket = PlainSocket(UNIX, STREAM, 0, fd)
        self.timeout = timeout
        self.protocol = protocol
        self.body_bytes = 0
        self.head = None
        self.head_bytes = 0
        self.told = 0.0

    def begin(self, head, chunk, last):
        """Sends the head and a first chunk; `last`: the response ends with it."""
        data = head.bytes(self.protocol)
        self.head = head
        self.head_bytes = len(data)
        self.body_bytes = len(chunk)
        self.channel.states[self.token * ENTRY_BYTES + STATE] = REPLYING
        if len(chunk) <= JOINED_BYTES_MAX:
            self._send(data + chunk if chunk else data, LAST if last else FLAGS)
        else:
            self._send(data, FLAGS)
            self._send(chunk, LAST if last else FLAGS)
        if last:
            self._shut()

    def write(self, chunk, last):
        self.body_bytes += len(chunk)
        self._send(chunk, LAST if last else FLAGS)
        if last:
            self._shut()
        else:
            self._tell()

    def finish(self):
        """The response is complete."""
        self._shut()

    def send_file(self, file, offset, count):
        """Sends `count` bytes of a file's descriptor."""
        while count > 0:
            try:
                sent = os.sendfile(self.socket.fileno(), file, offset, min(count, SENDFILE_BYTES_MAX))
            except BlockingIOError:
                self._wait()
                continue
            except OSError:
                raise ClientGone from None
            if sent == 0:
                return
            offset += sent
            count -= sent
            self.body_bytes += sent
            self._tell()

    def close(self, is_cut=False):
        """Nothing is sent any more: the server is told."""
        self.socket.close()
        head = self.head
        if head is None:
            self.channel.report(self.token, CUT, 0, 0, 0, 0)
        else:
            self.channel.report(self.token, CUT if is_cut else 0, head.code, len(head.headers), self.head_bytes,
                                self.body_bytes)

    def release(self):
        """Nothing was sent: the server answers."""
        self.socket.close()

    def _shut(self):
        try:
            self.socket.shutdown(SHUT_WR)
        except OSError:
            # The client has closed already.
            pass

    def _send(self, data, flags):
        try:
            sent = self.socket.send(data, flags)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise ClientGone from None
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], flags)

    def _send_rest(self, data, flags):
        while data:
            self._wait()
            try:
                data = data[self.socket.send(data, flags):]
            except BlockingIOError:
                pass
            except OSError:
                raise ClientGone from None
            self._tell()

    def _wait(self):
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLOUT)
        if not poll.poll(self.timeout):
            sys.stderr.write('timeout: the client read nothing for %d ms. skip.\n' % self.timeout)
            raise ClientGone

    def _tell(self):
        now = monotonic()
        if now - self.told >= SENDING_EVERY_S:
            self.told = now
            self.channel.post(SENDING, self.token)


class FrameOutput:
    """Back through the server, which knows what the client's connection needs."""

    __slots__ = ('channel', 'token', 'flow', 'waiting')

    def __init__(self, channel, token):
        self.channel = channel
        self.token = token
        self.flow = channel.flows[token] = Flow()
        self.waiting = b''

    def begin(self, head, chunk, last):
        lines = head.lines()
        frames = HEADER.pack(HEAD, 0, self.token, len(lines)) + lines
        if len(chunk) <= PIECE_BYTES:
            self.flow.credit -= len(chunk)
            self.channel.write(frames + self._frame(chunk) + (self._end() if last else b''))
        else:
            self.channel.write(frames)
            self.write(chunk, last)

    def write(self, chunk, last):
        rest = memoryview(chunk)
        while rest:
            count = self.flow.take_credit(min(len(rest), PIECE_BYTES))
            if count == 0:
                raise ClientGone
            frames = self._frame(rest[:count])
            rest = rest[count:]
            self.channel.write(frames + self._end() if last and not rest else frames)

    def finish(self):
        self.channel.write(self._end())

    def close(self, is_cut=False):
        if is_cut:
            self.channel.report(self.token, CUT, 0, 0, 0, 0)
        self.channel.forget(self.token)

    def release(self):
        self.channel.forget(self.token)

    def _frame(self, chunk):
        return HEADER.pack(CHUNK, 0, self.token, len(chunk)) + chunk if chunk else b''

    def _end(self):
        return HEADER.pack(END, 0, self.token, 0)
