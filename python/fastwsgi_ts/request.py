"""One request after the other: environ, the application's call, and what it returns into the response (PEP 3333)."""
import os
import sys
import traceback
from io import BytesIO

from .body import distant_body, file_body
from .channel import Lost
from .file_wrapper import FileWrapper
from .frames import BEGUN, ENTRY_BYTES, FAILED, RUNNING, SERIAL, STATE
from .head import Head
from .output import ClientGone, DirectOutput, FrameOutput

# Flags of a request.
DIRECT = 1
BODY_FD = 2

_no_more = object()


class Request:
    """A request's response, from start_response on."""

    __slots__ = ('output', 'head', 'begun', 'rest', 'is_head', 'is_over')

    def __init__(self, output, is_head):
        self.output = output
        self.head = None
        self.begun = False
        #: Bytes of body that may still be sent; -1: as many as there are; 0: the response is complete.
        self.rest = -1
        self.is_head = is_head
        self.is_over = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                # No reference from the frame to itself.
                exc_info = None
        elif self.head is not None:
            raise AssertionError('start_response was called again, without exc_info')
        if self.is_over:
            raise RuntimeError('The request is over')
        self.head = Head(status, headers)
        return self.write

    def write(self, data):
        if self.is_over:
            raise RuntimeError('The request is over')
        if data:
            self.send(data)

    def send(self, chunk):
        """Sends a chunk that is not empty."""
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError('The application gave %s as a chunk of its response, expected bytes' % type(chunk).__name__)
        if not self.begun:
            self._begin(chunk)
        elif self.rest < 0:
            self.output.write(chunk, False)
        elif self.rest > 0:
            chunk = self._cut(chunk)
            self.output.write(chunk, self.rest == 0)

    def _begin(self, chunk):
        head = self.head
        if head is None:
            raise AssertionError('The application did not call start_response')
        if self.is_head or head.bodiless:
            chunk = b''
            self.rest = 0
        elif head.length >= 0:
            self.rest = head.length
            chunk = self._cut(chunk)
        # What makes the head one that cannot be sent is found before anything is.
        self.output.begin(head, chunk, self.rest == 0)
        self.begun = True

    def _cut(self, chunk):
        if len(chunk) > self.rest:
            chunk = chunk[:self.rest]
        self.rest -= len(chunk)
        return chunk

    def respond(self, result):
        """Sends what the application returned."""
        if isinstance(result, FileWrapper) and self._send_file(result):
            return
        if type(result) is bytes:
            # As in uWSGI; iterating it would give numbers.
            result = (result,)
        send = self.send
        for chunk in result:
            if chunk:
                # What the application does after the last chunk is waited for; a chunk too many is not.
                if self.rest == 0:
                    break
                send(chunk)
        self._end()

    def _end(self):
        if not self.begun:
            self._begin(b'')
        if self.rest != 0:
            self.output.finish()
            self.rest = 0

    def _send_file(self, wrapper):
        head = self.head
        if self.begun or head is None or self.is_head or head.bodiless or not isinstance(self.output, DirectOutput):
            return False
        region = wrapper.region()
        if region is None:
            return False
        fd, position, count = region
        if head.length >= 0:
            count = min(count, head.length)
        self.output.begin(head, b'', False)
        self.begun = True
        self.output.send_file(fd, position, count)
        self.output.finish()
        return True


class Server:
    """What is the same for all requests."""

    def __init__(self, channel, application, constants, timeout, api):
        self.channel = channel
        self.application = application
        self.constants = constants
        self.timeout = timeout
        self.api = api

    def run(self):
        """Serves until there will be no more requests. In each thread."""
        following = self.channel.next
        while True:
            try:
                message, fds = following()
                self.handle(message, fds)
            except Lost:
                return
            except BaseException:
                # Nothing of the application's comes this far, but from a process that it has forked: else the application has
                # closed what is not its own, and this process is of no use any more, whatever threads it still has.
                if not self.channel.is_forked:
                    tell(traceback.format_exc())
                os._exit(1)

    def handle(self, message, fds):
        token, flags, _, serial, environ, mount_point, body = message
        channel = self.channel
        entry = token * ENTRY_BYTES
        channel.states[entry + STATE] = RUNNING
        # From here on the entry is about this request.
        SERIAL.pack_into(channel.states, entry, serial)
        if mount_point:
            environ['SCRIPT_NAME'] = mount_point
            environ['PATH_INFO'] = environ.get('PATH_INFO', '')[len(mount_point):]
        elif 'SCRIPT_NAME' not in environ:
            environ['SCRIPT_NAME'] = ''
        # The server's keys are set last: a variable of the same name does not replace them.
        environ.update(self.constants)
        environ['wsgi.url_scheme'] = url_scheme(environ)
        if flags & DIRECT:
            output = DirectOutput(channel, token, fds[0], self.timeout, protocol_of(environ))
        else:
            output = FrameOutput(channel, token)
        if type(body) is bytes:
            stream = BytesIO(body)
        elif flags & BODY_FD:
            stream = file_body(fds[-1], int(body))
        else:
            stream = distant_body(channel, token, output.flow, int(body))
        environ['wsgi.input'] = stream
        environ['uwsgi.core'] = token
        request = Request(output, environ.get('REQUEST_METHOD') == 'HEAD')
        self.api._begin(token, serial)
        try:
            self.call(request, environ)
        except ClientGone:
            output.close(True)
        except Lost:
            raise
        except BaseException:
            self.fail(token, request)
        else:
            output.close()
        request.is_over = True
        stream.close()
        self.api._end()

    def call(self, request, environ):
        result = self.application(environ, request.start_response)
        try:
            request.respond(result)
        finally:
            close = getattr(result, 'close', None)
            if close is not None:
                close()

    def fail(self, token, request):
        """The server answers 500, or breaks the response off."""
        text = traceback.format_exc()
        output = request.output
        if request.begun and request.rest == 0:
            # All of the response was there: its client has it.
            tell(text)
            output.close()
            return
        output.release()
        self.channel.post(FAILED, token, text.encode('utf-8', 'replace'), BEGUN if request.begun else 0)


def tell(text):
    """Writes to the log, also where the application has closed its standard error."""
    try:
        sys.stderr.write(text)
    except (OSError, ValueError):
        pass


def protocol_of(environ):
    """`HTTP/x.y` of the request, for the status line."""
    protocol = environ.get('SERVER_PROTOCOL', '')
    if len(protocol) == 8 and protocol[:5] == 'HTTP/' and protocol[6] == '.':
        return protocol
    return 'HTTP/1.1'


def url_scheme(environ):
    """uWSGI's rule: UWSGI_SCHEME or X-Forwarded-Proto as they stand, else what HTTPS says."""
    get = environ.get
    told = get('UWSGI_SCHEME') or get('HTTP_X_FORWARDED_PROTO')
    if told:
        return told
    https = get('HTTPS')
    return 'https' if https and (https[0] == '1' or https[:2].lower() == 'on') else 'http'
