"""How an answer goes out: the coding that the client likes best, its tag, and who may keep it for how long."""

import pytest

from api.reads.http import choose_encoding, matches


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("zstd;q=0, *", "br"),
        ("gzip;q=0.2, identity;q=0.9", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=nonsense", "identity"),
        ("deflate", "identity"),
    ],
)
def test_the_coding_is_what_the_client_likes_best(accepted: str | None, chosen: str) -> None:
    assert choose_encoding(accepted) == chosen


@pytest.mark.parametrize(
    ("header", "has_it"),
    [(None, False), ("*", True), ('"a"', True), ('W/"a"', True), ('"b", W/"a"', True), ('"b"', False)],
)
def test_etags_are_compared_weakly(header: str | None, has_it: bool) -> None:
    assert matches(header, 'W/"a"') is has_it
