"""One view for each kind of response."""
import hashlib

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt


def hello(request):
    return HttpResponse('Hello from Django\n', content_type='text/plain')


def table(request):
    rows = [{'id': i, 'name': 'Row %d' % i, 'price': i * 1.25} for i in range(50)]
    return render(request, 'pages/table.html', {'rows': rows})


def stream(request):
    count = int(request.GET.get('lines', 10))
    return StreamingHttpResponse(('line %d\n' % i for i in range(count)), content_type='text/plain')


@csrf_exempt
def upload(request):
    """Stores a file, as a form sends it, and answers with its digest."""
    file = request.FILES['file']
    name = default_storage.save(file.name, file)
    with default_storage.open(name) as stored:
        digest = hashlib.sha1()
        for chunk in stored.chunks():
            digest.update(chunk)
    return JsonResponse({'name': name, 'bytes': file.size, 'sha1': digest.hexdigest()})


def media(request, name):
    """Behind nginx its `location /media/` sends these."""
    return FileResponse(open(settings.MEDIA_ROOT / name, 'rb'))
