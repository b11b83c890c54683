"""The values at a pattern's variable places."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from api.reads.variables import variable_values

SENT = Counter({"user bob  not in 7": 3, "user ann not in 7": 5, "user cy not in 9": 1, "something else": 9})
VALUES = st.text("ab:é", min_size=1, max_size=6)


def test_shows_the_top_values_of_each_place() -> None:
    assert variable_values("user <*> not in <*>", SENT.elements(), top=2) == [
        [("ann", 5), ("bob", 3)],
        [("7", 8), ("9", 1)],
    ]


def test_those_as_frequent_come_by_name() -> None:
    assert variable_values("at <*>", ["at c", "at a", "at d", "at b"], top=3) == [[("a", 1), ("b", 1), ("c", 1)]]


def test_a_template_without_places_has_no_values() -> None:
    assert variable_values("it broke", ["it broke"]) == []


def test_places_of_messages_that_do_not_fit_have_no_values() -> None:
    assert variable_values("user <*> not in <*>", ["something else", "user in"]) == [[], []]


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=20))
def test_every_value_of_every_place_is_counted(sent: list[list[str]]) -> None:
    messages = [f"cannot move {what} from {source} to {target}" for what, source, target in sent]
    places = variable_values("cannot move <*> from <*> to <*>", messages, top=20)
    assert [dict(place) for place in places] == [Counter(values) for values in zip(*sent, strict=True)]
