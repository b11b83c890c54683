"""How tests read inputs as `mayday send` does, without a server."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.ingest.receivers.shipper.mapping import MappingOptions
from cli.send.batching import Reading
from cli.send.decoding import Chunks, Input
from cli.send.delivery import Tally
from cli.send.sniffing import Form
from common.severities import Severity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OPTIONS = MappingOptions(level=Severity.warning, service="-", needs_message=True, now=NOW)


def read_file(
    path: Path, options: MappingOptions = OPTIONS, form: Form = Form.auto
) -> tuple[list[dict[str, Any]], Tally]:
    """The errors of a file, and the tally of what is not sent."""
    tally = Tally()
    batches = Reading(form, options, 500, tally).read(iter([Input(path)]))
    return [json.loads(line.body) for batch in batches for line in batch.lines], tally


def in_chunks(text: bytes, size: int) -> Chunks:
    return iter([text[place : place + size] for place in range(0, len(text), size)])


def without_pauses(items: Iterable[Any]) -> list[Any]:
    return [item for item in items if item is not None]
