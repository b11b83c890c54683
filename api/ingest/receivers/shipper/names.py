"""Under which names log records keep their message, level, time and the rest; and a record that is looked into by them. Pure.

Names are compared without case, blanks, `_`, `-` and `@`, and nested ones by their path: `@timestamp`, `Timestamp` and
`TIMESTAMP` are one, and so are `error.stack_trace` as one key and `stack_trace` in an object `error`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Path = tuple[str, ...]

INDEX_DEPTH, INDEX_MAX = 5, 400  # what is nested deeper, or comes after so many, is context
NAME_CHARS = 120
IGNORED = {ord(char): None for char in "_-@ "}

# The first that is there counts. In docs/shippers.md, as people write them.
MESSAGES: Sequence[str] = (
    "record.message", "message", "msg", "renderedmessage", "log", "shortmessage", "m", "mt", "messagetemplate",
    "event", "text", "body", "line", "logmessage", "textpayload", "jsonpayload.message", "jsonpayload.msg",
    "fields.message", "properties.message", "0", "content", "body.stringvalue", "logevent",
    "rawmessage", "raw", "detail", "description", "title", "reason", "summary", "desc",
    "fullmessage", "event.original", "data", "value",
)  # fmt: skip
LEVELS: Sequence[str] = (
    "log.level", "level", "severity", "levelname", "loglevel", "lvl", "severitytext", "severityname", "level.name",
    "record.level.name", "syslog.severity", "log.syslog.severity.name", "severitylabel", "syslogseverity", "priority",
    "errorseverity", "levelno", "levelvalue", "severitynumber", "log.syslog.severity.code", "pri", "l", "s",
    "jsonpayload.level", "fields.level", "severitylevel", "meta.loglevelname", "levelstr", "loglevelname", "sev",
    "logseverity", "event.severity", "status", "at",
)  # fmt: skip
TIMES: Sequence[str] = (
    "timestamp", "time", "ts", "datetime", "date", "t", "sourcerealtimetimestamp", "realtimetimestamp", "asctime",
    "eventtime", "timereported", "timegenerated", "isodate", "instant", "created", "createdat", "logtime",
    "occurredat", "timeunixnano", "record.time", "epoch", "eventtimestamp", "log.timestamp", "dateandtime", "when",
    "receivedat", "observedtimestamp", "timestampms", "timems", "meta.date", "lasttimestamp", "firsttimestamp",
)  # fmt: skip
SERVICES: Sequence[str] = (
    "service.name", "service", "servicename", "dd.service", "resource.service.name",
    "resource.attributes.service.name", "attributes.service.name", "kubernetes.labels.app.kubernetes.io/name",
    "kubernetes.labels.app.kubernetesio/name", "kubernetes.labels.appkubernetesio/name", "kubernetes.labels.app",
    "kubernetes.labels.k8sapp", "app", "application", "appname", "applicationname", "app.name",
    "kubernetes.deployment.name", "kubernetes.containername", "kubernetes.container.name", "containername",
    "container.name", "resource.labels.containername", "resource.labels.servicename", "docker.containername",
    "program", "programname", "syslogidentifier", "syslog.appname", "ident", "syslogtag", "systemdunit", "unit",
    "process.name", "processname", "component", "source.name", "functionname", "jobname", "job", "comm",
    "attrs.service", "cloudrolename", "involvedobject.name", "source",
)  # fmt: skip
ENVIRONMENTS: Sequence[str] = (
    "environment", "env", "deployment.environment.name", "deployment.environment", "service.environment", "dd.env",
    "railsenv", "nodeenv", "appenv", "kubernetes.labels.environment", "kubernetes.labels.env", "labels.environment",
    "labels.env", "resource.attributes.deployment.environment", "resource.deployment.environment", "stage",
    "tags.env",
)  # fmt: skip
RELEASES: Sequence[str] = (
    "release", "service.version", "dd.version", "appversion", "app.version", "releaseversion", "buildversion",
    "serviceversion", "resource.service.version", "kubernetes.labels.version",
    "kubernetes.labels.app.kubernetes.io/version", "gitsha", "gitcommit",
)  # fmt: skip
ERROR_TYPES: Sequence[str] = (
    "errortype", "error.type", "error.class", "error.kind", "error.name", "exception.type", "exception.class",
    "exception.name", "exception.classname", "exceptiontype", "exceptionclass", "exceptionname", "err.type",
    "err.name", "thrown.name", "exctype", "errorclass", "errorname", "context.exception.class",
    "record.exception.type", "exception.exctype", "exception.values.type", "attributes.exception.type",
    "exceptionclassname", "exceptioninfo.type", "properties.exceptiontype", "attr.error.codename",
)  # fmt: skip
ERROR_MESSAGES: Sequence[str] = (
    "error.message", "exception.message", "err.message", "thrown.message", "exception.value", "errormessage",
    "exceptionmessage", "excvalue", "context.exception.message", "record.exception.value", "exception.excvalue",
    "attributes.exception.message", "error.msg", "err.msg", "exception.exceptionmessage", "error.detail",
    "attr.error.errmsg",
)  # fmt: skip
STACKS: Sequence[str] = (
    "stacktrace", "error.stacktrace", "error.stack", "exception.stacktrace", "exception.stack", "exception.backtrace",
    "err.stack", "err.stacktrace", "stack", "traceback", "backtrace", "excinfo", "exctext", "exceptioninfo.stack",
    "thrown.extendedstacktrace", "thrown.stacktrace", "error.backtrace", "error.traceback", "error.details",
    "exception.traceback", "trace", "context.exception.trace", "attributes.exception.stacktrace",
    "exception.stacktracestring", "attributes.stacktrace", "errorverbose", "errstack", "errorstack",
    "stacktracestring",
)  # fmt: skip
# Messages that may have a trace at their end.
WITH_TRACES: Sequence[str] = ("fullmessage", "text", "event.original")
# Texts, lists or objects that hold a whole failure in a way of their own.
FAILURES: Sequence[str] = ("exception", "error", "err", "x", "exc", "throwable", "thrown", "cause")
LOGGERS: Sequence[str] = (
    "logger", "loggername", "log.logger", "meta.name", "category", "sourcecontext", "properties.sourcecontext", "target",
)  # fmt: skip
# Of which only words are levels: their numbers are something else.
WORDS_ALONE = frozenset(("status", "l", "s", "event.severity", "sev", "at"))
# Whose records have numbers as levels that are Python's.
PYTHON_MARKS: Sequence[str] = (
    "levelname", "levelno", "funcname", "lineno", "pathname", "excinfo", "processname", "threadname", "asctime",
    "module", "exctext",
)  # fmt: skip


def normalize(name: str) -> str:
    return name[:NAME_CHARS].translate(IGNORED).lower()


class Record:
    """A log record, of which fields are taken by their names; what is left is its context."""

    def __init__(self, sent: Mapping[str, Any]) -> None:
        self.sent = sent
        self.paths: dict[str, Path] = {}
        self.taken: set[Path] = set()
        for path, name in index_names(sent, (), "", INDEX_DEPTH):
            self.paths.setdefault(name, path)
            if len(self.paths) > INDEX_MAX:
                break

    def take(self, names: Sequence[str], read: Callable[[Any, str], T | None]) -> T | None:
        """The first of these that can be read so, which is no context then."""
        for name in names:
            path = self.paths.get(name)
            if path is None:
                continue
            value = read(self.at(path), name)
            if value is not None:
                self.taken.add(path)
                return value
        return None

    def has(self, names: Sequence[str]) -> bool:
        return any(name in self.paths for name in names)

    def look(self, name: str) -> Any:
        """The value of this name, None where there is none; it stays context."""
        path = self.paths.get(name)
        return None if path is None else self.at(path)

    def at(self, path: Path) -> Any:
        value: Any = self.sent
        for key in path:
            value = value[key]
        return value

    def rest(self) -> dict[str, Any]:
        """What was not taken, and says something."""
        return without(self.sent, self.taken)


def index_names(part: Mapping[str, Any], path: Path, prefix: str, depth: int) -> Iterator[tuple[Path, str]]:
    """Each value with its path and its name, outer ones first."""
    nested: list[tuple[Path, str, Mapping[str, Any]]] = []
    for key, value in part.items():
        at, name = (*path, key), prefix + normalize(key)
        yield at, name
        if isinstance(value, dict) and value and depth:
            nested.append((at, f"{name}.", value))
    for at, name, value in nested:
        yield from index_names(value, at, name, depth - 1)


def without(part: Mapping[str, Any], taken: set[Path]) -> dict[str, Any]:
    heads = {path[0] for path in taken}
    kept: dict[str, Any] = {}
    for key, value in part.items():
        left = without_inner(value, {path[1:] for path in taken if path[0] == key}) if key in heads else value
        if left is not None and left not in ("", {}, []):
            kept[key] = left
    return kept


def without_inner(value: Any, taken: set[Path]) -> Any:
    """What is left of a value; None where it was taken whole."""
    return None if () in taken else without(value, taken)
