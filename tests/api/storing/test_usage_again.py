"""Of a call that is told of more than once the one with the most tokens counts, whatever the order."""

from itertools import permutations
from typing import Any

from api.storing.flusher import Outcome
from api.storing.usage_again import choose_rows, judge_again
from tests.api.storing.test_usage import row as stored_row


def row(output: int, **others: Any) -> Any:
    return stored_row(1)._replace(output_tokens=output, **others)


def test_the_same_is_a_duplicate_more_replaces_and_anything_else_differs() -> None:
    stored = row(10)
    assert judge_again(stored, row(10)) is Outcome.duplicate
    assert judge_again(stored, row(11)) is Outcome.replaced
    assert judge_again(stored, row(9)) is Outcome.differs
    assert judge_again(stored, row(11, team="others")) is Outcome.differs
    assert judge_again(stored, row(10, details='{"units":{"web_searches":1}}')) is Outcome.differs
    assert judge_again(row(10, details='{"told":["a"]}'), row(10, details='{"told":["b"]}')) is Outcome.duplicate


def test_of_one_flush_the_most_is_stored_in_any_order() -> None:
    for outputs in permutations((1, 20, 345)):
        rows = [row(output) for output in outputs]
        [place], others = choose_rows(rows)
        assert rows[place].output_tokens == 345
        assert sorted(others) == [other for other in range(3) if other != place]
        assert set(others.values()) == {Outcome.differs}
