"""Finds the application: a module by its name, or a file."""
import importlib
import importlib.machinery
import importlib.util
import os
import sys

DEFAULT = 'application'


def load(module, file, name):
    """The callable. Raises what the import raises, and TypeError for what cannot be called."""
    loaded = importlib.import_module(module) if module else load_file(file)
    wanted = name or DEFAULT
    is_factory = wanted.endswith('()')
    application = loaded
    for part in (wanted[:-2] if is_factory else wanted).split('.'):
        application = getattr(application, part)
    if is_factory:
        application = application()
    if not callable(application):
        raise TypeError('%s is no callable, but %s' % (wanted, type(application).__name__))
    return application


def load_file(file):
    """The module of a file, whatever its name."""
    path = os.path.abspath(file)
    # As in uWSGI.
    name = 'uwsgi_file_' + os.path.splitext(os.path.basename(path))[0].replace('.', '_').replace('-', '_')
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module
