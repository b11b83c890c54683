"""What has one plain meaning is taken and told; what has none is left to the models, which refuse it."""

import json
from typing import Any

import pytest

from api.ingest.receivers.items import Parsed, Rejected
from api.ingest.receivers.native import ERRORS, parse_one
from api.ingest.receivers.wording import CLEANED, NORMALIZED, SEVERITY_WORDS
from api.spending.usage_pipeline import RECORDS
from common.settings import Settings

SETTINGS = Settings()
RECORD = {"event_key": "k", "team": "t", "model": "m", "occurred_at": "2026-02-03T10:00:00Z", "total_tokens": 5}


def error(**fields: Any) -> bytes:
    return json.dumps({"service": "s", "severity": "error", "message": "m", **fields}).encode()


def read(sent: bytes) -> tuple[Any, int]:
    item = parse_one(sent, ERRORS, SETTINGS)
    assert isinstance(item, Parsed), item
    return item


@pytest.mark.parametrize(
    ("said", "meant"),
    [*SEVERITY_WORDS.items(), ("ERROR", "error"), (" Fatal\n", "critical"), ("WARN", "warning"), ("Trace", "debug")],
)
def test_a_severity_is_taken_in_any_case_and_by_its_other_names(said: str, meant: str) -> None:
    value, adjustments = read(error(severity=said))
    assert (value.severity, adjustments) == (meant, 0 if said == meant else NORMALIZED)


@pytest.mark.parametrize("name", ["release", "environment", "error_type", "fingerprint"])
def test_an_optional_name_that_is_empty_is_none_and_a_number_is_its_text(name: str) -> None:
    value, adjustments = read(error(**{name: ""}))
    assert (getattr(value, name), adjustments) == (None, NORMALIZED)
    value, adjustments = read(error().replace(b"}", b', "%s": 1.10}' % name.encode()))
    assert (getattr(value, name), adjustments) == ("1.10", NORMALIZED)


def test_numbers_and_booleans_as_tags_are_the_text_that_was_sent_and_null_is_none() -> None:
    sent = error().replace(
        b"}", b', "tags": {"a": 7, "b": 1.10, "c": true, "d": null, "e": "x", "f": NaN, "g": 1e400}}'
    )
    value, adjustments = read(sent)
    tags = json.loads(value.tags) if isinstance(value.tags, str) else value.tags
    assert tags == {"a": "7", "b": "1.10", "c": "true", "e": "x", "f": "NaN", "g": "1e400"}
    assert adjustments == NORMALIZED


def test_an_empty_list_is_an_empty_object_as_php_writes_it() -> None:
    value, adjustments = read(error(context=[], tags=[]))
    assert (value.context, value.tags, adjustments) == (None, None, NORMALIZED)


def test_what_was_cleaned_and_what_was_written_otherwise_are_both_told() -> None:
    assert read(error(severity="ERR", message="a\x00"))[1] == CLEANED | NORMALIZED


@pytest.mark.parametrize(
    "fields",
    [
        {"severity": "dreadful"}, {"severity": 3}, {"severity": ""}, {"service": ""}, {"service": 7}, {"message": ""},
        {"message": 7}, {"release": "r" * 201}, {"release": True}, {"release": ["1"]}, {"tags": {"a": [1]}},
        {"tags": {"a": {}}}, {"tags": [1]}, {"tags": "a"}, {"context": [1]}, {"context": "a"}, {"event_id": ""},
        {"timestamp": ""}, {"timestamp": 1764000000}, {"tags": {str(n): n for n in range(101)}},
    ],
)  # fmt: skip
def test_what_has_no_plain_meaning_is_refused(fields: dict[str, Any]) -> None:
    item = parse_one(error(**fields), ERRORS, SETTINGS)
    assert isinstance(item, Rejected)
    assert item.reason == "invalid_field"


def test_a_number_that_is_no_json_is_no_tag() -> None:
    for number in (b"01", b"+1", b"1.", b".5", b"0x1", b"1_000", b"nan"):
        item = parse_one(error().replace(b"}", b', "tags": {"a": %s}}' % number), ERRORS, SETTINGS)
        assert isinstance(item, Rejected), number
        assert item.reason == "not_json"


@pytest.mark.parametrize("field", ["event_key", "team", "agent", "model", "provider", "deliverable"])
@pytest.mark.parametrize("spoilt", [b"k\\u0000", b"k\\ud800", b"k\xff", b"k\x00"])
def test_a_name_of_a_record_is_never_cleaned(field: str, spoilt: bytes) -> None:
    sent = json.dumps(RECORD | {field: "NAME"}).encode().replace(b"NAME", spoilt)
    item = parse_one(sent, RECORDS, SETTINGS)
    assert isinstance(item, Rejected)
    assert (item.reason, item.pointer) == ("invalid_field", f"/{field}")
    assert "send another one" in item.detail


def test_records_with_empty_optional_names_and_capitals_are_taken() -> None:
    sent = RECORD | {"agent": "", "deliverable": "", "provider": "", "processing": "BATCH"}
    item = parse_one(json.dumps(sent).encode(), RECORDS, SETTINGS)
    assert isinstance(item, Parsed)
    assert (item.value.agent, item.value.deliverable, item.value.provider) == (None, None, None)
    assert (item.value.processing, item.adjustments) == ("batch", NORMALIZED)


@pytest.mark.parametrize("name", ["release", "environment", "error_type", "fingerprint"])
def test_a_name_that_the_models_take_stays_whatever_is_wrong_beside_it(name: str) -> None:
    for message in ("m", "a\x00"):
        assert getattr(read(error(message=message, **{name: " "}))[0], name) == " "
