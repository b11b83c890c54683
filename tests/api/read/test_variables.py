"""The values at a pattern's variable places."""

from api.read.variables import variable_values


def test_shows_the_top_values_of_each_place() -> None:
    messages = [
        ("user bob  not in 7", 3),
        ("user ann not in 7", 5),
        ("user cy not in 9", 1),
        ("something else", 9),
    ]
    assert variable_values("user <*> not in <*>", messages, top=2) == [
        [("ann", 5), ("bob", 3)],
        [("7", 8), ("9", 1)],
    ]


def test_a_template_without_places_has_no_values() -> None:
    assert variable_values("it broke", [("it broke", 2)]) == []
