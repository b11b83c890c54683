"""What comes out of the cache is what was put there, at its place and in its coding, or it is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from common.cache.sealing import DIGEST_BYTES, form_of, make_etag, read_generation, seal, unseal
from common.compression import Encoding

KEY, ETAG = "mayday:{a}:answer", make_etag(b"body")
GENERATION = b"0123456789abcdef" * 2
CODINGS: list[Encoding] = ["identity", "gzip", "br", "zstd"]


@given(st.binary(max_size=200), st.text(max_size=30), st.sampled_from(CODINGS))
def test_what_was_sealed_opens_at_its_place_alone(body: bytes, key: str, coding: Encoding) -> None:
    etag = make_etag(body)
    sealed = seal(key, coding, etag, body)
    assert unseal(key, coding, [etag.encode(), sealed]) == (etag, body)
    assert unseal(key + "x", coding, [etag.encode(), sealed]) is None
    assert unseal(key, CODINGS[CODINGS.index(coding) - 1], [etag.encode(), sealed]) is None
    assert unseal(key, coding, [make_etag(body + b"x").encode(), sealed]) is None


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_bit_that_turned_or_an_end_that_is_lost_makes_it_nothing(body: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, "identity", ETAG, body))
    place = data.draw(st.integers(0, len(sealed) - 1))
    assert unseal(KEY, "identity", [ETAG.encode(), bytes(sealed[:place])]) is None
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert unseal(KEY, "identity", [ETAG.encode(), bytes(sealed)]) is None


@pytest.mark.parametrize(
    "found",
    [
        None,
        b"",
        [],
        [None, None],
        [ETAG.encode()],
        [ETAG.encode(), None],
        [b'W/"short"', seal(KEY, "identity", 'W/"short"', b"body")],
        [ETAG, seal(KEY, "identity", ETAG, b"body")],
        [ETAG.encode(), b"x" * DIGEST_BYTES],
        RuntimeError("of Redis"),
    ],
    ids=range(10),
)
def test_rubbish_is_nothing(found: object) -> None:
    assert unseal(KEY, "identity", found) is None


@pytest.mark.parametrize(
    ("found", "read"),
    [
        (GENERATION, GENERATION.decode()),
        (GENERATION[:-1], None),
        (GENERATION + b"0", None),
        (GENERATION.upper(), None),
        (GENERATION[:-1] + b"\n", None),
        (None, None),
        (RuntimeError("of Redis"), None),
    ],
)
def test_a_generation_is_thirty_two_digits_and_nothing_else(found: object, read: str | None) -> None:
    assert read_generation(found) == read


def test_equal_bodies_have_one_tag_and_others_another() -> None:
    assert make_etag(b"body") == make_etag(bytes(bytearray(b"body")))
    assert make_etag(b"body") != make_etag(b"body ")


def test_a_form_with_another_field_is_another_form() -> None:
    class Answer(BaseModel):
        count: int

    class Longer(Answer):
        total: int

    assert form_of(Answer) != form_of(Longer)
    assert len(form_of(Answer)) == 12
