"""A small Flask application: a template, JSON, a stream, an upload and a file. `module = app:app`."""
import hashlib

from flask import Flask, Response, jsonify, render_template, request, send_file

app = Flask(__name__)


@app.route('/')
def hello():
    return Response('Hello from Flask\n', mimetype='text/plain')


@app.route('/page/<name>')
def page(name):
    return render_template('page.html', name=name, rows=range(10))


@app.route('/json', methods=['GET', 'POST'])
def json():
    return jsonify(method=request.method, args=request.args, body=request.get_json(silent=True))


@app.route('/stream')
def stream():
    count = int(request.args.get('lines', 10))
    return Response(('line %d\n' % i for i in range(count)), mimetype='text/plain')


@app.route('/upload', methods=['POST'])
def upload():
    digest = hashlib.sha1()
    count = 0
    for chunk in iter(lambda: request.files['file'].stream.read(65536), b''):
        digest.update(chunk)
        count += len(chunk)
    return jsonify(bytes=count, sha1=digest.hexdigest())


@app.route('/file')
def file():
    return send_file(__file__, mimetype='text/x-python')
