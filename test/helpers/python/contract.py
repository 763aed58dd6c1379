"""The application of the tests of kind python: each path does one thing that PEP 3333 speaks of."""
import atexit
import ctypes
import hashlib
import io
import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs
from wsgiref.validate import validator

TEXT = [('Content-Type', 'text/plain')]
running = []


def application(environ, start_response):
    query = {key: values[0] for key, values in parse_qs(environ['QUERY_STRING']).items()}
    name = environ['PATH_INFO'].strip('/').replace('-', '_') or 'hello'
    return globals()['do_' + name](environ, start_response, query)


validated = validator(application)


def do_hello(environ, start_response, query):
    start_response('200 OK', TEXT)
    return [b'Hello World\n']


def do_environ(environ, start_response, query):
    start_response('200 OK', [('Content-Type', 'application/json')])
    plain = {key: value for key, value in environ.items() if isinstance(value, (str, bool, int))}
    plain['types'] = sorted({type(key).__name__ for key in environ})
    plain['pid'] = os.getpid()
    return [json.dumps(plain).encode()]


def body_parts(stream, how):
    if how == 'all':
        yield stream.read()
    elif how == 'sized':
        while True:
            part = stream.read(1000)
            if not part:
                return
            yield part
    elif how == 'line':
        yield from iter(lambda: stream.readline(), b'')
    elif how == 'lines':
        yield from stream.readlines()
    else:
        yield from stream


def do_body(environ, start_response, query):
    digest = hashlib.sha1()
    count = 0
    for part in body_parts(environ['wsgi.input'], query['how']):
        digest.update(part)
        count += len(part)
    start_response('200 OK', TEXT)
    return [('%d %s' % (count, digest.hexdigest())).encode()]


def do_echo(environ, start_response, query):
    start_response('200 OK', TEXT)
    # Read while it is sent.
    return body_parts(environ['wsgi.input'], 'sized')


class Closing:
    """A body that says when it is closed."""

    def __init__(self, chunks, mark):
        self.chunks = iter(chunks)
        self.mark = mark

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def close(self):
        with open(self.mark, 'a') as file:
            file.write('closed\n')


def do_close(environ, start_response, query):
    start_response('200 OK', TEXT)

    def chunks():
        yield b'begun '
        if query.get('by') == 'raise':
            raise ValueError('in the middle')
        if query.get('by') == 'forever':
            while True:
                yield b'x' * 65536
        yield b'ended'

    return Closing(chunks(), query['mark'])


def do_stream(environ, start_response, query):
    start_response('200 OK', TEXT)
    size = int(query['bytes'])
    return (b'y' * min(100000, size - at) for at in range(0, size, 100000))


def do_write(environ, start_response, query):
    write = start_response('200 OK', TEXT)
    write(b'written ')
    write(b'')
    return [b'and ', b'', b'returned']


def do_replaced_head(environ, start_response, query):
    start_response('200 OK', TEXT)
    try:
        raise ValueError('too late')
    except ValueError:
        start_response('503 Busy', TEXT + [('X-Why', 'error')], sys.exc_info())
    return [b'an error page']


def do_late_head(environ, start_response, query):
    start_response('200 OK', TEXT)
    yield b'begun '
    try:
        raise ValueError('much too late')
    except ValueError:
        start_response('500 Error', TEXT, sys.exc_info())


def do_head_twice(environ, start_response, query):
    start_response('200 OK', TEXT)
    start_response('200 OK', TEXT)
    return [b'']


def do_no_head(environ, start_response, query):
    return [b'no head']


def do_raise(environ, start_response, query):
    raise KeyError('a failure')


def do_exit_python(environ, start_response, query):
    sys.exit(3)


def do_text(environ, start_response, query):
    start_response('200 OK', TEXT)
    return ['text is not bytes']


def do_header(environ, start_response, query):
    start_response(query.get('status', '200 OK'), [(query.get('name', 'X-Test'), query.get('value', 'v'))])
    return [b'sent']


def do_nothing(environ, start_response, query):
    start_response('200 OK', TEXT)
    return []


def do_length(environ, start_response, query):
    start_response('200 OK', TEXT + [('Content-Length', query['length'])])
    return [b'0123', b'4567', b'89']


def do_file(environ, start_response, query):
    file = open(query['path'], 'rb')
    file.seek(int(query.get('from', 0)))
    headers = TEXT + ([('Content-Length', query['length'])] if 'length' in query else [])
    start_response('200 OK', headers)
    return environ['wsgi.file_wrapper'](file, 10000)


def do_memory_file(environ, start_response, query):
    start_response('200 OK', TEXT)
    return environ['wsgi.file_wrapper'](io.BytesIO(b'z' * 25000), 10000)


def do_log(environ, start_response, query):
    environ['wsgi.errors'].write('said to wsgi.errors\n')
    print('said to standard output')
    os.write(1, b'said to descriptor 1\n')
    return do_hello(environ, start_response, query)


def do_together(environ, start_response, query):
    """Answers when as many run at a time as are wanted."""
    running.append(threading.get_ident())
    while len(running) < int(query['count']):
        time.sleep(0.005)
    start_response('200 OK', TEXT)
    return [str(len(set(running))).encode()]


def do_hold(environ, start_response, query):
    with open(query['mark'], 'w') as file:
        file.write(str(os.getpid()))
    while not os.path.exists(query['until']):
        time.sleep(0.005)
    return do_hello(environ, start_response, query)


def do_count(environ, start_response, query):
    with open(query['mark'], 'a') as file:
        file.write('ran\n')
    return do_hello(environ, start_response, query)


def do_stuck(environ, start_response, query):
    if query.get('begun'):
        start_response('200 OK', TEXT)(b'begun')
    stuck(query['by'])


def stuck(by):
    if by == 'exit':
        os._exit(7)
    elif by == 'segfault':
        ctypes.string_at(0)
    elif by == 'sleep':
        time.sleep(1000)
    elif by == 'loop':
        while True:
            pass
    elif by == 'native':
        # Holds the interpreter's lock: no other thread of the process runs. A signal ends a sleep.
        while True:
            ctypes.PyDLL(None).sleep(1000)


def do_keep(environ, start_response, query):
    running.append(bytearray(int(query['mb']) << 20))
    return do_hello(environ, start_response, query)


def do_uwsgi(environ, start_response, query):
    import uwsgi
    import uwsgidecorators
    try:
        uwsgi.cache_get('key')
    except AttributeError as error:
        absent = str(error)
    uwsgi.log('said to uwsgi.log')
    start_response('200 OK', [('Content-Type', 'application/json')])
    found = {
        'version': uwsgi.version.decode(),
        'worker': uwsgi.worker_id(),
        'numproc': uwsgi.numproc,
        'master': uwsgi.masterpid(),
        'chdir': uwsgi.opt['chdir'].decode(),
        'mine': uwsgi.opt['my-own'].decode(),
        'absent': absent,
        'postfork': hooks,
        'has_spool': hasattr(uwsgidecorators, 'spool'),
        'rss': uwsgi.mem()[0] > 1 << 20,
    }
    return [json.dumps(found).encode()]


def do_log_variables(environ, start_response, query):
    import uwsgi
    if query.get('set'):
        before = uwsgi.get_logvar('mine')
        uwsgi.set_logvar('mine', 'overwritten')
        uwsgi.set_logvar(b'mine', query['set'])
        assert before is None and uwsgi.get_logvar(b'mine') == query['set'].encode()
    if query.get('hold'):
        uwsgi.set_logvar('held', query['hold'])
        time.sleep(0.3)
        assert uwsgi.get_logvar('held') == query['hold'].encode()
    if query.get('raise'):
        raise ValueError('raised')

    class Chunks:
        def __iter__(self):
            yield b'some of it'
            if query.get('late'):
                uwsgi.set_logvar('late', query['late'])

        def close(self):
            uwsgi.set_logvar('closed', b'\xff\n')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return Chunks()


def do_log_variables_bounds(environ, start_response, query):
    import uwsgi
    found = []
    for name, value in (('', 'v'), ('n' * 256, 'v'), (1, 'v'), ('n', None)):
        try:
            uwsgi.set_logvar(name, value)
        except (TypeError, ValueError) as error:
            found.append(str(error))
    uwsgi.set_logvar('mine', 'x' * 254 + '\xe9')
    uwsgi.set_logvar('late', b'y' * 300)
    for i in range(1000):
        uwsgi.set_logvar('n', str(i))
    for i in range(61):
        uwsgi.set_logvar('n%d' % i, b'')
    try:
        uwsgi.set_logvar('one too many', b'')
    except ValueError as error:
        found.append(str(error))
    uwsgi.set_logvar('n', 'again')
    in_thread = []

    def elsewhere():
        try:
            uwsgi.set_logvar('mine', 'v')
        except RuntimeError as error:
            in_thread.append(str(error))
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(found + in_thread).encode()]


def do_own_deadline(environ, start_response, query):
    import uwsgi
    uwsgi.set_user_harakiri(1)
    if query.get('cancel'):
        uwsgi.set_user_harakiri(0)
        time.sleep(1.5)
        return do_hello(environ, start_response, query)
    stuck('sleep')


def do_reload(environ, start_response, query):
    import uwsgi
    uwsgi.reload()
    return do_hello(environ, start_response, query)


hooks = []
ticks = []


def do_ticks(environ, start_response, query):
    start_response('200 OK', TEXT)
    return [str(len(ticks)).encode()]


try:
    import uwsgidecorators
except ImportError:
    # The file is also loaded by other programs.
    pass
else:
    uwsgidecorators.postfork(lambda: hooks.append('ran'))
    uwsgidecorators.timer(1)(lambda signum: ticks.append(signum))
    atexit.register(print, 'said at the exit')
