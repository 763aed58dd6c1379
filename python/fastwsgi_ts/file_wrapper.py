"""wsgi.file_wrapper (PEP 3333): a file-like object as a response, sent by the kernel where it is a real file."""
import os
import stat


class FileWrapper:
    """Iterates over blocks of the file; the server looks inside."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, 'close'):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def region(self):
        """Descriptor, position and bytes to the end; None for what is no regular file."""
        try:
            fd = self.filelike.fileno()
            status = os.fstat(fd)
            position = self.filelike.tell()
        except (AttributeError, OSError, ValueError):
            return None
        if type(fd) is not int or not stat.S_ISREG(status.st_mode):
            return None
        return fd, position, max(status.st_size - position, 0)
