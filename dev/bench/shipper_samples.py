"""The errors of the benches as lines of JSON that a log shipper sends. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dev.bench.otlp_samples import MARK

Error = Mapping[str, Any]


def write_records(errors: Sequence[Error]) -> bytes:
    """A record a line, the mark in each."""
    return b"\n".join([json.dumps(record_of(error), separators=(",", ":")).encode() for error in errors])


def record_of(error: Error) -> dict[str, Any]:
    """As a logger that writes JSON has it; all are errors, so that the whole of a request is stored."""
    record: dict[str, Any] = {
        "timestamp": error["timestamp"],
        "level": "ERROR",
        "logger": f"shop.{error['service']}",
        "message": error["message"],
        "service": error["service"],
        "environment": error["environment"],
        "version": error["release"],
        "request_id": MARK.decode(),
        **error["context"],
        **error["tags"],
    }
    if "stack_trace" in error:
        record["error"] = {"type": error["error_type"], "stack_trace": error["stack_trace"]}
    return record
