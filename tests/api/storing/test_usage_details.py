"""What the price depends on beyond the counts is read back as it was written."""

from decimal import Decimal

from api.storing.usage_details import read_details, write_details
from common.pricing import Extras, Pass, TokenCounts


def test_nothing_is_written_where_there_is_nothing() -> None:
    assert write_details(None, ()) is None


def test_everything_is_read_back() -> None:
    extras = Extras(
        {"web_searches": 3, "audio_seconds": Decimal("9.25")}, "us", (Pass(TokenCounts(5, 4, 3, 2, 1, 1), "m"),), 7
    )
    text = write_details(extras, ("not_understood: x",))
    assert text is not None
    details = read_details(text)
    assert (details.extras, details.told) == (extras, ["not_understood: x"])


def test_words_alone_change_no_price() -> None:
    text = write_details(None, ("not_understood: x",))
    assert text == '{"told":["not_understood: x"]}'
    assert read_details(text).extras is None
