"""Which service an event is of. Sentry's protocol has no such field: a tag, else a name that the SDK gives its server. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from api.ingest.receivers.sentry.values import as_name, as_object

NAMES_ENTRIES = 512
NAME_CHARS = 253
# As Kubernetes names pods: checkout-7d9f8b6c5d-x2x4z of a Deployment, checkout-x2x4z of others. What it draws has no vowels;
# a digit in it tells it from a word.
_DRAWN = "bcdfghjklmnpqrstvwxz2456789"
POD = re.compile(rf"-(?=[a-z]*\d)[{_DRAWN}]{{6,10}}-[{_DRAWN}]{{5}}$|-(?=[a-z]*\d)[{_DRAWN}]{{5}}$")
NUMBER = re.compile(r"[-_.]?\d+$")  # web-01, web1
NO_NAME = re.compile(r"(?:[0-9a-f]{12}|[0-9a-f]{32,64}|ip(?:-\d+)*|localhost|\d*)$", re.IGNORECASE)
ADDRESS = re.compile(r"[\d.]+$|.*:.*:")


def find_service(event: Mapping[str, Any], tags: Mapping[str, Any], default: str) -> str:
    """The tag `service`; else `service.name` of OpenTelemetry's resource; else what the server's name has of a service's; else
    this default, the project's name."""
    resource = as_object(as_object(as_object(event.get("contexts")).get("otel")).get("resource"))
    named = as_name(tags.get("service")) or as_name(resource.get("service.name"))
    return named or service_of_server((as_name(event.get("server_name")) or "")[:NAME_CHARS]) or default


@lru_cache(maxsize=NAMES_ENTRIES)
def service_of_server(name: str) -> str:
    """The name of a server without what differs from copy to copy: its domain, what Kubernetes draws for a pod, a number at
    the end. Empty where nothing of it names a service: addresses, ids of containers, localhost."""
    if ADDRESS.match(name):
        return ""
    host = name.partition(".")[0]
    if NO_NAME.match(host):
        return ""
    bare = POD.sub("", host)
    bare = NUMBER.sub("", bare) if bare == host else bare
    return "" if NO_NAME.match(bare) else bare
