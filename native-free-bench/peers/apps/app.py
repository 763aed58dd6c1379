# What every peer in Python answers: the same as answers.ts. Run by itself it prints the loops of one millisecond of work.
import json
import os
import time
import uuid

LOOPS_PER_MS = int(float(os.environ.get('BENCH_PY_LOOPS', '20000')))
JSON_MS = 2
SLOW_MS = 200


def work(loops):
    x = 1
    for _ in range(loops):
        x = (x * 1103515245 + 12345) & 0x7fffffff
    return x


def answer(body, kind='text/plain'):
    return [('Content-Type', kind), ('Content-Length', str(len(body)))], [body]


FIXED = {
    '/': answer(b'Hello World'),
    '/1k': answer(b'x' * 1024),
    '/64k': answer(b'x' * 65536),
    '/1m': answer(b'x' * 1048576),
    '/id': answer(uuid.uuid4().hex[:16].encode()),
}


def made(path):
    if path == '/json':
        work(LOOPS_PER_MS * JSON_MS)
        items = [{'id': i, 'name': 'item %d' % i, 'price': i * 10, 'tags': ['a', 'b']} for i in range(20)]
        return answer(json.dumps({'items': items}, separators=(',', ':')).encode(), 'application/json; charset=utf-8')
    if path == '/slow':
        work(LOOPS_PER_MS * SLOW_MS)
        return answer(b'slow')
    return answer(b'nothing here')


def upload(environ):
    stream = environ['wsgi.input']
    left = int(environ.get('CONTENT_LENGTH') or 0)
    count = 0
    while left > 0:
        chunk = stream.read(min(left, 65536))
        if not chunk:
            break
        count += len(chunk)
        left -= len(chunk)
    return answer(str(count).encode())


def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/upload':
        headers, body = upload(environ)
    else:
        headers, body = FIXED.get(path) or made(path)
    start_response('200 OK', headers)
    return body


if __name__ == '__main__':
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        work(1000000)
        best = max(best, 1000000 / ((time.perf_counter() - started) * 1000))
    print(best)
