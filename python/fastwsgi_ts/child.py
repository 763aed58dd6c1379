"""The life of the process: takes its configuration, loads the application, serves, and ends when the server wants no more."""
import faulthandler
import json
import os
import signal
import sys
import threading
import traceback

from . import api, autoreload
from .channel import Channel, Lost
from .file_wrapper import FileWrapper
from .frames import LOAD_ERROR, LOADED, RELOAD
from .loader import load
from .request import Server

PR_SET_PDEATHSIG = 1


def main():
    channel = Channel()
    try:
        config = json.loads(channel.first())
    except Lost:
        return
    die_with_parent(config['parentPid'])
    ignore_signals()
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR2, all_threads=True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding='utf-8', errors='backslashreplace', line_buffering=True)
    channel.open_states(config['stateBytes'])
    os.register_at_fork(after_in_child=channel.abandon)
    threading.Thread(target=channel.listen, name='fastwsgi-control', daemon=True).start()
    module = api.install(channel, config)
    sys.argv = ['uwsgi']
    # As in uWSGI, which puts each before what is there.
    sys.path[:0] = config['pythonPath'][::-1] + [os.getcwd()]
    try:
        application = load(config['module'], config['file'], config['callable'])
        module._start()
    except BaseException:
        channel.post(LOAD_ERROR, payload=traceback.format_exc().encode('utf-8', 'replace'))
        # What the module has begun is not waited for.
        sys.stdout.flush()
        os._exit(1)
    if config['chdir2']:
        os.chdir(config['chdir2'])
    channel.post(LOADED, payload=sys.version.split()[0].encode())
    if config['autoreloadSeconds'] and config['workerId'] == 1:
        autoreload.watch(config['autoreloadSeconds'], lambda file: channel.post(RELOAD, payload=file.encode()))
    serve(Server(channel, application, constants(config), config['socketTimeoutMs'], module), config['threads'])


def serve(server, threads):
    """Runs the server in this thread and in others beside it; the channel gives each request to one of them."""
    others = [threading.Thread(target=server.run, name='fastwsgi-%d' % i, daemon=True) for i in range(1, threads)]
    for thread in others:
        thread.start()
    server.run()
    for thread in others:
        thread.join()


def constants(config):
    """What environ holds whatever the request."""
    return {
        'wsgi.version': (1, 0),
        'wsgi.errors': sys.stderr,
        'wsgi.multithread': config['threads'] > 1,
        'wsgi.multiprocess': config['processes'] > 1,
        'wsgi.run_once': False,
        'wsgi.file_wrapper': FileWrapper,
        'uwsgi.version': config['version'].encode(),
        'uwsgi.node': config['node'].encode(),
    }


def die_with_parent(parent_pid):
    """The kernel ends this process with the thread that started it; the end of the control channel does so elsewhere."""
    try:
        import ctypes
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (ImportError, AttributeError, OSError):
        return
    if os.getppid() != parent_pid:
        os._exit(0)


def ignore_signals():
    """A signal for the whole group is the server's to act on. With handlers, because what is ignored stays so in programs
    that the application starts. What it forks can be ended by them: multiprocessing does so."""
    before = {number: signal.signal(number, _ignore)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)}

    def restore():
        for number, handler in before.items():
            if signal.getsignal(number) is _ignore:
                signal.signal(number, handler)

    os.register_at_fork(after_in_child=restore)


def _ignore(*_):
    pass
