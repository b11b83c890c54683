"""The errors of the benches as Sentry's SDK for Python sends them: envelopes of 5 KB and of 50 KB, packed with gzip. Pure.

What is of the program comes again with each of its errors (source, modules, SDK, runtime); what is of the moment does not
(ids, times, user, request, breadcrumbs, locals).
"""

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from dev.bench.error_samples import FUNCTIONS, MODULES, TYPES, VERBS

SEED = 19
SOURCE = (
    "        order = self.orders.get(order_id)", "        if order is None:", "            return None", "",
    "    def {function}(self, order_id, limit=20):", "        rows = self.session.execute(statement).all()",
    "        for row in rows:", "            self.ledger.append(row.amount)", "        return rows[:limit]",
    "        with self.lock:", "            self.count += 1", "        # what is left goes to the next page",
)  # fmt: skip
PACKAGES = (
    "annotated-types", "anyio", "asgiref", "certifi", "click", "django", "h11", "httpcore", "httpx", "idna", "jinja2",
    "markupsafe", "psycopg", "pydantic", "pydantic_core", "redis", "requests", "sentry-sdk", "sqlparse", "urllib3",
)  # fmt: skip
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
Error = Mapping[str, Any]


class Size(NamedTuple):
    """What of each there is in an event."""

    frames: int
    breadcrumbs: int
    modules: int
    locals: int


SMALL = Size(frames=3, breadcrumbs=5, modules=20, locals=3)  # 5 KB
LARGE = Size(frames=40, breadcrumbs=70, modules=160, locals=6)  # 50 KB


def make_events(errors: Sequence[Error], size: Size) -> list[dict[str, Any]]:
    """An event for each error, which has the same type, message, service, release and environment."""
    rng = random.Random(SEED)
    stacks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    return [make_event(rng, error, size, stacks) for error in errors]


def make_event(
    rng: random.Random, error: Error, size: Size, stacks: dict[tuple[str, str], list[dict[str, Any]]]
) -> dict[str, Any]:
    kind = (error["service"], error["error_type"])
    if kind not in stacks:
        stacks[kind] = make_stack(random.Random(repr(kind)), error["service"], size.frames)
    frames = [frame | {"vars": make_locals(rng, size.locals)} for frame in stacks[kind]]
    raised = {"type": error["error_type"], "value": error["message"], "module": "shop.errors"}
    order = rng.randrange(10**7)
    return {
        "level": error["severity"],
        "exception": {"values": [
            raised | {"mechanism": {"type": "django", "handled": False}, "stacktrace": {"frames": frames}}
        ]},
        "event_id": f"{rng.getrandbits(128):032x}",
        "timestamp": error["timestamp"],
        "transaction": "/orders/{order_id}",
        "transaction_info": {"source": "route"},
        "contexts": {
            "trace": {"trace_id": f"{rng.getrandbits(128):032x}", "span_id": f"{rng.getrandbits(64):016x}"},
            "runtime": {"name": "CPython", "version": "3.11.7", "build": "3.11.7 (main, May  9 2026) [GCC 12.2.0]"},
        },
        "user": {"id": str(rng.randrange(10**6)), "username": f"user{rng.randrange(10**6)}"},
        "request": {
            "url": f"https://shop.example/orders/{order}",
            "method": "GET",
            "query_string": f"page={rng.randrange(99)}&sort=created",
            "headers": {"Accept": "*/*", "Host": "shop.example", "User-Agent": AGENT, "X-Request-Id": f"{order:x}"},
            "env": {"SERVER_NAME": "shop.example", "SERVER_PORT": "443"},
        },
        "breadcrumbs": {"values": [make_breadcrumb(rng, error["timestamp"]) for _ in range(size.breadcrumbs)]},
        "extra": {"sys.argv": ["manage.py", "runserver"]},
        "tags": {"service": error["service"], **error["tags"]},
        "modules": make_modules(size.modules),
        "release": error["release"],
        "environment": error["environment"],
        "server_name": error["tags"]["host"],
        "sdk": {
            "name": "sentry.python.django",
            "version": "2.75.0",
            "packages": [{"name": "pypi:sentry-sdk", "version": "2.75.0"}],
            "integrations": ["argv", "atexit", "dedupe", "django", "excepthook", "logging", "modules", "stdlib"],
        },
        "platform": "python",
    }  # fmt: skip


def make_modules(number: int) -> dict[str, str]:
    """Packages with their versions."""
    sizes = len(PACKAGES)
    return {f"{PACKAGES[n % sizes]}{n // sizes or ''}": f"{n % 7}.{n % 11}.0" for n in range(number)}


def make_stack(rng: random.Random, service: str, frames: int) -> list[dict[str, Any]]:
    """Frames as they come again with each error of a kind: two of three are of libraries."""
    return [make_frame(rng, service, is_own=number % 3 == 2) for number in range(frames)]


def make_frame(rng: random.Random, service: str, *, is_own: bool) -> dict[str, Any]:
    module, function = rng.choice(MODULES), rng.choice(FUNCTIONS)
    folder = f"/srv/{service}/app" if is_own else "/usr/lib/python3/site-packages/framework"
    lines = [line.replace("{function}", function) for line in rng.choices(SOURCE, k=11)]
    return {
        "filename": f"{folder.rpartition('/')[2]}/{module}.py",
        "abs_path": f"{folder}/{module}.py",
        "function": function,
        "module": f"{folder.rpartition('/')[2]}.{module}",
        "lineno": rng.randrange(20, 900),
        "pre_context": lines[:5],
        "context_line": f"        return {function}({module}, limit={rng.randrange(99)})",
        "post_context": lines[6:],
        "in_app": is_own,
    }


def make_locals(rng: random.Random, number: int) -> dict[str, Any]:
    told = {
        "self": f"<shop.orders.Orders object at 0x7f{rng.getrandbits(36):09x}>",
        "order_id": str(rng.randrange(10**8)),
        "rows": [str(rng.randrange(999)) for _ in range(3)],
        "statement": "'SELECT id, amount FROM orders WHERE customer = %s'",
        "limit": "20",
        "customer": {"id": str(rng.randrange(10**6)), "plan": "'team'"},
    }
    return dict(list(told.items())[:number])


def make_breadcrumb(rng: random.Random, at: str) -> dict[str, Any]:
    if rng.random() < 0.5:
        message = f"SELECT amount FROM orders WHERE id = {rng.randrange(10**6)}"  # noqa: S608 - a text
        return {
            "type": "default",
            "category": "query",
            "message": message,
            "data": {"db.system": "postgresql"},
            "timestamp": at,
        }
    message = f"{rng.choice(VERBS)} {rng.choice(TYPES)} after {rng.randrange(9_000)} ms"
    category = f"shop.{rng.choice(MODULES)}"
    return {"type": "log", "level": "info", "category": category, "message": message, "data": {}, "timestamp": at}


def write_envelope(event: Mapping[str, Any], event_id: str) -> bytes:
    """As the SDK writes it, not packed."""
    return write_header(event, event_id) + write_item(event)


def write_header(event: Mapping[str, Any], event_id: str) -> bytes:
    header = {"event_id": event_id, "sent_at": event["timestamp"], "trace": {"environment": event["environment"]}}
    return json.dumps(header, separators=(",", ":")).encode() + b"\n"


def write_item(event: Mapping[str, Any]) -> bytes:
    payload = json.dumps(event, separators=(",", ":")).encode()
    item = {"type": "event", "content_type": "application/json", "length": len(payload)}
    return json.dumps(item, separators=(",", ":")).encode() + b"\n" + payload + b"\n"


def write_envelopes(events: Sequence[Mapping[str, Any]], ids: Iterator[int]) -> Iterator[bytes]:
    """Packed envelopes without end, each with an id of its own. The header is a member of gzip by itself, so that the bulk is
    packed once: the load generator could not keep up else."""
    items = [(event, gzip.compress(write_item(event), mtime=0)) for event in events]
    for event, packed in cycle(items):
        yield gzip.compress(write_header(event, f"{next(ids):032x}"), compresslevel=1, mtime=0) + packed
