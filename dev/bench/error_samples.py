"""Realistic errors from a seed: a few hundred true patterns, fresh variables in each, 500 bytes to 2 KB as JSON. Pure.

Three in four have a stack trace (Python, Java or JavaScript) whose frames repeat from error to error while the last
or first line holds the message with its variables, as the languages print it.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

PATTERNS = 300
SERVICES = ("checkout", "billing", "search", "accounts", "mailer", "inventory", "gateway", "reports")
ENVIRONMENTS = ("production", "production", "production", "staging")
SEVERITIES = ("error",) * 7 + ("critical", "warning", "warning")
VERBS = ("cannot open", "timed out on", "lost", "refused", "no route to", "cannot parse", "gave up on", "overflow in")
THINGS = ("order", "invoice", "shipment", "socket", "ledger entry", "job", "report", "queue", "index", "volume")
TAILS = (
    "for user {user}",
    "at shard {small} after {ms} ms",
    "in region {region}, attempt {small}",
    "from {address}:{port}",
    "id {uuid}",
    "({hex}) of customer {user}",
)
TYPES = ("TimeoutError", "ValueError", "OrderRejected", "StorageFull", "UpstreamFailed", "KeyMissing", "ParseFailed")
MODULES = ("orders", "payments", "ledger", "stock", "routing", "render", "storage", "consumer", "planner", "mapping")
FUNCTIONS = ("handle", "load", "submit", "reserve", "fetch_page", "write_row", "dispatch", "settle", "render", "retry")
REGIONS = ("eu-west-1", "eu-north-1", "us-east-2", "ap-south-1")


@dataclass(frozen=True, slots=True)
class Template:
    """One true pattern: what is constant in all of its errors."""

    service: str
    environment: str
    severity: str
    error_type: str
    message: str
    trace: str  # `{message}` where the language prints it; empty for none


def make_templates(seed: int, count: int = PATTERNS) -> list[Template]:
    """`count` different patterns."""
    rng = random.Random(seed)
    pairs = [(f"{verb} {thing}", tail) for verb in VERBS for thing in THINGS for tail in TAILS]
    rng.shuffle(pairs)
    return [make_template(rng, number, f"{head} {tail}") for number, (head, tail) in enumerate(pairs[:count])]


def make_template(rng: random.Random, number: int, message: str) -> Template:
    service, error_type = rng.choice(SERVICES), rng.choice(TYPES)
    make_trace = TRACES[number % len(TRACES)]
    trace = make_trace(rng, service, error_type) if make_trace else ""
    return Template(service, rng.choice(ENVIRONMENTS), rng.choice(SEVERITIES), error_type, message, trace)


def python_trace(rng: random.Random, service: str, error_type: str) -> str:
    frames = []
    for _ in range(rng.randint(4, 10)):
        module, function, line = rng.choice(MODULES), rng.choice(FUNCTIONS), rng.randint(10, 900)
        frames.append(f'  File "/srv/{service}/app/{module}.py", line {line}, in {function}')
        frames.append(f"    return {rng.choice(FUNCTIONS)}({module}, limit={line})")
    return "\n".join(["Traceback (most recent call last):", *frames, f"{error_type}: {{message}}"])


def java_trace(rng: random.Random, service: str, error_type: str) -> str:
    lines = [
        f"\tat com.example.{service}.{rng.choice(MODULES)}.{rng.choice(FUNCTIONS)}(Service.java:{rng.randint(10, 900)})"
        for _ in range(rng.randint(5, 14))
    ]
    return "\n".join([f"com.example.{error_type}: {{message}}", *lines])


def script_trace(rng: random.Random, service: str, error_type: str) -> str:
    lines = [
        f"    at {rng.choice(FUNCTIONS)} (/srv/{service}/dist/{rng.choice(MODULES)}.js:{rng.randint(10, 900)}:17)"
        for _ in range(rng.randint(5, 12))
    ]
    return "\n".join([f"{error_type}: {{message}}", *lines])


TRACES: tuple[Callable[[random.Random, str, str], str] | None, ...] = (python_trace, java_trace, script_trace, None)


def make_errors(count: int, seed: int, now: datetime | None = None) -> list[dict[str, Any]]:
    """`count` errors as a service would send them, the frequent patterns first in number; without event ids."""
    rng = random.Random(seed)
    templates = make_templates(seed)
    weights = [1 / (rank + 3) for rank in range(len(templates))]
    now = now or datetime.now(UTC)
    return [make_error(rng, template, now) for template in rng.choices(templates, weights, k=count)]


def make_error(rng: random.Random, template: Template, now: datetime) -> dict[str, Any]:
    variables = {
        "user": rng.randrange(10**7),
        "small": rng.randrange(64),
        "ms": rng.randrange(30_000),
        "region": rng.choice(REGIONS),
        "address": f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}",
        "port": rng.randrange(1024, 65536),
        "uuid": f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4000-8000-{rng.getrandbits(48):012x}",
        "hex": f"0x{rng.getrandbits(40):010x}",
    }
    message = template.message.format_map(variables)
    error: dict[str, Any] = {
        "service": template.service,
        "severity": template.severity,
        "message": message,
        "error_type": template.error_type,
        "environment": template.environment,
        "release": "2026.11.3",
        "timestamp": (now - timedelta(milliseconds=rng.randrange(60_000))).isoformat(),
        "context": make_context(rng, with_trace=bool(template.trace)),
        "tags": {"region": variables["region"], "host": f"{template.service}-{rng.randrange(40)}"},
    }
    if template.trace:
        error["stack_trace"] = template.trace.replace("{message}", message)
    return error


def make_context(rng: random.Random, *, with_trace: bool) -> dict[str, Any]:
    """Facts of the request; more of them where no trace fills the error up."""
    context: dict[str, Any] = {
        "request": {"method": "POST", "path": f"/v1/orders/{rng.randrange(10**8)}", "ms": rng.randrange(5000)},
        "trace_id": f"{rng.getrandbits(128):032x}",
        "queue_depth": rng.randrange(1000),
    }
    if not with_trace:
        context["items"] = [{"sku": f"A-{rng.randrange(10**5)}", "quantity": rng.randrange(9)} for _ in range(5)]
    return context


def encode(error: dict[str, Any]) -> bytes:
    """As a client would put it on the wire: compact JSON."""
    return json.dumps(error, separators=(",", ":")).encode()


def batch_bodies(encoded: list[bytes], size: int) -> list[bytes]:
    """Bodies of POST /api/errors/batch, `size` errors each."""
    starts = range(0, len(encoded) - size + 1, size)
    return [b'{"errors":[' + b",".join(encoded[start : start + size]) + b"]}" for start in starts]
