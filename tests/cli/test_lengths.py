"""Lengths of time, as `key create --expires` and `ignore --for` take them."""

from datetime import timedelta

import pytest
import typer

from cli.lengths import parse_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30min", timedelta(minutes=30)),
        (" 4W ", timedelta(weeks=4)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_what_people_write(text: str, length: timedelta) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize(
    "text", ["", "90", "d", "0d", "-1d", "1.5h", "1y", "5m", "90d12h", "36501d", "99999w", "\u0661d"]
)
def test_what_could_mean_several_things_or_none_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="30min, 12h, 90d or 4w"):
        parse_length(text)
