"""Runs a WSGI application (PEP 3333) for one worker of fastwsgi-ts, which starts this program and talks to it on the
descriptors 3 and above (fastwsgi_ts/channel.py). Standard output and error are the server's log. CPython 3.8 or later; this file
must be understood by older ones, too."""
import os
import sys


def run():
    if getattr(sys.flags, 'safe_path', False):
        # Else it is there (PYTHONSAFEPATH).
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from fastwsgi_ts.child import main

    # The application's modules are found by its own paths, not beside this file.
    del sys.path[0]
    main()


if sys.version_info < (3, 8):
    sys.exit('Python 3.8 or later is needed, this is %s' % sys.version.split()[0])
if sys.implementation.name != 'cpython':
    # PyPy, for one, has neither os.preadv() nor socket.MSG_NOSIGNAL.
    sys.exit('CPython is needed, this is %s' % sys.implementation.name)

# Processes that multiprocessing starts anew for the application import this file, too, and must not serve.
if __name__ == '__main__':
    run()
