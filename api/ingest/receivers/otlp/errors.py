"""What errors of OTLP have in common: who sent them, when, the exception in their attributes, their context. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic_core import to_json

from api.ingest.receivers.otlp.records import Attributes, Origin

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_NAME = "unknown_service"  # what SDKs call a service without a name, often with the program behind a colon
# What names a service that does not name itself.
SERVICE_NAMES = (
    "service.name", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name", "k8s.cronjob.name", "k8s.job.name",
    "k8s.container.name", "container.name", "faas.name",
)  # fmt: skip
ENVIRONMENT_NAMES = ("deployment.environment.name", "deployment.environment")  # the second is its old name
RELEASE_NAME = "service.version"
EXCEPTION_NAMES = ("exception.type", "exception.message", "exception.stacktrace")
# Attributes that errors are searched by, as tags of the same name: of the record, its span and its resource.
TAGS = frozenset({
    "http.route", "http.request.method", "http.response.status_code", "rpc.method", "db.system.name", "error.type",
    "messaging.destination.name", "user.id", "host.name", "k8s.pod.name", "telemetry.sdk.language",
})  # fmt: skip
OLD_NAMES = {
    "http.method": "http.request.method",
    "http.status_code": "http.response.status_code",
    "db.system": "db.system.name",
    "messaging.destination": "messaging.destination.name",
    "enduser.id": "user.id",
}
NAMED_OLD = frozenset(OLD_NAMES)


class RaisedException(NamedTuple):
    """An exception, as attributes tell of it; texts are empty where they do not."""

    type: str
    message: str
    stack_trace: str


NOTHING_RAISED = RaisedException("", "", "")


class Source(NamedTuple):
    """The fields of an error that follow from its resource."""

    service: str
    environment: str | None
    release: str | None

    @classmethod
    def of(cls, origin: Origin) -> "Source":
        resource = origin.resource
        return cls(name_service(resource), find_text(resource, ENVIRONMENT_NAMES), find_text(resource, (RELEASE_NAME,)))


def name_service(resource: Attributes) -> str:
    """The service's name, else that of what it runs in; empty where there is none."""
    given = [name for key in SERVICE_NAMES if (name := find_text(resource, (key,)))]
    return next((name for name in given if name.partition(":")[0] != NO_NAME), given[0] if given else "")


def find_exception(attributes: Attributes) -> RaisedException | None:
    """The exception that these attributes tell of."""
    if not any(name in attributes for name in EXCEPTION_NAMES):
        return None
    type_, message, stack_trace = (to_text(attributes.get(name)) for name in EXCEPTION_NAMES)
    return RaisedException(type_.strip(), message.strip(), stack_trace)


def find_text(attributes: Attributes, names: Iterable[str]) -> str | None:
    """The first of the attributes that says something, as text."""
    return next((text for name in names if (text := to_text(attributes.get(name)))), None)


def find_tags(*sources: Attributes) -> dict[str, Any]:
    """The tags that these attributes give; what an earlier one says counts."""
    found: dict[str, Any] = {}
    for source in sources:
        told = {name: source[name] for name in sorted(TAGS & source.keys())}
        told_of_old = {OLD_NAMES[name]: source[name] for name in sorted(NAMED_OLD & source.keys())}
        found = told_of_old | told | found
    return {name: value for name, value in found.items() if isinstance(value, str | int | float)}


def to_text(value: Any) -> str:
    """A value of an attribute or a body as text: a text as it is, all else as JSON, nothing where there is none."""
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value, inf_nan_mode="strings").decode()


def to_time(nanoseconds: int) -> datetime | None:
    """In UTC; None for 0 and for what is beyond the calendar."""
    try:
        return EPOCH + timedelta(microseconds=nanoseconds // 1_000) if nanoseconds else None
    except OverflowError:
        return None


def describe_scope(origin: Origin) -> dict[str, Any]:
    """The library or the logger, as far as it says something."""
    said = {"name": origin.scope_name, "version": origin.scope_version, "attributes": origin.scope_attributes}
    return without_empty(said)


def leave_out(attributes: Attributes, names: Iterable[str]) -> Attributes:
    """The attributes without those that are told elsewhere."""
    return {name: value for name, value in attributes.items() if name not in names}


def without_empty(context: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in context.items() if value}
