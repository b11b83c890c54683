"""What a record says of a request by HTTP, as access logs, proxies and cloud providers write it in fields of their own. Pure."""

from typing import Any

from api.ingest.receivers.shipper.names import Record

METHODS = (
    "csmethod", "requestmethod", "httprequest.requestmethod", "request.method", "http.request.method", "httpmethod",
    "method", "verb",
)  # fmt: skip
PATHS = (
    "csuristem", "requestpath", "requesturi", "requesturl", "httprequest.requesturl", "request.uri", "request.url", "url.path",
    "url.original", "path", "uri", "url",
)  # fmt: skip
STATUSES = (
    "scstatus", "statuscode", "httprequest.status", "http.response.statuscode", "response.status", "response.statuscode",
    "downstreamstatus", "status",
)  # fmt: skip


def status_of(record: Record) -> int | None:
    """The status of the answer, where the record has one."""
    return next((status for name in STATUSES if (status := read_status(record.look(name))) is not None), None)


def read_status(value: Any) -> int | None:
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def describe_request(record: Record) -> str:
    """The request as access logs quote it, and its status, for a record with no words; empty where it is of none."""
    method, path = (text_of(record, names) for names in (METHODS, PATHS))
    status = status_of(record)
    asked = " ".join(part for part in (method, path) if part)
    return f'"{asked}" {status or ""}'.rstrip() if method and path else ""


def text_of(record: Record, names: tuple[str, ...]) -> str:
    found = (record.look(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")
