"""How an answer goes out: the coding that the client likes best, its tag, and who may keep it for how long."""

import pytest
from starlette.datastructures import Headers

from api.reads.caching import Served
from api.reads.http import choose_encoding, matches, quality, respond, say_keeping
from common.cache.sealing import make_etag


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
        ("zstd;q=nan, gzip", "gzip"),
        ("*;q=nan", "identity"),
        ("br;q=-nan", "identity"),
        ("br;q=inf", "identity"),
        ("br;q=1e400, gzip;q=0.1", "gzip"),
        ("br;q=0_1", "identity"),
        ("br;q=\u0663", "identity"),
        ("br;q=7", "br"),
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


SERVED = Served(make_etag(b"{}"), "br", b"packed", "hit")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "private, max-age=0"), (1, "private, max-age=1"), (30, "private, max-age=30, stale-while-revalidate=10")],
)
def test_what_is_promised_to_be_a_second_old_is_never_shown_stale(seconds: int, said: str) -> None:
    assert say_keeping(seconds) == said


def test_a_coded_answer_names_its_coding_and_a_304_has_neither_body_nor_coding() -> None:
    whole = respond(SERVED, Headers({}), max_age_seconds=1)
    assert (whole.headers["content-encoding"], whole.body) == ("br", b"packed")
    known = respond(SERVED, Headers({"if-none-match": SERVED.etag}), max_age_seconds=1)
    assert (known.status_code, known.body, "content-encoding" in known.headers) == (304, b"", False)
    assert known.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [("", 1.0), ("q=0.3", 0.3), (" Q = 0.3", 0.3), ("q=7", 1.0), ("q=-1", 0.0), ("q=x", 0.0), ("level=3", 1.0)],
)
def test_a_quality_is_between_0_and_1_and_nonsense_is_not_liked(parameters: str, told: float) -> None:
    assert quality(parameters) == told
