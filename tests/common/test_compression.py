"""Four codings of one body, which say the same."""

import gzip
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.compression import COMPRESS_FROM_BYTES, Encoding, compress, compress_as, zstd

UNPACK: dict[Encoding, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


@given(st.binary(max_size=1_500).map(lambda part: part * 2))
def test_every_coding_unpacks_to_the_body(body: bytes) -> None:
    for encoding, packed in compress(body).items():
        assert UNPACK[encoding](packed) == body
    for encoding, unpack in UNPACK.items():
        assert unpack(compress_as(encoding, body)) == body


@pytest.mark.parametrize(("size", "codings"), [(COMPRESS_FROM_BYTES - 1, 1), (COMPRESS_FROM_BYTES, 4)])
def test_what_is_small_is_sent_as_it_is(size: int, codings: int) -> None:
    assert len(compress(b"x" * size)) == codings


def test_two_processes_make_the_same_bytes_of_a_body_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"[" + b"1," * 500 + b"1]"
    before = compress(body), [compress_as(encoding, body) for encoding in UNPACK]
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert (compress(body), [compress_as(encoding, body) for encoding in UNPACK]) == before
