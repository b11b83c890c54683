"""Pairs of logfmt, with quotes, flags, and sentences that are none."""

import pytest

from api.ingest.receivers.shipper.logfmt import read_all_pairs, read_pairs


def test_pairs_quoted_and_bare() -> None:
    line = r'ts=2026-11-23T18:04:05Z level=error msg="it \"broke\"\nhere" empty= done user.id=7'
    assert read_pairs(line) == {
        "ts": "2026-11-23T18:04:05Z", "level": "error", "msg": 'it "broke"\nhere', "empty": "", "done": "true", "user.id": "7",
    }  # fmt: skip


def test_single_quotes_where_they_are_a_pair() -> None:
    line = "status=500 error='RuntimeError: no \\'card\\'' who='tis"
    assert read_pairs(line) == {"status": "500", "error": "RuntimeError: no 'card'", "who": "'tis"}


def test_a_text_that_is_pairs_whatever_their_names() -> None:
    assert read_all_pairs("order=12 user='a b'") == {"order": "12", "user": "a b"}
    assert read_all_pairs("order=12 and more") is None
    assert read_all_pairs("") is None


@pytest.mark.parametrize(
    "text", ["x=1 failed", "a sentence with level=error in it", "level=error", "", '="', "a=b c=d"]
)
def test_what_is_none(text: str) -> None:
    assert read_pairs(text) is None
