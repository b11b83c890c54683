"""A text that is almost JSON is taken apart as JSON is, and what is right in it stays as it was sent."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers import json_text
from api.ingest.receivers.json_text import cut_depth, repair_text, split_list, split_object, to_utf8
from tests.api.ingest.sanitize.test_cleaning import JSON_VALUES, depth_of

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
OBJECTS = st.dictionaries(TEXTS, JSON_VALUES)
SPACES = st.sampled_from(["", " ", "\n\t "])


@given(JSON_VALUES.filter(lambda v: isinstance(v, dict | list)), st.integers(1, 6))
def test_cutting_depth_in_the_text_leaves_json_of_that_depth(value: Any, limit: int) -> None:
    cut = json.loads(cut_depth(json.dumps(value), limit))
    assert depth_of(cut) <= limit
    if depth_of(value) <= limit:
        assert json.dumps(cut) == json.dumps(value)


@pytest.mark.parametrize("depth", [36, 1_000, 200_000])
def test_any_depth_is_cut_and_what_follows_is_kept(depth: int) -> None:
    text = '{"deep": ' + "[" * depth + "]" * depth + ', "flat": [{}]}'
    assert depth_of(cut := json.loads(cut_depth(text, 35))) == 35
    assert cut["flat"] == [{}]


@given(OBJECTS, SPACES)
def test_an_object_is_taken_apart_by_hand_as_by_the_reader(value: dict[str, Any], space: str) -> None:
    text = json.dumps(value, indent=space or None, allow_nan=True).encode()
    parts = dict(map(json_text.split_pair, json_text.walk_members(text, b"{}")))
    assert {key: json.dumps(json.loads(part)) for key, part in parts.items()} == {
        key: json.dumps(item) for key, item in value.items()
    }


@given(st.lists(JSON_VALUES))
def test_a_list_is_taken_apart_by_hand_as_by_the_reader(value: list[Any]) -> None:
    text = json.dumps(value).encode()
    parts = list(json_text.walk_members(text, b"[]"))
    assert parts == split_list(text, len(value) + 1)
    assert list(map(json.dumps, map(json.loads, parts))) == list(map(json.dumps, value))


def test_of_equal_keys_the_last_counts_as_in_json() -> None:
    assert split_object(b'{"a": 1, "\\u0061": NaN}') == {"a": b"NaN"}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"}", b'{"a": [}', b'{"a": 1,}', b'{"a": 1,,"b": 2}', b'{"a" NaN}', b'{"a": NaN} {', b"[NaN]", b'{"a: 1}']
)  # fmt: skip
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_object(text)


@pytest.mark.parametrize(
    "text",
    [b"[", b"[NaN", b"[NaN}", b"[NaN,]", b"[,NaN]", b"[NaN]]", b"[[NaN]", b'["NaN]', b'[NaN,"\\"]', b'{"a": NaN}'],
)
def test_what_is_no_list_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_list(text, 10)


def test_a_list_that_is_too_long_is_not_read_to_its_end() -> None:
    assert len(split_list(b"[" + b"NaN," * 50 + b"NaN]", 10)) == 11


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    assert to_utf8('{"a": "\u00fc"}'.encode(encoding)) == '{"a": "\u00fc"}'.encode()


def test_what_is_broken_in_another_encoding_is_broken_afterwards_and_told() -> None:
    text = to_utf8('{"a": "x\ud800"}'.encode("utf-16-le", "surrogatepass"))
    assert repair_text(text, 35) == ('{"a": "x\ufffd"}'.encode(), True)


@pytest.mark.parametrize(
    ("sent", "kept", "is_cleaned"),
    [
        (b'"a\xff\xfe"', '"a\ufffd\ufffd"', True),
        (b'"a\\u0000\\ud800b"', '"a\ufffd\ufffdb"', True),
        (b'"\x00"', '"\ufffd"', True),
        (b'{"k\\uDFFF": 1}', '{"k\ufffd": 1}', True),
        (b'"\\ud800\\ud83d\\ude00"', '"\ufffd\\ud83d\\ude00"', True),
        (b'"\\\\u0000 \\\\ud800"', r'"\\u0000 \\ud800"', False),
        ('"\ufffd"'.encode(), '"\ufffd"', False),
        (b'"tab\tline\n\\ud83d\\ude00"', r'"tab\u0009line\u000a\ud83d\ude00"', False),
        (b"[1,\n\t2]", "[1,\n\t2]", False),
        (b"[%s]" % (b"9" * 300), "[%s]" % ("9" * 300), False),
        (b"[-%s]" % (b"9" * 301), '["-%s"]' % ("9" * 301), True),
        (b"[0.%s,1e%s]" % (b"3" * 400, b"9" * 400), f"[0.{'3' * 400},1e{'9' * 400}]", False),
        (b"[1%s.5]" % (b"0" * 400), "[1%s.5]" % ("0" * 400), False),
        (b"[-1%s.5]" % (b"0" * 5_000), "[-1e999]", False),
        (b"9" * 5_000, "9" * 301, False),
        (b'"%s"' % (b"9" * 5_000), '"%s"' % ("9" * 5_000), False),
        (b"[1.10,-0,1E5,NaN]", "[1.10,-0,1E5,NaN]", False),
    ],
)  # fmt: skip
def test_only_what_cannot_be_read_or_kept_is_written_anew(sent: bytes, kept: str, is_cleaned: bool) -> None:
    assert repair_text(sent, 35) == (kept.encode(), is_cleaned)


@given(TEXTS.map(json.dumps) | JSON_VALUES.map(json.dumps))
def test_a_repaired_text_can_be_read_and_kept(text: str) -> None:
    kept = json.loads(repair_text(text.encode(), 100).text, parse_constant=lambda _: math.nan)
    assert "\\u0000" not in json.dumps(kept)
    json.dumps(kept, ensure_ascii=False).encode()
