"""A program on Django, asked by its own test client."""

import django
import sentry_sdk
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from failures import WAYS, begin, leave_crumb

begin()


def order(_request: HttpRequest, way: str) -> HttpResponse:
    leave_crumb()
    WAYS[way]()
    return HttpResponse("ok")


urlpatterns = [path("orders/<way>", order)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="unused")
django.setup()
client = Client(raise_request_exception=False)
for name in WAYS:
    client.get(f"/orders/{name}?token=hunter2-Xk93jQ", headers={"authorization": "Bearer hunter2-Xk93jQ"})
sentry_sdk.flush(10)
