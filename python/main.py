"""Runs a WSGI application (PEP 3333) for one worker of fastwsgi-ts, which starts this program and talks to it on the
descriptors 3 and above (fastwsgi_ts/channel.py). Standard output and error are the server's log. Python 3.8 or later."""
import sys

if sys.version_info < (3, 8):
    sys.exit('Python 3.8 or later is needed, this is %s' % sys.version.split()[0])

from fastwsgi_ts.child import main  # noqa: E402

# The application's modules are found by its own paths, not beside this file.
del sys.path[0]
main()
