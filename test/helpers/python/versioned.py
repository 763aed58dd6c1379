"""Answers with what stands in a file beside it when it is loaded."""
import os

with open(os.environ['VERSION_FILE']) as file:
    VERSION = file.read().encode()


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [VERSION]
