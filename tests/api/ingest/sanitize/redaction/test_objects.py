"""Secrets in a JSON value go by their key, their form and the name beside them; its shape and all else stay."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.sanitize.redaction import REDACTED, may_hold, objects, redact_value, without_programs
from api.ingest.sanitize.redaction.names import NAME_CHARS
from api.ingest.sanitize.redaction.objects import holds_drawn, is_secret_under, judge_key
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN, PIECES, SECRET_NAMES

KEYS = st.sampled_from(["a", "user", "items", "note", "page"])
INNOCENT = st.recursive(
    st.none() | st.booleans() | st.integers(0, 999) | st.sampled_from(["", "bob", "took 12 ms", "GET /a?b=c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PIECES | KEYS | SECRET_NAMES, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"api_key": 12345678}, {"api_key": REDACTED}),
        ({"card": {"number": 4111111111111111, "cvc": "1"}}, {"card": {"number": REDACTED, "cvc": REDACTED}}),
        ({"id": 4111111111111111}, {"id": 4111111111111111}),
        ({"h": [["Cookie", "a=b"]]}, {"h": [["Cookie", REDACTED]]}),
        ({"argv": ["x", "--token", "a1"]}, {"argv": ["x", "--token", REDACTED]}),
        ({"required": ["password", "email"]}, {"required": ["password", "email"]}),
        ({"key": "jwt", "value": "x"}, {"key": "jwt", "value": REDACTED}),
        ({"password": ["is required"], "token": True}, {"password": ["is required"], "token": True}),
    ],
)
def test_objects_and_lists_are_read_as_names_and_values(value: Any, kept: Any) -> None:
    assert redact_value(value)[0] == kept


def test_a_secret_that_is_a_key_is_taken_out() -> None:
    assert redact_value({"at ftp://u:pw@host": {"n": 1}}) == ({f"at ftp://u:{REDACTED}@host": {"n": 1}}, 1)


def test_sensitive_keys_are_redacted_at_any_depth_and_numbers_stay() -> None:
    value = {"a": [{"secret": "x", "token": 512}], "cookies": {}, "cookie": {"sid": "1"}, "note": "pwd=x"}
    redacted, count = redact_value(value)
    assert redacted == {
        "a": [{"secret": REDACTED, "token": 512}],
        "cookies": {},
        "cookie": REDACTED,
        "note": f"pwd={REDACTED}",
    }
    assert count == 3


@given(INNOCENT)
@settings(max_examples=40)
def test_a_value_without_secrets_stays(value: Any) -> None:
    assert redact_value(value) == (value, 0)


@given(INNOCENT, SECRET_NAMES, DRAWN, st.lists(KEYS | st.integers(0, 2), max_size=4))
@settings(max_examples=40)
def test_a_secret_goes_at_any_depth_and_its_neighbours_stay(
    beside: Any, name: str, secret: str, path: list[str | int]
) -> None:
    def wrap(value: Any) -> Any:
        for step in path:
            value = {step: value, "beside": beside} if isinstance(step, str) else [beside] * step + [value]
        return value

    assert redact_value(wrap({name: secret, "beside": beside})) == (wrap({name: REDACTED, "beside": beside}), 1)
    assert redact_value(wrap({name: {"of": [secret]}, "beside": beside})) == (
        wrap({name: REDACTED, "beside": beside}),
        1,
    )
    assert redact_value(wrap([f"{name}={secret}"])) == (wrap([f"{name}={REDACTED}"]), 1)


@given(
    SECRET_NAMES,
    DRAWN,
    st.sampled_from(["name", "Key", "field", "header", "env"]),
    st.sampled_from(["value", "new_value", "input"]),
)
@settings(max_examples=40)
def test_a_value_beside_its_name_goes(name: str, secret: str, label: str, key: str) -> None:
    assert redact_value({label: name, key: secret, "n": 1}) == ({label: name, key: REDACTED, "n": 1}, 1)
    assert redact_value({"loc": ["body", name], key: secret}) == ({"loc": ["body", name], key: REDACTED}, 1)
    assert redact_value({label: "colour", key: secret}) == ({label: "colour", key: secret}, 0)


@given(ANY_JSON)
@settings(max_examples=40)
def test_any_value_keeps_its_shape_and_what_was_sent_is_not_touched(value: Any) -> None:
    before = copy.deepcopy(value)
    redacted, count = redact_value(value)
    assert repr(value) == repr(before)
    assert count or repr(redacted) == repr(value)
    if isinstance(value, list):
        assert len(redacted) == len(value)
    if isinstance(value, dict) and not count:
        assert list(redacted) == list(value)


@pytest.mark.parametrize(
    "value",
    [
        ["name", "value1"], ["--verbose", "x1y2"], ["x-api-key", "***"], ["--token", "--next"], ["password", "email", "x1"],
        ["password", "x1y2", "email1"],
        {"type": "token", "value": "x1y2"}, {"max_tokens": 4096, "token_count": 123456}, {"tokens": {"in": "12", "out": "word"}},
        {"password": "", "secret": None, "token": {}, "cookie": [], "auth": False}, {"pass": 12}, {"id": 4111111111111111},
    ],
)  # fmt: skip
def test_what_only_stands_beside_a_name_stays(value: Any) -> None:
    assert redact_value(value) == (value, 0)


@pytest.mark.parametrize(
    ("key", "item", "is_one"),
    [
        ("password", "x", True), ("password", "is required", False), ("password", True, False), ("pin", 1234, True),
        ("pin", 12, False), ("token", 3.5, False), ("token", 1e301, False), ("token", float("nan"), False),
        ("token", 123456.5, True), ("pin", -1234, True), ("pass", -123, False),
        ("api_key", ["", None], False), ("api_key", ["", 7], True),
        ("tokens", "a1" * 10, True), ("tokens", "word", False), ("user", "x", False), ("a" * 300 + "_token", "x", True),
    ],
)  # fmt: skip
def test_a_key_says_whether_what_is_under_it_is_a_secret(key: str, item: Any, is_one: bool) -> None:
    assert is_secret_under(judge_key(key), key, item) is is_one


def test_under_tokens_a_drawn_text_is_found_wherever_it_is() -> None:
    assert holds_drawn({"a": [1, {"b": "a1" * 10}]})
    assert not holds_drawn({"a": [1, {"b": "words and words and words"}], "c": None})


@pytest.mark.parametrize("number", ["4111111111111111", 4111111111111111])
def test_a_card_goes_by_the_names_above_it(number: Any) -> None:
    assert redact_value({"card": {"number": number}}) == ({"card": {"number": REDACTED}}, 1)
    assert redact_value({"cvv": "", "number": number})[1] == 1  # a key beside it
    assert redact_value({"order": {"number": number}}) == ({"order": {"number": number}}, 0)


def test_a_number_is_a_secret_under_the_name_of_one_that_is_a_number() -> None:
    assert redact_value({"pin": 1234, "tokens": 512, "user": {"cvv": 123}})[0] == {
        "pin": REDACTED,
        "tokens": 512,
        "user": {"cvv": REDACTED},
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(max_size=12) | st.sampled_from(["password=hunter2x", "hunter2-Xk93jQ", "4111 1111 1111 1111", "Bearer abc.def"]),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.sampled_from(["password", "name", "value", "card", "token", "a", "tokens", "n"]), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_parts_that_hold_nothing_are_passed_by_and_all_else_is_as_by_the_whole_walk(value: object) -> None:
    passed_by = redact_value(value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(objects, "may_hold", lambda _: True)
        assert to_json(redact_value(value)) == to_json(passed_by)


def redact_plainly(value: Any, names: str) -> tuple[Any, int]:
    """As `redact_value`, without a look at anything beforehand, and without memory: each text by itself."""
    if isinstance(value, str):
        return objects.redact_string(value, names)
    if isinstance(value, list):
        return redact_list_plainly(value, names)
    if not isinstance(value, dict):
        return redact_value(value, names)
    told = " ".join([*list(value)[: objects.KEYS_TOLD], names[-NAME_CHARS:]])
    judged = [judge_key(key) for key in value]
    is_labelled = any(
        key.may_label and objects.is_label(key.words, item) for key, item in zip(judged, value.values(), strict=True)
    )
    kept: dict[str, Any] = {}
    count = 0
    for (name, item), key in zip(value.items(), judged, strict=True):
        is_taken = is_secret_under(key, name, item) or (is_labelled and key.is_value and objects.holds_any(item, ""))
        kept[key.text], found = (REDACTED, 1) if is_taken else redact_plainly(item, f"{told} {name}")
        count += key.found + found
    return kept, count


def redact_list_plainly(value: list[Any], names: str) -> tuple[list[Any], int]:
    kept: list[Any] = []
    count = 0
    before: Any = None
    for place, item in enumerate(value):
        is_taken = (
            isinstance(item, str) and isinstance(before, str) and objects.stands_before(before, item, place, len(value))
        )
        redacted, found = (REDACTED, 1) if is_taken else redact_plainly(item, names)
        kept.append(redacted)
        count, before = count + found, item
    return kept, count


TEXTS = ANY_TEXT | DRAWN | st.sampled_from(["4111 1111 1111 1111", "4111111111111111", "session = get()", "pw", "x"])
LOCALS = st.dictionaries(PIECES | KEYS | SECRET_NAMES, TEXTS | st.integers() | st.lists(TEXTS, max_size=2), max_size=4)
FRAMES = st.fixed_dictionaries(
    {"source": TEXTS},
    optional={
        "function": TEXTS, "file": TEXTS, "line": st.integers() | st.booleans(), "in_app": st.booleans() | st.integers(0, 1),
        "locals": LOCALS | st.none() | TEXTS, "card": TEXTS, "number": TEXTS | st.lists(TEXTS, max_size=1),
    },
)  # fmt: skip
CRUMBS = st.fixed_dictionaries(
    {"message": TEXTS}, optional={"category": TEXTS, "data": LOCALS, "level": TEXTS, "n": TEXTS}
)
EVENTS = st.fixed_dictionaries(
    {"exception": st.lists(st.fixed_dictionaries({"type": TEXTS, "frames": st.lists(FRAMES, max_size=3)}), max_size=2)},
    optional={
        "breadcrumbs": st.lists(CRUMBS, max_size=9),
        "user": LOCALS,
        "card": LOCALS,
        "extra": ANY_JSON,
        "sdk": TEXTS,
    },
)


@settings(max_examples=150)
@given(EVENTS | ANY_JSON)
def test_what_is_looked_at_beforehand_or_remembered_changes_nothing(value: Any) -> None:
    expected = redact_plainly(copy.deepcopy(value), "")
    for _ in range(2):  # the second time out of memory
        redacted = redact_value(value, "")
        assert repr(redacted) == repr(expected)


@settings(max_examples=150)
@given(EVENTS | ANY_JSON)
def test_what_is_harmless_beside_its_locals_is_left_as_it_is(value: Any) -> None:
    bare = without_programs(value) if isinstance(value, dict) else None
    if bare is not None and not may_hold(bare):
        kept, found = redact_plainly(copy.deepcopy(value), "")
        assert (repr(kept), found) == (repr(value), 0)


def test_of_frames_nothing_but_their_locals_is_looked_at_again() -> None:
    frame = {"function": "f", "source": "session = open(session)", "locals": {"n": "7"}}
    context = {"exception": [{"type": "E", "frames": [frame, frame | {"locals": None}]}], "user": {"id": "1"}}
    assert without_programs(context) == {
        "exception": [{"type": "E", "frames": [{"n": "7"}, None]}], "user": {"id": "1"}
    }  # fmt: skip
    frames: list[Any] = [
        frame | {"source": "password = 'hunter2x'"},
        frame | {"source": "pay 4111111111111111"},
        [],
        "f",
    ]
    assert [without_programs({"exception": [{"frames": [one]}]}) for one in frames] == [None] * 4


def test_a_frame_is_judged_once_and_its_locals_each_time() -> None:
    frame = {
        "function": "f",
        "line": 7,
        "in_app": True,
        "source": "session = open(session)",
        "locals": {"password": "a-x1"},
    }
    before = objects.remember_frame.cache_info()
    for number in range(3):
        kept, count = redact_value(frame | {"locals": {"password": f"hunter{number}", "n": "7"}}, "frames")
        assert (kept["locals"], count) == ({"password": REDACTED, "n": "7"}, 1)
    after = objects.remember_frame.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    assert redact_value(frame | {"line": True}, "frames")[0]["line"] is True
