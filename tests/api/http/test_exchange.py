"""An exchange holds its body's bytes until it completes, which it does once, and gives them as they came."""

from typing import cast

import pytest

from api.access.quotas import Allowance
from api.http.bodies import BodyBudget
from api.http.exchange import NOBODY_WAITS, Asker, Exchange
from api.http.head import Fields, read_head
from tests.api.http.wire import NoQuotas, Wire


class Nobody:
    def log_fields(self) -> dict[str, str]:
        return {}


def begin(bodies: BodyBudget, body_bytes: int = 0, *sent: tuple[bytes, bytes]) -> Exchange:
    fields: Fields = [(b"host", b"x"), *sent]
    asker, quotas = cast("Asker", Nobody()), cast("Allowance", NoQuotas())
    return Exchange(read_head(b"POST", "1.1", b"/x", fields), asker, quotas, body_bytes, bodies, lambda *_: None)


def test_a_body_counts_until_its_exchange_completes() -> None:
    wire = Wire()
    assert wire.held.total_bytes == wire.exchange.body_bytes
    assert wire.exchange.complete()
    assert not wire.exchange.complete()
    assert wire.held.total_bytes == 0


def test_bodies_under_way_add_up_and_each_gives_back_its_own() -> None:
    bodies = BodyBudget()
    first, second = begin(bodies, 30), begin(bodies, 12)
    assert bodies.total_bytes == 42
    assert [first.complete(), first.complete()] == [True, False]
    assert bodies.total_bytes == 12
    second.complete()
    assert bodies.total_bytes == 0


@pytest.mark.parametrize("pieces", [[], [b"whole"], [b"in ", b"", b"pieces"]])
def test_a_body_is_its_pieces_in_their_order(pieces: list[bytes]) -> None:
    exchange = begin(BodyBudget())
    exchange.pieces += pieces
    assert exchange.body == b"".join(pieces)


@pytest.mark.parametrize(
    ("sent", "is_kept"), [(b"mine-1.a_B", True), (b"a b", False), (b"x" * 65, False), (b"a\nb", False)]
)
def test_the_clients_id_is_taken_where_a_log_line_can_hold_it(sent: bytes, is_kept: bool) -> None:
    assert (begin(BodyBudget(), 0, (b"x-request-id", sent)).request_id == sent.decode()) is is_kept


def test_it_begins_as_what_uvicorn_looks_at_in_a_cycle_under_way() -> None:
    exchange = begin(BodyBudget())
    assert (exchange.more_body, exchange.keep_alive) == (True, True)
    assert (exchange.response_started, exchange.response_complete, exchange.disconnected) == (False,) * 3
    exchange.message_event.set()  # at the end of a connection nobody is woken
    assert exchange.message_event is NOBODY_WAITS


def test_a_kind_of_exchange_says_itself_how_it_is_taken() -> None:
    with pytest.raises(NotImplementedError):
        begin(BodyBudget()).take()
