"""py-autoreload: asks for a reload when the file of a loaded module has changed."""
import os
import sys
import threading
import time


def watch(seconds, reload):
    threading.Thread(target=_watch, args=(seconds, reload), name='fastwsgi-autoreload', daemon=True).start()


def _watch(seconds, reload):
    times = {}
    while True:
        for module in list(sys.modules.values()):
            file = getattr(module, '__file__', None)
            if not isinstance(file, str):
                continue
            try:
                changed = os.stat(file).st_mtime_ns
            except OSError:
                continue
            if times.setdefault(file, changed) != changed:
                times[file] = changed
                reload(file)
        time.sleep(seconds)
