"""Applications that a server has to live with: each path does what no application should."""
import os
import sys
import threading
import time
from urllib.parse import parse_qs

TEXT = [('Content-Type', 'text/plain')]


class FailsToClose:
    def __iter__(self):
        return iter([b'all of it'])

    def close(self):
        raise ValueError('cannot be closed')


def application(environ, start_response):
    query = {key: values[0] for key, values in parse_qs(environ['QUERY_STRING']).items()}
    return globals()['do_' + environ['PATH_INFO'].strip('/').replace('-', '_')](start_response, query)


def answer(start_response, text):
    start_response('200 OK', TEXT)
    return [text.encode()]


def do_pid(start_response, query):
    return answer(start_response, str(os.getpid()))


def do_fork(start_response, query):
    """Both processes go on, or the new one ends in one way or another."""
    child = os.fork()
    if child == 0:
        with open(query['mark'], 'a') as mark:
            mark.write('%d\n' % os.getpid())
        if query['by'] == 'exit':
            sys.exit(0)
        if query['by'] == 'stay':
            time.sleep(60)
    return answer(start_response, str(os.getpid()))


def do_close_descriptors(start_response, query):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    os.closerange(3, 100)
    return answer(start_response, 'closed')


def do_close_standard_streams(start_response, query):
    sys.stdout.close()
    sys.stderr.close()
    return answer(start_response, 'closed')


def do_fail_to_close(start_response, query):
    headers = TEXT + [('Content-Length', '9')] if 'length' in query else TEXT
    start_response('200 OK', headers)
    return FailsToClose()


def do_interim(start_response, query):
    start_response('103 Early Hints', [('Link', '</a>')])
    return []
