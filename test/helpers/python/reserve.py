"""Notes each start in a file, takes as long to load as another file is there, and says who answers."""
import os
import time

import uwsgi
from uwsgidecorators import postfork

FOLDER = os.environ['SIGNS']
forked = []


def path(name):
    return os.path.join(FOLDER, name)


with open(path('starts'), 'a') as file:
    file.write('%d %d\n' % (uwsgi.worker_id(), os.getpid()))
while os.path.exists(path('hang')):
    time.sleep(0.01)
with open(path('version')) as file:
    VERSION = file.read()
if VERSION == 'broken':
    raise ValueError('this version does not load')


@postfork
def note():
    forked.append(uwsgi.worker_id())


def application(environ, start_response):
    if environ['PATH_INFO'] == '/die':
        os._exit(7)
    if environ['PATH_INFO'] == '/sleep':
        time.sleep(1000)
    if environ['PATH_INFO'] == '/hold':
        open(path('held'), 'w').close()
        while not os.path.exists(path('go')):
            time.sleep(0.01)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('worker %d forked %s version %s' % (uwsgi.worker_id(), forked, VERSION)).encode()]
