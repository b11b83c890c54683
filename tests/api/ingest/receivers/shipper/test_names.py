"""Fields are found under any spelling of their names, and what was taken is no context."""

from api.ingest.receivers.shipper.names import Record


def test_names_without_case_and_signs() -> None:
    record = Record(
        {"@TimeStamp": 1, "log": {"Level": "x", "other": 2}, "error.stack_trace": "s", "_SYSTEMD_UNIT": "u"}
    )
    assert record.take(("timestamp",), lambda value, _: value) == 1
    assert record.take(("log.level",), lambda value, _: value) == "x"
    assert record.take(("error.stacktrace",), lambda value, _: value) == "s"
    assert record.rest() == {"log": {"other": 2}, "_SYSTEMD_UNIT": "u"}


def test_what_cannot_be_read_is_passed_over() -> None:
    record = Record({"msg": [], "text": "it"})
    assert record.take(("msg", "text"), lambda value, _: value if isinstance(value, str) else None) == "it"


def test_a_record_of_many_fields_is_looked_into_up_to_a_bound() -> None:
    record = Record({f"field{number}": number for number in range(10_000)})
    assert len(record.paths) < 1_000
    assert len(record.rest()) == 10_000
