"""Lines become records: traces join their error, by whomever they are carried, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.shipper.joining import LINES_MAX, SOURCES_MAX, Joiner
from api.ingest.receivers.shipper.traces import is_unhandled
from tests.api.ingest.receivers.shipper.reading import errors_of, map_text
from tests.api.ingest.receivers.shipper.test_traces import TRACES

INFO, ERROR = (
    "2026-11-23 18:04:05,123 INFO [main] shop - started",
    "2026-11-23 18:04:06,123 ERROR [main] shop - it was lost",
)


# Traces of what nothing handled are errors of their own; that of Monolog stands within its line.
PRINTED = [sample for sample in TRACES if "[object]" not in sample[0]]
LOGGED = [sample for sample in PRINTED if not is_unhandled(sample[0].split("\n")[0])]


@pytest.mark.parametrize(("trace", "of_type", "message"), LOGGED)
def test_a_trace_joins_its_error(trace: str, of_type: str, message: str) -> None:
    if trace.startswith(
        ("PHP ", "payment", "/app/x.js", "panic", "fatal", "thread", "Unhandled", "Exception in", "** (", "/app/a.rb")
    ):
        pytest.skip("nothing logged it: it is an error of its own")
    errors = errors_of(f"{INFO}\n{ERROR}\n{trace}\n{INFO}")
    assert [(error.message, error.error_type) for error in errors] == [(message, of_type)]
    context = errors[0].context
    assert isinstance(context, dict)
    assert context["logged"] == "it was lost"
    assert (errors[0].stack_trace or "").strip() == trace.strip()


def test_a_word_for_an_exception_is_joined_by_what_it_is() -> None:
    line = "2026-11-23 18:04:06,123 ERROR [main] shop - Exception"
    [error] = errors_of(f"{line}\njava.lang.IllegalStateException: order 12\n\tat com.acme.A.b(A.java:12)")
    assert (error.error_type, error.message) == ("java.lang.IllegalStateException", "order 12")


def test_lines_of_one_message_of_android_are_one() -> None:
    stamp = "11-23 18:04:06.123  12  34 E AndroidRuntime: "
    crash = (
        "FATAL EXCEPTION: main",
        "Process: com.shop, PID: 12",
        "java.lang.NullPointerException: no cart",
        "\tat a.B.c(B.java:1)",
    )
    text = "\n".join([*(stamp + line for line in crash), stamp.replace(".123", ".124") + "it failed"])
    assert [(error.error_type, error.message) for error in errors_of(text)] == [
        ("java.lang.NullPointerException", "no cart"), (None, "it failed"),
    ]  # fmt: skip


def test_nothing_continues_a_request() -> None:
    request = 'Nov 23 18:04:05 lb proxy[7]: 10.0.0.9 - - [23/Nov/2026:18:04:05 +0000] "GET / HTTP/1.1" 500 1'
    errors = errors_of(f"{request}\nNov 23 18:04:06 lb proxy[7]: it failed")
    assert [error.message for error in errors] == ['"GET / HTTP/1.1" 500', "it failed"]


@pytest.mark.parametrize(("trace", "of_type", "message"), PRINTED)
def test_a_trace_that_nothing_logged_is_an_error_at_the_time_of_the_line_before(
    trace: str, of_type: str, message: str
) -> None:
    [error] = errors_of(f"{INFO}\n{trace}")
    assert error.error_type == of_type
    assert error.timestamp is not None
    assert error.timestamp.second == 5


@pytest.mark.parametrize(
    "carrier",
    [
        "Nov 23 18:04:05 host app[7]: {}",
        "2026-11-23T18:04:05.1Z stderr F {}",
        "web-1  | {}",
        "<11>Nov 23 18:04:05 host app[7]: {}",
    ],
)
@pytest.mark.parametrize("number", [0, 2, 7, 14])
def test_lines_of_a_trace_that_are_carried_one_by_one(carrier: str, number: int) -> None:
    trace, of_type, _ = TRACES[number]
    lines = [line for line in trace.split("\n") if line.strip()]
    errors = errors_of("\n".join(carrier.format(line) for line in ["it goes well", *lines, "it goes on"]))
    assert [error.error_type for error in errors if error.error_type] == [of_type]
    assert len(errors) == 1 or "<11>" in carrier  # there each line says that it is an error


def test_lines_of_two_sources_do_not_mix() -> None:
    joiner = Joiner()
    trace = TRACES[2][0].split("\n")
    records = [{"log": line, "container_id": source} for line in ["ERROR it was lost", *trace] for source in ("a", "b")]
    wholes = [whole for record in records for whole in joiner.feed(record)] + list(joiner.flush())
    assert [whole.record["log"] for whole in wholes] == ["\n".join(["ERROR it was lost", *trace])] * 2


def test_parts_of_a_line_are_one() -> None:
    [error] = errors_of("2026-11-23T18:04:05.1Z stdout P ERROR one \n2026-11-23T18:04:05.2Z stdout F two")
    assert error.message == "one two"


def test_what_follows_a_line_without_time_belongs_to_it() -> None:
    [error] = errors_of(f"{ERROR}\n  at sea\nand gone\n{INFO}")
    assert error.message == "it was lost\n  at sea\nand gone"


def test_lines_without_any_time_are_records_each() -> None:
    assert len(map_text("one\ntwo\nthree")) == 3


def test_an_exception_that_was_logged_at_debug_is_none() -> None:
    assert errors_of(f"{INFO.replace('INFO', 'DEBUG')}\n{TRACES[2][0]}\n{INFO}") == []


def test_statements_of_postgres_are_of_their_error() -> None:
    lines = "{0} [7] ERROR:  no such table\n{0} [7] STATEMENT:  select *\n\tfrom x\n{0} [7] LOG:  it goes on"
    [error] = errors_of(lines.format("2026-11-23 18:04:05.123 UTC"))
    assert error.message == "no such table"
    assert error.context == {"pid": "7", "statement": "select *\n\tfrom x"}


def test_rails_writes_each_line_of_a_trace_with_its_time() -> None:
    ahead = "F, [2026-11-23T18:04:05.1 #12] FATAL -- : [r1] "
    [error] = errors_of("\n".join(ahead + line for line in ["  ", *TRACES[12][0].split("\n")]))
    assert (error.severity, error.error_type) == ("critical", "NoMethodError")


def test_no_record_and_no_number_of_open_ones_is_without_bound() -> None:
    joiner = Joiner()
    for _ in range(LINES_MAX + 500):
        assert not list(joiner.feed({"message": "\tat a.B.c(B.java:1)"}, "message"))
    [whole] = joiner.flush()
    assert whole.record["message"].count("\n") < LINES_MAX
    for number in range(SOURCES_MAX + 50):
        list(joiner.feed({"log": "ERROR x", "container_id": str(number)}))
    assert len(list(joiner.flush())) == SOURCES_MAX


@given(
    st.lists(
        st.text(max_size=40) | st.sampled_from([line for trace, *_ in TRACES for line in trace.split("\n")]),
        max_size=12,
    )
)
def test_any_lines_are_joined(lines: list[str]) -> None:
    map_text("\n".join(lines))
