"""The contract's application as kind python, with wsgiref.validate around it: what each path does is told by its name, and by
behaviours.ts."""
import json
import time
from wsgiref.validate import validator

PLAIN = [('Content-Type', 'text/plain')]
SECRET = 'the secret of the application'
RESPONSE_HEADERS = PLAIN + [
    ('X-One', '1'),
    ('X-Latin', 'caf\xe9'),
    ('Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT'),
    ('Set-Cookie', 'b=2; Path=/'),
    ('Set-Cookie', 'c=3'),
    ('Cache-Control', 'no-store'),
]
counters = {'requests': 0, 'left': 0}
# It repeats itself after so many bytes.
period = bytes((i * 31 + (i >> 8) * 7) & 255 for i in range(65536))


def pattern(count):
    return (period * (count // len(period) + 1))[:count]


def events():
    for i in range(3):
        yield b'data: %d\n\n' % i
        time.sleep(0.03)


def endless():
    try:
        while True:
            yield pattern(10000)
            time.sleep(0.001)
    finally:
        counters['left'] += 1


def broken(chunk):
    yield chunk
    # A client that gets the cut together with the data may not see that it is one.
    time.sleep(0.03)
    raise ValueError(SECRET)


def whole(environ):
    return environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))


def facts(environ):
    headers = {}
    for name, value in environ.items():
        if name.startswith('HTTP_'):
            headers[name[5:].lower().replace('_', '-')] = value
        elif name in ('CONTENT_TYPE', 'CONTENT_LENGTH') and value:
            headers[name.lower().replace('_', '-')] = value
    return {
        'method': environ['REQUEST_METHOD'],
        'target': environ['REQUEST_URI'],
        'headers': headers,
        'address': environ['REMOTE_ADDR'],
        'secure': environ['wsgi.url_scheme'] == 'https',
    }


def plain_application(environ, start_response):
    name, first, second = (environ.get('PATH_INFO', '').split('/') + ['', '', ''])[1:4]
    if name != 'throw':
        counters['requests'] += 1

    def answer(body, headers=PLAIN, status='200 OK'):
        start_response(status, headers)
        return body

    def fail():
        raise ValueError(SECRET)

    def slept():
        time.sleep(int(first) / 1000)
        return answer([('slept %s %s' % (first, second)).encode()])

    paths = {
        'throw': fail,
        'reject': fail,
        'hello': lambda: answer([b'hello']),
        'empty': lambda: answer([]),
        'bytes': lambda: answer([pattern(int(first))]),
        'length': lambda: answer(iter([pattern(int(first))]), PLAIN + [('Content-Length', first)]),
        'stream': lambda: answer(pattern(int(first)) for _ in range(int(second))),
        'events': lambda: answer(events(), [('Content-Type', 'text/event-stream')]),
        'endless': lambda: answer(endless()),
        'echo': lambda: answer([whole(environ)], [('Content-Type', environ.get('CONTENT_TYPE', ''))]),
        'stream-echo': lambda: answer(iter(lambda: environ['wsgi.input'].read(10000), b'')),
        'part': lambda: answer([environ['wsgi.input'].read(int(first))]),
        'json': lambda: answer([as_json(json.loads(whole(environ)))], [('Content-Type', 'application/json')]),
        'request': lambda: answer([as_json(facts(environ))]),
        'trailers': lambda: answer([environ.get('REQUEST_TRAILERS', '').encode('latin-1')]),
        # The validator wants a type wherever there is a body, and none where there is not.
        'status': lambda: answer([b'status ' + first.encode()], [] if first in ('204', '304') else PLAIN, first),
        'reason': lambda: answer([b'x'], PLAIN, '299 Quite Fine'),
        'headers': lambda: answer([b'x'], RESPONSE_HEADERS),
        'large-header': lambda: answer([b'x'], PLAIN + [('X-Large', 'v' * int(first))]),
        'redirect': lambda: answer([], PLAIN + [('Location', '/elsewhere?a=b')], '302 Found'),
        'date': lambda: answer([b'x'], PLAIN + [('Date', 'Thu, 01 Jan 1970 00:00:00 GMT')]),
        'close': lambda: answer([b'x'], PLAIN + [('Connection', 'close')]),
        'unicode': lambda: answer(['grün €'.encode()]),
        'short': lambda: answer([b'1234'], PLAIN + [('Content-Length', '10')]),
        'long': lambda: answer([b'0123456789'], PLAIN + [('Content-Length', '4')]),
        'break': lambda: answer(broken(b'begun')),
        'bad-header': lambda: answer([b'x'], PLAIN + [('X-Bad', 'a\r\nInjected: yes')]),
        'sleep': slept,
        'counters': lambda: answer([json.dumps(counters).encode()]),
    }
    return paths.get(name, lambda: answer([b'no such path'], PLAIN, '404 Not Found'))()


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode()


application = validator(plain_application)
