"""What becomes of an event: every field in every form that the protocol allows, and in those that it does not."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.receivers.plain import Json, ReceivedError
from api.ingest.receivers.sentry.event import build_event, is_event, read_id, read_time
from api.ingest.rows import RequestContext, make_row
from api.storing.rows import ErrorRow
from common.fingerprint import fingerprint_error, read_grouping
from common.settings import Settings
from tests.api.ingest.receivers.sentry.test_values import json_values

SETTINGS = Settings.load()
ID = UUID("9ec79c33ec9942ab8353589fcb2e04dc")
FRAMES = {"frames": [{"function": "run", "module": "lib", "abs_path": "/x/site-packages/lib.py", "in_app": False},
                     {"function": "pay", "module": "shop", "abs_path": "/app/shop.py", "lineno": 3, "in_app": True}]}  # fmt: skip
RAISED = {"type": "CardDeclined", "value": "card of order 17 declined", "module": "shop", "stacktrace": FRAMES}


def build(event: dict[str, Any]) -> ReceivedError[Json]:
    error = build_event(event, ID, "default", SETTINGS).value
    assert isinstance(error, ReceivedError)
    return error


def adjustments_of(event: dict[str, Any]) -> int:
    return build_event(event, ID, "default", SETTINGS).adjustments


def row_of(event: dict[str, Any]) -> ErrorRow:
    return make_row(build(event), RequestContext.now(uuid4(), SETTINGS))


def context_of(event: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(row_of(event).context or "{}"))


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        ({"level": "fatal"}, "severity", "critical"),
        ({"level": "WARNING"}, "severity", "warning"),
        ({"level": "log"}, "severity", "info"),
        ({"level": "debug"}, "severity", "debug"),
        ({"level": 7}, "severity", "error"),
        ({}, "severity", "error"),
        ({"release": "shop@1.2"}, "release", "shop@1.2"),
        ({"release": 12}, "release", "12"),
        ({"release": ""}, "release", None),
        ({"release": {"v": 1}}, "release", None),
        ({"release": "r" * 300}, "release", "r" * 200),
        ({"environment": "prod"}, "environment", "prod"),
        ({"environment": None}, "environment", None),
        ({"tags": {"a": 1, "b": True, "c": None, "d": 1.5, "e": "x"}}, "tags", {"a": "1", "b": "true", "d": "1.5", "e": "x"}),
        ({"tags": [["a", 1], ["b", None], ["c"]]}, "tags", {"a": "1"}),
        ({"tags": [{"key": "a", "value": "x"}]}, "tags", {"a": "x"}),
        ({"tags": "odd"}, "tags", None),
        ({"tags": {"service": "cart"}}, "service", "cart"),
        ({"server_name": "cart-01"}, "service", "cart"),
        ({}, "service", "default"),
        ({"message": "it failed"}, "message", "it failed"),
        ({"message": {"formatted": "a b", "message": "a %s"}}, "message", "a b"),
        ({"logentry": {"message": "a %s", "params": ["b"]}}, "message", "a b"),
        ({"transaction": "/pay"}, "message", "/pay"),
        ({}, "message", "(no message)"),
        ({"exception": RAISED}, "message", "card of order 17 declined"),
        ({"exception": [RAISED], "message": "logged"}, "message", "card of order 17 declined"),
        ({"exception": {"values": [{"type": "E"}]}, "message": "logged"}, "message", "logged"),
        ({"exception": {"values": [{"type": "E"}]}}, "message", "E"),
        ({"exception": {"values": [{"type": "A", "value": "a"}, RAISED]}}, "error_type", "CardDeclined"),
        ({"exception": {"values": [{"value": {"odd": [1]}}]}}, "message", '{"odd":[1]}'),
        ({"fingerprint": ["mine", 7]}, "fingerprint", "mine 7"),
        ({"fingerprint": "mine"}, "fingerprint", "mine"),
        ({"fingerprint": ["{{ default }}"]}, "fingerprint", None),
        ({"fingerprint": ["{{default}}", "x"]}, "fingerprint", "{{ default }} x"),
        ({"fingerprint": ["{{ transaction }}"], "transaction": "/pay"}, "fingerprint", "/pay"),
        ({"fingerprint": ["{{ unheard.of }}"]}, "fingerprint", "{{ unheard.of }}"),
        ({"fingerprint": []}, "fingerprint", None),
        ({"fingerprint": {}}, "fingerprint", None),
        ({"timestamp": "2026-11-29T12:00:00.5Z"}, "timestamp", datetime(2026, 11, 29, 12, 0, 0, 500_000, UTC)),
        ({"timestamp": None}, "timestamp", None),
    ],
)  # fmt: skip
def test_each_field_is_read_in_each_form(event: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(build(event), field) == value


@pytest.mark.parametrize(
    ("sent", "time", "is_bad"),
    [
        ("2026-11-29T12:00:00Z", datetime(2026, 11, 29, 12, tzinfo=UTC), False),
        ("2026-11-29T12:00:00", datetime(2026, 11, 29, 12), False),  # noqa: DTZ001 - UTC, as all that name no zone
        ("2026-11-29T13:00:00+01:00", datetime(2026, 11, 29, 12, tzinfo=UTC), False),
        (1_795_968_000, datetime(2026, 11, 29, 16, tzinfo=UTC), False),
        (1_795_968_000.25, datetime(2026, 11, 29, 16, 0, 0, 250_000, UTC), False),
        ("1795968000.25", datetime(2026, 11, 29, 16, 0, 0, 250_000, UTC), False),
        (None, None, False),
        ("", None, False),
        ("yesterday", None, True),
        (True, None, True),
        (-5, None, True),
        (1e300, None, True),
        (float("nan"), None, True),
        (float("inf"), None, True),
        ({}, None, True),
        ("9" * 400, None, True),
    ],
)  # fmt: skip
def test_a_time_is_text_or_seconds_or_none(sent: Any, time: datetime | None, is_bad: bool) -> None:
    assert read_time(sent) == (time, is_bad)


@pytest.mark.parametrize("sent", [ID.hex, str(ID), ID.hex.upper(), f" {ID.hex} "])
def test_an_id_is_32_digits_or_dashed(sent: str) -> None:
    assert read_id(sent) == ID


def test_what_is_no_id_gets_one_that_stays() -> None:
    assert read_id("order-17") == read_id("order-17") != read_id("order-18")
    assert read_id(17) == read_id("17")
    assert (read_id(None), read_id(""), read_id("  ")) == (None, None, None)
    assert read_id("9ec79c33-ec9942ab8353589fcb2e04dc") not in {None, ID}


def test_all_that_an_event_says_is_kept_under_clear_names() -> None:
    event = {
        "exception": {"values": [{"type": "KeyError", "value": "k"}, {**RAISED, "mechanism": {"handled": False}}]},
        "logentry": {"message": "while paying"},
        "breadcrumbs": {"values": [{"category": "http", "message": "GET /", "data": {"n": 1}}]},
        "request": {"url": "http://x/", "method": "GET", "headers": [["Accept", "*/*"]], "query_string": [["a", "b"]]},
        "user": {"id": "7", "name": "ann"},
        "contexts": {"trace": {"trace_id": "t" * 32, "span_id": "s"}, "os": {"name": "Linux"}},
        "extra": {"cart": [1, 2]},
        "modules": {"django": "5.0", "PyJWT": "2.8"},
        "sdk": {"name": "sentry.python", "version": "2.0"},
        "logger": "shop.pay",
        "transaction": "/pay",
        "server_name": "web-1",
        "threads": {"values": [{"id": 1, "name": "main", "stacktrace": FRAMES}]},
    }
    kept = context_of(event)
    assert [one["type"] for one in kept["exception"]] == ["CardDeclined", "KeyError"]
    assert kept["exception"][0]["mechanism"] == {"handled": False}
    assert [frame["function"] for frame in kept["exception"][0]["frames"]] == ["pay", "run"]
    assert [frame["in_app"] for frame in kept["exception"][0]["frames"]] == [True, False]
    assert next(iter(kept)) == "grouping"
    assert kept["logged"] == "while paying"
    assert kept["breadcrumbs"] == [{"category": "http", "message": "GET /", "data": {"n": 1}}]
    assert kept["request"] == {"url": "http://x/", "method": "GET", "headers": {"Accept": "*/*"}, "query_string": "a=b"}
    assert (kept["user"], kept["extra"]) == ({"id": "7", "name": "ann"}, {"cart": [1, 2]})
    assert (kept["trace_id"], kept["span_id"]) == ("t" * 32, "s")
    assert kept["contexts"]["os"] == {"name": "Linux"}
    assert (kept["modules"], kept["sdk"]) == ("django 5.0\nPyJWT 2.8", "sentry.python 2.0")
    assert (kept["logger"], kept["transaction"], kept["server_name"]) == ("shop.pay", "/pay", "web-1")
    assert kept["threads"] == [{"id": 1, "name": "main", "frames": ["shop.pay", "lib.run"]}]


def test_frames_group_and_the_row_says_how() -> None:
    event = {"platform": "python", "exception": {"values": [RAISED]}}
    row, other = row_of(event), row_of({**event, "exception": [{**RAISED, "value": "card of order 9 declined"}]})
    assert row.fingerprint == other.fingerprint
    stolen = row_of({**event, "exception": [{**RAISED, "value": "card of order 9 is stolen"}]})
    assert row.fingerprint != stolen.fingerprint, "what the statement says counts as well"
    again = fingerprint_error(
        message=row.message, error_type=row.error_type, stack_trace=row.stack_trace,
        grouping=read_grouping(row.context or ""),
    )  # fmt: skip
    assert (again.value, again.grouped_by) == (row.fingerprint, "stacktrace")
    assert again.origin.startswith("app/shop.py:pay ")


def test_a_message_is_grouped_by_its_template() -> None:
    rows = [row_of({"logentry": {"message": "hello %s", "params": [who]}}) for who in ("ann", "bob")]
    assert [row.message for row in rows] == ["hello ann", "hello bob"]
    assert rows[0].fingerprint == rows[1].fingerprint != row_of({"message": "hello ann"}).fingerprint


def test_a_message_with_a_stack_is_grouped_by_what_it_says_and_shows_the_stack() -> None:
    """Where a message was logged says little of what went wrong: all that a helper logs would be one."""
    stack = {"threads": {"values": [{"current": True, "stacktrace": FRAMES}]}, "platform": "python"}
    rows = [row_of({**stack, "message": message}) for message in ("disk full", "no route")]
    assert rows[0].fingerprint != rows[1].fingerprint
    assert 'File "/app/shop.py", line 3, in pay' in (rows[0].stack_trace or "")


def test_a_thread_that_crashed_groups_an_error_without_frames() -> None:
    crash = {"exception": [{"type": "SIGSEGV", "value": "0x0"}], "platform": "native"}
    rows = [
        row_of({**crash, "threads": [{"crashed": True, "stacktrace": {"frames": [{"function": name}]}}]})
        for name in ("f", "g", "f")
    ]
    assert rows[0].fingerprint == rows[2].fingerprint != rows[1].fingerprint
    assert "???" in (rows[0].stack_trace or "")


def test_the_default_in_a_fingerprint_stands_for_what_would_group_it() -> None:
    event = {"platform": "python", "exception": {"values": [RAISED]}}
    mine = {**event, "fingerprint": ["{{ default }}", "eu"]}
    row, same, other = row_of(mine), row_of(mine), row_of({**mine, "exception": [{"type": "Other", "value": "x"}]})
    assert row.fingerprint == same.fingerprint != other.fingerprint
    assert row.client_fingerprint == f"{row_of(event).fingerprint & 2**64 - 1:016x} eu"
    assert other.fingerprint != row_of(event).fingerprint


def test_an_event_of_no_size_is_refused_and_what_matters_stays() -> None:
    """Locals, modules and old breadcrumbs go; what was raised, the request and the user stay."""
    frame = {**FRAMES["frames"][1], "vars": {f"v{number}": "x" * 200 for number in range(200)}}
    event = {
        "exception": {"values": [{**RAISED, "stacktrace": {"frames": [frame] * 3_000}}]},
        "breadcrumbs": [{"message": f"crumb {number}" * 50} for number in range(500)],
        "modules": {f"module{number}": "1.0" for number in range(5_000)},
        "extra": {f"extra{number}": ["x" * 500] * 50 for number in range(500)},
        "request": {"url": "http://x/"},
        "user": {"id": "7"},
    }
    row = row_of(event)
    assert adjustments_of(event) & 1
    kept = json.loads(row.context or "{}")
    assert len(row.context or "") <= SETTINGS.error_max_bytes
    assert (kept["user"], kept["request"]) == ({"id": "7"}, {"url": "http://x/"})
    assert kept["exception"][0]["frames"][0]["function"] == "pay"
    assert "modules" not in kept
    assert "CardDeclined" in (row.stack_trace or "")


SLOW_TO_MAKE = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@SLOW_TO_MAKE
@given(st.dictionaries(st.sampled_from([
    "exception", "threads", "stacktrace", "message", "logentry", "level", "tags", "release", "timestamp", "environment",
    "server_name", "transaction", "logger", "user", "request", "breadcrumbs", "contexts", "extra", "sdk", "modules",
    "fingerprint", "platform", "type", "dist"]), json_values))  # fmt: skip
def test_any_json_as_an_event_makes_an_error(event: dict[str, Any]) -> None:
    row = row_of(event)
    assert row.message
    assert isinstance(is_event(event), bool)
    json.loads(row.context or "{}")


shapes = st.fixed_dictionaries({}, optional={
    "values": st.lists(st.fixed_dictionaries({}, optional={
        "type": json_values, "value": json_values, "module": json_values, "mechanism": json_values,
        "stacktrace": st.fixed_dictionaries({"frames": st.lists(st.dictionaries(st.sampled_from([
            "function", "module", "filename", "abs_path", "lineno", "colno", "in_app", "vars", "context_line",
            "pre_context", "post_context", "package", "instruction_addr", "platform"]), json_values), max_size=3)}),
    }), max_size=3),
})  # fmt: skip


@SLOW_TO_MAKE
@given(shapes, st.sampled_from(["python", "node", "java", "go", "ruby", "php", "csharp", "rust", "native", "other"]))
def test_any_frames_make_an_error_that_comes_to_the_same_group_when_it_is_read(
    shape: dict[str, Any], platform: str
) -> None:
    row = row_of({"exception": shape, "platform": platform})
    again = fingerprint_error(
        message=row.message, error_type=row.error_type, stack_trace=row.stack_trace,
        grouping=read_grouping(row.context or ""),
    )  # fmt: skip
    assert again.value == row.fingerprint


SECRET = "hunter2-Xk93jQ"
PLACES: dict[str, dict[str, Any]] = {
    "message": {"message": f"login with password={SECRET} failed"},
    "logentry": {"logentry": {"message": "with password=%s", "params": [SECRET]}},
    "exception value": {"exception": [{"type": "E", "value": f"api_key={SECRET} refused"}]},
    "locals": {"exception": [{**RAISED, "stacktrace": {"frames": [{"function": "f", "vars": {"password": SECRET}}]}}]},
    "locals as text": {
        "exception": [{**RAISED, "stacktrace": {"frames": [{"function": "f", "vars": {"d": str({"password": SECRET})}}]}}]
    },
    "source": {
        "exception": [{**RAISED, "stacktrace": {"frames": [{"function": "f", "context_line": f'password = "{SECRET}"'}]}}]
    },
    "function": {"exception": [{**RAISED, "stacktrace": {"frames": [{"function": f"password={SECRET}"}]}}]},
    "message with a stack": {"message": f"password={SECRET}", "stacktrace": FRAMES},
    "headers": {"request": {"headers": {"Authorization": f"Bearer {SECRET}"}}},
    "headers as pairs": {"request": {"headers": [["Authorization", f"Bearer {SECRET}"], ["X-Api-Key", SECRET]]}},
    "cookies": {"request": {"cookies": {"sessionid": SECRET}}},
    "cookies as text": {"request": {"cookies": f"sessionid={SECRET}; a=b"}},
    "cookies as pairs": {"request": {"cookies": [["sessionid", SECRET]]}},
    "query string": {"request": {"query_string": f"token={SECRET}&a=b"}},
    "query string as pairs": {"request": {"query_string": [["token", SECRET]]}},
    "form": {"request": {"data": {"password": SECRET, "a": "b"}}},
    "environment of the request": {"request": {"env": {"DB_PASSWORD": SECRET}}},
    "breadcrumb": {"breadcrumbs": [{"message": f"password={SECRET}"}]},
    "breadcrumb's data": {"breadcrumbs": {"values": [{"data": {"access_token": SECRET}}]}},
    "user": {"user": {"id": "7", "password": SECRET}},
    "contexts": {"contexts": {"app": {"client_secret": SECRET}}},
    "extra": {"extra": {"deep": [{"credentials": {"password": SECRET}}]}},
    "extra as label and value": {"extra": {"fields": [{"name": "password", "value": SECRET}]}},
    "tags": {"tags": {"api_key": SECRET}},
    "transaction": {"transaction": f"/pay?token={SECRET}"},
    "fingerprint": {"fingerprint": [f"password={SECRET}"]},
    "mechanism": {"exception": [{**RAISED, "mechanism": {"data": {"secret": SECRET}}}]},
    "release": {"release": f"password={SECRET}"},
    "thread": {"threads": [{"name": f"password={SECRET}", "stacktrace": FRAMES}]},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_any_place_of_an_event_is_taken_out(place: str) -> None:
    row = row_of({**PLACES[place], "platform": "python"})
    assert (
        SECRET
        not in to_json(
            [row.message, row.stack_trace, row.context, row.tags, row.client_fingerprint, row.release]
        ).decode()
    )
    assert row.redactions > 0
