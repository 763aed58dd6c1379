"""The channels to the server: 3 brings requests and takes answers, 4 brings control frames, 5, where there is one, is a file
that holds the state of each request. Any thread may write; one thread at a time reads a request; one reads control frames."""
import os
import socket
from array import array
from collections import deque
from marshal import loads
from mmap import mmap
from threading import Condition, Lock
from time import monotonic

from .frames import (ABORT, ACK, ANSWER, ANSWER_BYTES, ANSWERED, DATA, DONE, ENTRY_ANSWER, ENTRY_BYTES, HEADER, RECALL,
                     RETURNED, STATE)

#: Room for the largest request, its body included, and the beginning of the next one.
BUFFER_BYTES = 1 << 18
#: Descriptors that come at once, each request's client and perhaps its body: as many as the server sends together.
FDS_MAX = 32
INT_BYTES = array('i').itemsize
#: Reports of answers, and what goes before them, that are kept back while there is more to do.
REPORTS_MAX = 8
#: How long: when nothing comes for 5 ms, the server takes back what waits here.
REPORTS_KEPT_S = 0.001
REQUEST_HEADER_BYTES = 4
#: What stands where in a request: token, flags, number of descriptors, serial number, environ, mount point, the body or its length.
TOKEN = 0
FD_COUNT = 2
#: The server has room for this many bytes of a response that it could not send on.
WINDOW_BYTES = 262144

#: A program that the application starts would keep a client's connection open.
CLOEXEC = getattr(socket, 'MSG_CMSG_CLOEXEC', 0)
SPACE = socket.CMSG_SPACE(FDS_MAX * INT_BYTES)


class Lost(Exception):
    """The server has gone."""


class Flow:
    """What the control channel brings for one request."""

    __slots__ = ('condition', 'credit', 'aborted', 'data')

    def __init__(self):
        self.condition = Condition()
        self.credit = WINDOW_BYTES
        self.aborted = False
        self.data = deque()

    def take_credit(self, count):
        """Waits until some of `count` bytes may be sent; how many. 0: the client has gone."""
        with self.condition:
            while self.credit == 0 and not self.aborted:
                self.condition.wait()
            if self.aborted:
                return 0
            count = min(count, self.credit)
            self.credit -= count
            return count

    def take_data(self):
        """Waits for what was asked for of the request's body; empty when the client has gone."""
        with self.condition:
            while not self.data and not self.aborted:
                self.condition.wait()
            return self.data.popleft() if self.data else b''


class Channel:
    """All of them. `flows` has the requests that are being answered, by token."""

    def __init__(self):
        for fd in (3, 4, 6):
            os.set_inheritable(fd, False)
            os.set_blocking(fd, True)
        # Not to be touched by socket.setdefaulttimeout().
        self.requests = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, 3)
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, 4)
        #: Of its own, and never written to by the server: what a write fails on there would take along what was not read yet.
        self.answers = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, 6)
        for one in (self.requests, self.control, self.answers):
            one.settimeout(None)
        self.states = None
        #: This is a child of the process that serves.
        self.is_forked = False
        self.flows = {}
        self.reading = Lock()
        self.writing = Lock()
        self._receive = self.requests.recvmsg_into
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._fds = deque()
        self._reports = []
        #: A thread waits for the next request, or is about to.
        self._is_waiting = False
        #: Since when the oldest of them is kept back.
        self._reports_since = 0.0

    def first(self):
        """The bytes of the first message, which is no request. Raises Lost."""
        while True:
            have = self._end - REQUEST_HEADER_BYTES
            if have >= 0 and have >= int.from_bytes(self._view[:REQUEST_HEADER_BYTES], 'little'):
                break
            self._fill(0)
        size = int.from_bytes(self._view[:REQUEST_HEADER_BYTES], 'little')
        # Nothing follows before it was answered.
        self._end = 0
        return bytes(self._view[REQUEST_HEADER_BYTES:REQUEST_HEADER_BYTES + size])

    def open_states(self, size):
        """Maps the table of states."""
        os.set_inheritable(5, False)
        self.states = mmap(5, size)

    def abandon(self):
        """For a process that the application has forked: requests and answers are not its business, whatever it returns from."""
        self.is_forked = True
        for one in (self.requests, self.control, self.answers, self.states):
            one.close()

    # ---- requests

    def next(self):
        """The next request, as the server put it together, and its descriptors. Raises Lost when there will be none."""
        with self.reading:
            while True:
                request = self._take()
                if request is not None:
                    return request
                # Before the reports are looked at: a thread whose report is not seen here sees that somebody waits.
                self._is_waiting = True
                if not self._reports or not self._fill(socket.MSG_DONTWAIT):
                    self.write(b'')
                    self._fill(0)
                self._is_waiting = False

    def _take(self):
        start = self._start
        have = self._end - start
        if have < REQUEST_HEADER_BYTES:
            return None
        size = int.from_bytes(self._view[start:start + REQUEST_HEADER_BYTES], 'little') + REQUEST_HEADER_BYTES
        if have < size:
            return None
        message = loads(self._view[start + REQUEST_HEADER_BYTES:start + size])
        count = message[FD_COUNT]
        take = self._fds.popleft
        fds = (take(),) if count == 1 else (take(), take()) if count else ()
        if have == size:
            self._start = self._end = 0
        else:
            self._start = start + size
        return message, fds

    def _fill(self, flags):
        """Reads more; False when there is nothing and `flags` say not to wait."""
        if self._start > 0:
            rest = self._end - self._start
            self._buffer[:rest] = self._buffer[self._start:self._end]
            self._start = 0
            self._end = rest
        try:
            count, ancillary, _, _ = self._receive([self._view[self._end:]], SPACE, flags | CLOEXEC)
        except BlockingIOError:
            return False
        for _, _, data in ancillary:
            fds = array('i')
            fds.frombytes(data[:len(data) - len(data) % INT_BYTES])
            self._fds.extend(fds)
        if count == 0:
            raise Lost
        self._end += count
        return True

    def _give_back(self):
        """Tells the server which requests have come that nobody has begun."""
        if not self.reading.acquire(False):
            # Somebody waits for one: there is none.
            return
        try:
            while True:
                request = self._take()
                if request is not None:
                    message, fds = request
                    for fd in fds:
                        os.close(fd)
                    self.post(RETURNED, message[TOKEN])
                elif not self._fill(socket.MSG_DONTWAIT):
                    break
        except Lost:
            pass
        finally:
            self.reading.release()

    # ---- answers

    def post(self, kind, token=0, payload=b'', flags=0):
        """Sends a frame."""
        self.write(HEADER.pack(kind, flags, token, len(payload)) + payload)

    def write(self, frames):
        """Sends frames that are put together already."""
        with self.writing:
            self._send(frames)

    def report(self, token, flags, status, headers, head_bytes, body_bytes):
        """Says that a response was sent from here; together with others if there is more to do."""
        entry = token * ENTRY_BYTES
        # Until the report is read, the table alone knows of it.
        ENTRY_ANSWER.pack_into(self.states, entry + STATE + 1, flags, status, headers, head_bytes, body_bytes)
        self.states[entry + STATE] = DONE
        report = ANSWER.pack(ANSWERED, flags, token, ANSWER_BYTES, status, headers, head_bytes, body_bytes)
        self._keep(report)

    def tell(self, kind, token, payload):
        """Sends a frame that the server needs no sooner than the next one."""
        self._keep(HEADER.pack(kind, 0, token, len(payload)) + payload)

    def _keep(self, frame):
        now = monotonic()
        with self.writing:
            if not self._reports:
                self._reports_since = now
            self._reports.append(frame)
            # Fewer than are on their way: the server sends more while we are busy with the rest. While a thread waits for a
            # request there is no rest.
            if self._is_waiting or len(self._reports) >= REPORTS_MAX or now - self._reports_since >= REPORTS_KEPT_S:
                self._send(b'')

    def _send(self, frames):
        reports = self._reports
        if reports:
            frames = b''.join(reports) + frames
            reports.clear()
        if not frames:
            return
        try:
            self.answers.sendall(frames)
        except (BrokenPipeError, ConnectionResetError):
            raise Lost from None

    # ---- control

    def listen(self):
        """Obeys control frames until the server has gone: the body of a thread."""
        stream = self.control.makefile('rb')
        while True:
            header = stream.read(HEADER.size)
            if len(header) < HEADER.size:
                # Whatever runs here runs for nobody.
                os._exit(0)
            kind, _, token, size = HEADER.unpack(header)
            payload = stream.read(size) if size else b''
            if kind == RECALL:
                self._give_back()
                self.write(b'')
                continue
            flow = self.flows.get(token)
            if flow is None:
                continue
            with flow.condition:
                if kind == ABORT:
                    flow.aborted = True
                elif kind == ACK:
                    flow.credit += int.from_bytes(payload, 'little')
                elif kind == DATA:
                    flow.data.append(payload)
                flow.condition.notify_all()

    def forget(self, token):
        """The request is over."""
        self.flows.pop(token, None)
