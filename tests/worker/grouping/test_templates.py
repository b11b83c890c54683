"""Which places of messages hold a value: on evidence alone, whatever the order."""

import random

import pytest

from tests.worker.grouping.test_patterns import USERS
from worker.grouping.templates import find_templates, span_templates

CARTS = [f"user {name} has no cart" for name in USERS]


def test_a_place_with_enough_values_is_open() -> None:
    assert set(find_templates(CARTS).values()) == {"user <*> has no cart"}


def test_a_place_with_too_few_values_keeps_its_words() -> None:
    few = CARTS[:3]
    assert find_templates(few) == {text: text for text in few}


def test_every_text_has_a_template_and_a_lonely_one_its_own() -> None:
    found = find_templates([*CARTS, "disk full"])
    assert set(found) == {*CARTS, "disk full"}
    assert found["disk full"] == "disk full"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_texts_does_not_matter(seed: int) -> None:
    texts = [*CARTS, *(f"cart of {name} is empty" for name in USERS), "disk full"]
    shuffled = random.Random(seed).sample(texts, len(texts))
    assert find_templates(shuffled) == find_templates(texts)


def test_templates_that_belong_together_are_open_where_they_differ() -> None:
    assert span_templates({"could not open file a": 1, "could not open file b": 2}) == "could not open file <*>"


def test_templates_that_have_little_in_common_are_told_by_the_most_frequent() -> None:
    assert span_templates({"disk full": 3, "no route to host": 2}) == "disk full"
    assert span_templates({"a b": 1, "c d": 2}) == "c d"
