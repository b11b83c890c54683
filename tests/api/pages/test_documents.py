"""Pages take an answer apart once, as the API gives it."""

from api.pages.documents import take_apart
from api.reads.entries import RECENT

BODY = b'{"errors": []}'


def test_the_same_answer_is_taken_apart_once() -> None:
    assert take_apart(RECENT, 'W/"a"', BODY) is take_apart(RECENT, 'W/"a"', BODY)
    assert take_apart(RECENT, 'W/"b"', BODY).value.errors == []
