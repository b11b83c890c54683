"""The lane takes a plain request of its method and target that the handler reads; everything else goes by the routes."""

from typing import Any

import pytest

from api.http.fast_lane import FastRequest, find_request
from api.http.head import Fields, Head, read_head

HOST = (b"host", b"x")


class Echo:
    """Asks for the path, unless that says otherwise."""

    method = "GET"
    own_fields = frozenset({b"own"})

    def __init__(self) -> None:
        self.heads: list[Head] = []

    def read(self, head: Head) -> str | None:
        self.heads.append(head)
        return None if "odd" in head.path else head.path

    def begin(self, *_: Any) -> None:
        return None


def head_of(target: bytes, method: bytes = b"GET", more: Fields | None = None, version: str = "1.1") -> Head:
    return read_head(method, version, target, [HOST, *(more or [])])


def test_a_plain_request_is_found_with_its_handler_and_what_it_asks() -> None:
    echo = Echo()
    head = head_of(b"/recent?limit=1")
    assert find_request({b"/recent": echo}, b"/recent", head) == FastRequest(echo, "/recent?limit=1", head)
    assert echo.heads == [head]


@pytest.mark.parametrize(
    ("target", "head"),
    [
        (b"/other", head_of(b"/other")),
        (b"/recent/", head_of(b"/recent/")),
        (b"/recent", head_of(b"/recent", b"POST", [(b"content-length", b"0")])),
        (b"/recent", head_of(b"/recent", b"HEAD")),
        (b"/recent", head_of(b"/recent", more=[(b"expect", b"100-continue")])),
        (b"/recent", head_of(b"/recent", more=[(b"accept", b"a"), (b"accept", b"b")])),
        (b"/recent", head_of(b"/recent", more=[(b"origin", b"https://a.example")])),
        (b"/recent", head_of(b"/recent", version="1.0")),
    ],
)
def test_what_is_not_plain_or_not_its_own_a_handler_is_not_asked(target: bytes, head: Head) -> None:
    echo = Echo()
    assert find_request({b"/recent": echo}, target, head) is None
    assert echo.heads == []


def test_what_the_handler_does_not_read_goes_by_the_route() -> None:
    assert find_request({b"/recent": Echo()}, b"/recent", head_of(b"/recent?odd=1")) is None


def test_an_empty_lane_takes_nothing() -> None:
    assert find_request({}, b"/recent", head_of(b"/recent")) is None


def test_a_target_that_names_a_thing_by_its_number_is_found_and_others_like_it_are_not() -> None:
    echo, lane = Echo(), {b"/api/{number}/things/": Echo()}
    lane[b"/api/{number}/things/"] = echo
    for target in (b"/api/7/things/", b"/api/123456789012345678/things/"):
        assert find_request(lane, target, head_of(target)) is not None
    for target in (
        b"/api/x/things/",
        b"/api//things/",
        b"/api/7/8/things/",
        b"/api/{number}x/things/",
        b"/api/7/things",
    ):
        assert find_request(lane, target, head_of(target)) is None


def test_a_field_that_the_handler_reads_itself_leaves_the_head_plain() -> None:
    assert head_of(b"/", more=[(b"content-encoding", b"gzip")]).is_plain_beside(frozenset({b"content-encoding"}))
    assert not head_of(b"/", more=[(b"content-encoding", b"gzip")]).is_plain_beside(frozenset({b"origin"}))
