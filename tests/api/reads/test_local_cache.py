"""What a process remembers is bounded in bytes, and what was used last stays."""

from hypothesis import given
from hypothesis import strategies as st

from api.reads.local_cache import LocalCache


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=60)), max_size=60))
def test_a_local_cache_never_holds_more_bytes_than_it_may(kept: list[tuple[int, bytes]]) -> None:
    cache: LocalCache[int, bytes] = LocalCache(100, len)
    for key, value in kept:
        cache.keep(key, value)
        assert cache.get(key) == value
        assert cache.total_bytes == sum(size for _, size in cache.held.values()) <= 100


def test_what_is_larger_than_all_may_be_is_not_kept_and_pushes_nothing_wrong() -> None:
    cache: LocalCache[str, bytes] = LocalCache(100, len)
    cache.keep("a", b"x" * 90)
    cache.keep("b", b"x" * 101)
    assert cache.get("b") is None
    assert cache.total_bytes <= 100
    cache.keep("a", b"y" * 60)
    cache.keep("c", b"z" * 30)
    cache.get("a")
    cache.keep("d", b"w" * 30)
    assert [cache.get(key) is not None for key in "acd"] == [True, False, True]


def test_the_size_of_a_value_is_asked_for_once() -> None:
    asked: list[bytes] = []

    def size_of(value: bytes) -> int:
        asked.append(value)
        return len(value)

    cache: LocalCache[str, bytes] = LocalCache(100, size_of)
    cache.keep("a", b"x" * 60)
    cache.get("a")
    cache.keep("b", b"y" * 60)
    assert (cache.get("a"), asked) == (None, [b"x" * 60, b"y" * 60])
