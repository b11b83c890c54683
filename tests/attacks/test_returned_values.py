"""What clients send back to readers (cursors, ids, ETags, windows, filters) may be anything: no answer is a 500."""

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from api.reads.cursors import CursorInvalid, decode, digest, encode, read_cursor, write_cursor
from api.reads.queries import Filter
from tests.conftest import Project, Service

IS_LONG = os.environ.get("MAYDAY_TEST_ATTACKS") == "long"
ATTACK = settings(
    max_examples=3_000 if IS_LONG else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NOW = datetime.now(UTC).replace(microsecond=0)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
EDGES = [
    "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-14:00", "0001-01-02T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59", "9999-12-31T23:59:59.999999+00:00", "9999-12-31T00:00:00-12:00",
    "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "2026-W01-1", "20260101", "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:00+24:00", "infinity", "-infinity", "now", "1e9", "0", "-1", "10000-01-01", "0001-01-01",
    "9999-12-31", "\uff12026-01-01",
]  # fmt: skip
TEXTS = [
    "", "\0", "a\0b", "%00", "\ud800", "\udfff", "\ufffd", "\u2028", "\uff05", "'", '"', "\\", "%", "_", "{}", "[]", "null",
    "None", "NaN", "inf", "1e400", "-0", "0x10", "1_000", "٣", " 1", "1 ", "9" * 400, "x" * 3_000, "../../etc/passwd",
    "/etc/localtime", "UTC\0", "Europe/../UTC", "localtime", "id,id", "id,", ",", "message,nope", "true", "*",
    str(uuid4()), f"{{{uuid4()}}}", f"urn:uuid:{uuid4()}", uuid4().hex, "0" * 32, "f" * 32, "g" * 32,
    "ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-000000000000",
]  # fmt: skip
WORDS = ["1h", "7d", "24h", "json", "csv", "markdown", "columnar", "error", "count", "trend", "new", "UTC", "2026-02"]
NAMES = [
    "cursor", "limit", "since", "until", "text", "window", "format", "fields", "max_tokens", "service", "severity",
    "environment", "pattern", "state", "trend", "order", "period", "timezone", "team", "model",
]  # fmt: skip
PLACES = [
    "/api/errors", "/api/errors/recent", "/api/errors/patterns", "/api/errors/patterns/{}", "/api/errors/{}",
    "/api/usage", "/api/costs/report", "/api/prices/overrides", "/api/budgets", "/api/budgets/{}",
    "/api/budgets/{}/status", "/api/budgets/{}/projection", "/api/status", "/{}",
]  # fmt: skip
texts = st.one_of(st.sampled_from(EDGES), st.sampled_from(TEXTS), st.sampled_from(WORDS), st.text(max_size=40))
scalars = st.one_of(texts, st.none(), st.integers(), st.floats(), st.booleans(), st.lists(texts, max_size=2))
instants = st.datetimes(timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)).map(
    datetime.isoformat
)


def forge(fields: Any) -> str:
    """A cursor as a stranger would write one."""
    text = fields if isinstance(fields, str) else json.dumps(fields)
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


UNFILTERED = digest(Filter(NOW, NOW))
cursors = st.one_of(
    st.builds(
        lambda at, ident, since, until: forge([at, ident, since, until, UNFILTERED]),
        instants | st.sampled_from(EDGES),
        st.uuids().map(lambda one: one.hex) | texts,
        instants | st.sampled_from(EDGES),
        instants | st.sampled_from(EDGES),
    ),
    st.builds(lambda *fields: forge(list(fields)), st.dates().map(str) | st.sampled_from(EDGES), texts, texts),
    st.lists(scalars, max_size=6).map(forge),
    st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8).map(forge),
    st.sampled_from([forge("[" * 700), forge("9" * 700), forge('["\\ud800","a","b"]'), "é", "=", "a", "-_-_", "\0"]),
    st.text(max_size=60),
)
values = st.one_of(cursors, texts, st.binary(max_size=12), st.integers().map(str), instants)
queries = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=4)
header_values = st.one_of(
    st.sampled_from(
        [b"*", b'W/"', b'"', b",,,", b'W/"\xff"', b"gzip;q=\xb2", b"zstd;q=nan", b"br;q=1e999", b";", b"\xff"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).map(
        lambda text: text.encode("latin-1")
    ),
)
headers = st.dictionaries(
    st.sampled_from(["If-None-Match", "Accept-Encoding", "X-Request-ID", "Accept", "If-Modified-Since", "Range"]),
    header_values,
)


def percent(value: str | bytes) -> str:
    return quote(value if isinstance(value, bytes) else value.encode(errors="surrogatepass"), safe="")


@pytest.fixture
async def project(service: Service) -> Project:
    made = await service.project()
    await made.send(*[{"service": "shop", "severity": "error", "message": f"order {n} is late"} for n in range(5)])
    sent = await made.ingest.post(
        "/api/usage/batch", json={"records": [USED | {"event_key": str(n)} for n in range(5)]}
    )
    assert sent.status_code == 201, sent.text
    await service.run_worker()
    return made


USED = {
    "occurred_at": NOW.isoformat(),
    "team": "a",
    "agent": "b",
    "model": "claude-haiku-4-5",
    "input_tokens": 5,
    "output_tokens": 1,
}


async def ask(project: Project, place: str, asked: Sequence[tuple[str, Any]], sent: dict[str, bytes]) -> int:
    query = "&".join(f"{name}={percent(value)}" for name, value in asked)
    raw = [(name.encode(), value) for name, value in sent.items()]
    answer = await project.admin.get(f"{place}?{query}", headers=raw)
    assert answer.status_code < 500, (answer.status_code, place, query, sent, answer.text)
    return answer.status_code


@ATTACK
@given(st.sampled_from(PLACES), texts, queries, headers)
async def test_no_value_that_is_sent_back_to_a_reader_is_answered_500(
    project: Project, place: str, ident: str, asked: list[tuple[str, Any]], sent: dict[str, bytes]
) -> None:
    await ask(project, place.format(percent(ident)), asked, sent)


@ATTACK
@given(st.sampled_from(["/api/errors", "/api/usage", "/api/prices/overrides", "/api/budgets"]), cursors)
@example("/api/errors", forge(["0001-01-01T00:00:00+14:00", "0" * 32, EDGES[0], EDGES[4], UNFILTERED]))
@example("/api/errors", forge(["2026-01-01T00:00:00Z", "0" * 32, "0001-01-01T00:00:00+01:00", EDGES[4], UNFILTERED]))
@example("/api/usage", forge(["9999-12-31", "a", "\0"]))
async def test_a_forged_cursor_is_read_or_refused_with_422(project: Project, place: str, cursor: str) -> None:
    assert await ask(project, place, [("cursor", cursor)], {}) in (200, 422)


async def test_a_cursor_with_a_time_at_the_ends_of_the_calendar_is_422(project: Project) -> None:
    good = [NOW.isoformat(), "0" * 32, (NOW - DAY).isoformat(), (NOW + SECOND).isoformat(), UNFILTERED]
    assert await ask(project, "/api/errors", [("cursor", forge(good))], {}) == 200
    for at, position in product(EDGES, (0, 2, 3)):
        fields = [*good[:position], at, *good[position + 1 :]]
        assert await ask(project, "/api/errors", [("cursor", forge(fields))], {}) == 422, (at, position)


@given(instants, st.uuids(), st.builds(lambda *texts: texts, *[st.none() | st.text()] * 2))
def test_a_cursor_of_ours_reads_back(at: str, ident: Any, names: tuple[str | None, str | None]) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assume(2 <= instant.year < 9_999)
    wanted = replace(Filter(instant - DAY, instant + SECOND), service=names[0], environment=names[1])
    assert read_cursor(write_cursor((instant, ident), wanted), wanted) == ((instant, ident), wanted.since, wanted.until)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5))
def test_texts_of_a_cursor_read_back(fields: list[str]) -> None:
    assert decode(encode(*fields), len(fields)) == fields


@given(cursors, st.integers(0, 6))
def test_decoding_gives_texts_that_can_be_looked_for_or_refuses(cursor: str, count: int) -> None:
    try:
        fields = decode(cursor, count)
    except CursorInvalid:
        return
    assert len(fields) == count
    assert "\0" not in "".join(fields).encode().decode()
