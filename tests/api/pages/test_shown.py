"""What a page is kept under tells apart all that its request says, and holds no secret."""

import random
from itertools import product
from typing import get_args

from api.http.responses import Ready
from api.pages.shown import SHOWN_MAX_BYTES, ShownPage, ShownPages, name_page
from common.compression import Encoding


def test_no_two_requests_that_differ_have_the_same_name() -> None:
    parts = [b"", b"a", b"b", b"ab", b"a; b", b"a\xff"]
    codings: tuple[Encoding, ...] = get_args(Encoding)
    asked = list(product(parts, parts, parts, codings))
    assert len({name_page(*one) for one in asked}) == len(asked)
    assert all(len(name_page(*one)) == 32 for one in asked)


def test_what_is_kept_is_bounded_with_all_that_it_is_held_in() -> None:
    pages, chance = ShownPages(), random.Random(5)
    for number in range(3_000):
        whole = Ready(200, b"", bytes(chance.randrange(20_000)))
        pages.keep(name_page(b"%d" % number, b"", b"", "zstd"), ShownPage("/", "", (), (), Ready(304, b"", b""), whole))
    assert len(pages.kept.held) > 500
    assert sum(len(page.whole.body) for page, _ in pages.kept.held.values() if page.whole) < SHOWN_MAX_BYTES
    assert pages.kept.total_bytes <= SHOWN_MAX_BYTES
