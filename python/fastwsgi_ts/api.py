"""The `uwsgi` module as an application sees it, as far as it makes sense here."""
import os
import sys
import threading
import time
import types

from . import decorators
from .frames import DEADLINE, LOG_VARIABLE, LOG_VARIABLE_HEAD, RELOAD

PAGE_BYTES = os.sysconf('SC_PAGE_SIZE')
#: Of the name of a log variable, and of its value, as in uWSGI.
LOG_TEXT_BYTES_MAX = 255
#: Log variables of one request.
LOG_VARIABLES_MAX = 64


def install(channel, config):
    """Makes `import uwsgi` and `import uwsgidecorators` work."""
    module = Uwsgi(channel, config)
    sys.modules['uwsgi'] = module
    sys.modules['uwsgidecorators'] = decorators.Decorators(module)
    return module


class Uwsgi(types.ModuleType):
    """Functions and constants under uWSGI's names; what is not here raises AttributeError with its name."""

    def __init__(self, channel, config):
        super().__init__('uwsgi', 'The API of uWSGI, as far as fastwsgi-ts has it')
        self._channel = channel
        self._config = config
        self._local = threading.local()
        self._requests = 0
        self._hooks = []
        self._has_started = False
        self.version = config['version'].encode()
        self.hostname = config['node'].encode()
        self.numproc = config['processes']
        self.cores = config['threads']
        self.started_on = int(time.time())
        self.opt = {key: _option(value) for key, value in config['options']}

    def __getattr__(self, name):
        raise AttributeError('fastwsgi-ts has no uwsgi.%s' % name)

    def worker_id(self):
        """From 1."""
        return self._config['workerId']

    def masterpid(self):
        """The process that all workers belong to."""
        return self._config['parentPid']

    def log(self, text):
        """Writes a line to the log."""
        sys.stderr.write('%s\n' % (text.decode('utf-8', 'replace') if isinstance(text, bytes) else text))
        return True

    def request_id(self):
        """Requests that this worker has begun."""
        return self._requests

    def set_user_harakiri(self, seconds):
        """The running request is ended after so many seconds; 0 takes that back."""
        self._channel.post(DEADLINE, self._token(), int(seconds * 1000).to_bytes(4, 'little'))

    def set_logvar(self, name, value):
        """`%(name)` in the log line of the running request. Both are str or bytes; a value is cut at 255 bytes. Raises
        ValueError for a name that is empty or longer, and for the 65th one."""
        token = self._token()
        name, value = _log_text(name), _cut(_log_text(value), value)
        if not 0 < len(name) <= LOG_TEXT_BYTES_MAX:
            raise ValueError('The name of a log variable has 1 to %d bytes, not %d' % (LOG_TEXT_BYTES_MAX, len(name)))
        known = self._local.log_variables
        if known is None:
            known = self._local.log_variables = {}
        if name not in known and len(known) >= LOG_VARIABLES_MAX:
            raise ValueError('A request has %d log variables at most' % LOG_VARIABLES_MAX)
        known[name] = value
        head = LOG_VARIABLE_HEAD.pack(self._local.serial, len(name))
        self._channel.tell(LOG_VARIABLE, token, head + name + value)

    def get_logvar(self, name):
        """What `set_logvar` has set for the running request, as bytes; None when it has not."""
        self._token()
        return (self._local.log_variables or {}).get(_log_text(name))

    def reload(self):
        """Loads the application anew, in all workers."""
        self._channel.post(RELOAD, payload=b'uwsgi.reload()')
        return True

    def mem(self):
        """Resident memory and address space, in bytes."""
        with open('/proc/self/statm') as file:
            pages = file.read().split()
        return int(pages[1]) * PAGE_BYTES, int(pages[0]) * PAGE_BYTES

    # For this package.

    def _on_start(self, hook):
        """Calls `hook` when the application is loaded."""
        if self._has_started:
            hook()
        else:
            self._hooks.append(hook)

    def _start(self):
        self._has_started = True
        for hook in self._hooks:
            hook()

    def _begin(self, token, serial):
        """A request begins in this thread."""
        local = self._local
        local.token = token
        local.serial = serial
        local.log_variables = None
        self._requests += 1

    def _end(self):
        self._local.token = None

    def _token(self):
        token = getattr(self._local, 'token', None)
        if token is None:
            raise RuntimeError('There is no request in this thread')
        return token


def _option(value):
    """uWSGI's values are bytes; True stands for a bare name, a list for one that is there several times."""
    if isinstance(value, list):
        return [_option(each) for each in value]
    return value.encode() if isinstance(value, str) else value


def _log_text(text):
    """As bytes. Raises TypeError for what is neither str nor bytes."""
    if isinstance(text, str):
        return text.encode('utf-8', 'backslashreplace')
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    raise TypeError('A log variable is str or bytes, not %s' % type(text).__name__)


def _cut(encoded, text):
    """At most 255 bytes of it; of a str no part of a character."""
    if len(encoded) <= LOG_TEXT_BYTES_MAX:
        return encoded
    encoded = encoded[:LOG_TEXT_BYTES_MAX]
    return encoded.decode('utf-8', 'ignore').encode() if isinstance(text, str) else encoded
