"""Any body is taken apart into its records, whatever stands between them; what is none is rejected alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import Invalid
from api.ingest.receivers.items import Rejected
from api.ingest.receivers.shipper import bodies
from api.ingest.receivers.shipper.bodies import read_records
from common.settings import Settings

SETTINGS = Settings.load()
A, B = {"message": "a"}, {"message": "b", "n": [1, {"x": "]}"}]}
RAW = [json.dumps(A).encode(), json.dumps(B).encode()]
PRETTY = json.dumps(A, indent=2).encode() + b"\n" + json.dumps(B, indent=2).encode()


def records(body: bytes) -> list[Any]:
    return [sent if isinstance(sent, Rejected) else sent.record for sent in read_records(body, SETTINGS)]


@pytest.mark.parametrize(
    "body",
    [
        b"[%s, %s]" % (*RAW,), b"%s\n%s\n" % (*RAW,), b"%s\r\n\r\n%s" % (*RAW,), b"%s%s" % (*RAW,), b"%s, %s" % (*RAW,), PRETTY,
        b"[%s][%s]" % (*RAW,), b"\xef\xbb\xbf%s\n%s" % (*RAW,), json.dumps([A, B], indent=1).encode(),
        b"%s\n%s" .__mod__((*RAW,)).decode().encode("utf-16"), json.dumps({"records": [A, B]}).encode(),
    ],
)  # fmt: skip
def test_forms_of_bodies(body: bytes) -> None:
    assert records(body) == [A, B]


def test_plain_lines_and_texts_are_records_of_a_message() -> None:
    assert records(b"one\n[error] two\n\tat three\n[2026-11-23 18:04:05,5] four") == [
        {"message": "one"},
        {"message": "[error] two"},
        {"message": "\tat three"},
        {"message": "[2026-11-23 18:04:05,5] four"},
    ]
    assert records(b'["one", "two"]') == [{"message": "one"}, {"message": "two"}]
    assert records(b"") == records(b" \n ") == records(b"[]") == []


def test_what_is_no_record_is_rejected_alone() -> None:
    first, bad, last = records(b'%s\n{"message": "cut\n%s' % (*RAW,))
    assert (first, last) == (A, B)
    assert bad.reason == "not_json"
    one, number = records(b"[%s, 7]" % RAW[0])
    assert (one, number.reason) == (A, "not_an_object")


def test_too_many_records_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "RECORDS_MAX", 3)
    for body in (b"[{},{},{},{}]", b"{}\n{}\n{}\n{}\n"):
        with pytest.raises(Invalid):
            records(body)


@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:\\ \na1', max_size=200).map(str.encode))
def test_any_bytes_are_read(body: bytes) -> None:
    records(body)
