from django.urls import path

from . import views

urlpatterns = [
    path('', views.hello),
    path('table', views.table),
    path('stream', views.stream),
    path('upload', views.upload),
    path('media/<str:name>', views.media),
]
