"""A program on Django, asked as a WSGI server asks."""

from wsgiref.util import setup_testing_defaults

import sentry_sdk
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from failures import WAYS, begin, leave_crumb

begin()


def order(_request: HttpRequest, way: str) -> HttpResponse:
    leave_crumb()
    WAYS[way]()
    return HttpResponse("ok")


urlpatterns = [path("orders/<way>", order)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="unused")
application = get_wsgi_application()
for name in WAYS:
    environ = {"PATH_INFO": f"/orders/{name}", "QUERY_STRING": "token=hunter2-Xk93jQ"}
    setup_testing_defaults(environ)
    environ["HTTP_AUTHORIZATION"] = "Bearer hunter2-Xk93jQ"
    answer = application(environ, lambda *_: None)
    list(answer)
    answer.close()
sentry_sdk.flush(10)
