"""The `uwsgidecorators` module, as far as it makes sense here."""
import sys
import threading
import time
import traceback
import types
from functools import wraps


class Decorators(types.ModuleType):
    """Under uWSGI's names; what is not here raises AttributeError with its name."""

    def __init__(self, uwsgi):
        super().__init__('uwsgidecorators', 'The decorators of uWSGI, as far as fastwsgi-ts has them')
        self._uwsgi = uwsgi

    def __getattr__(self, name):
        raise AttributeError('fastwsgi-ts has no uwsgidecorators.%s' % name)

    def postfork(self, function):
        """Called in each worker when the application is loaded. Nothing is forked: each worker loads it for itself."""
        self._uwsgi._on_start(function)
        return function

    def timer(self, seconds, **_options):
        """Called every so many seconds, in worker 1, in a thread of its own; with a signal number, as uWSGI does: always 0."""

        def decorate(function):
            if self._uwsgi.worker_id() == 1:
                self._uwsgi._on_start(lambda: _start_thread(_repeat, seconds, function))
            return function

        return decorate

    def thread(self, function):
        """A call runs in a thread of its own."""

        @wraps(function)
        def start(*arguments, **options):
            return _start_thread(function, *arguments, **options)

        return start

    def harakiri(self, seconds):
        """The request that makes this call is ended when the call takes longer."""

        def decorate(function):
            @wraps(function)
            def call(*arguments, **options):
                self._uwsgi.set_user_harakiri(seconds)
                try:
                    return function(*arguments, **options)
                finally:
                    self._uwsgi.set_user_harakiri(0)

            return call

        return decorate


def _start_thread(function, *arguments, **options):
    thread = threading.Thread(target=function, args=arguments, kwargs=options, daemon=True)
    thread.start()
    return thread


def _repeat(seconds, function):
    while True:
        time.sleep(seconds)
        try:
            function(0)
        except Exception:
            sys.stderr.write(traceback.format_exc())
