"""What a process of Python's finds around it, and what those get that the application starts."""
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time

TEXT = [('Content-Type', 'text/plain')]
LARGE_BYTES = 20 << 20


def application(environ, start_response):
    return globals()['do_' + environ['PATH_INFO'].strip('/')](start_response)


def answer(start_response, value):
    start_response('200 OK', TEXT)
    return [json.dumps(value).encode()]


def square(number):
    return number * number


def sleep_after(event):
    event.set()
    time.sleep(60)


def do_path(start_response):
    return answer(start_response, sys.path)


def do_spawn(start_response):
    """Each process of such a pool imports the program that this one began with."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return answer(start_response, pool.map(square, [1, 2, 3]))


def do_terminate(start_response):
    context = multiprocessing.get_context('fork')
    runs = context.Event()
    child = context.Process(target=sleep_after, args=(runs,))
    child.start()
    runs.wait(20)
    child.terminate()
    child.join(20)
    ended = child.exitcode
    child.kill()
    return answer(start_response, ended)


def do_descriptors(start_response):
    """Sockets that a program gets which is started without closing them."""
    listing = subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=True)
    return answer(start_response, listing.stdout.decode().count('socket:'))


def do_limit(start_response):
    socket.setdefaulttimeout(0.000001)
    return answer(start_response, 'limited')


def do_large(start_response):
    start_response('200 OK', TEXT + [('Content-Length', str(LARGE_BYTES))])
    return [bytes(LARGE_BYTES)]


def do_bytes(start_response):
    start_response('200 OK', TEXT)
    return b'not in a list'
