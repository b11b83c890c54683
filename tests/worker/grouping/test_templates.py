"""Which places of messages hold a value: on evidence alone, whatever the order."""

import random

import pytest

from common.fingerprint import mask_message
from tests.worker.grouping.test_patterns import USERS
from worker.grouping.templates import DISTINCT_RAISED, find_templates, span_templates

CARTS = [f"user {name} has no cart" for name in USERS]


def test_a_place_with_enough_values_is_open() -> None:
    assert set(find_templates(CARTS).values()) == {"user <*> has no cart"}


def count_patterns(*messages: str) -> int:
    return len(set(find_templates({mask_message(message) for message in messages}).values()))


@pytest.mark.parametrize(
    "messages",
    [
        ["1190 bytes (1.16 KB) sent", "90 bytes sent"],
        ["connection from 1.2.3.4 () at noon", "connection from 1.2.3.4 (host) at noon"],
        ["auth failure; rhost= user=root", "auth failure; rhost=a.example.com user=root"],
        ["synchronized to 10.0.0.1, stratum 3", "synchronized to LOCAL(0), stratum 10"],
        ["unknown keys: a, b", "unknown keys: a"],
        ["payload {} refused", 'payload {"id":1} refused', "payload null refused"],
        ["q IN (1, 2, 3) failed", "q IN (1, 2, 3, 4, 5) failed", "q IN (1) failed"],
        ["dial tcp db:5432: refused", "dial tcp cache:6379: refused", "dial tcp localhost:5432: refused"],
        ["cannot parse the certificate given: timed out", "cannot parse the certificate given: no such file",
         "cannot parse the certificate given: broken pipe"],
    ],
)  # fmt: skip
def test_messages_of_one_statement_are_one_pattern(messages: list[str]) -> None:
    assert count_patterns(*messages) == 1


@pytest.mark.parametrize(
    "messages",
    [
        ['level=err msg="conflict" id=3', 'level=err msg="not found" id=3'],
        ['{"level":"error","msg":"conflict"}', '{"level":"error","msg":"not found"}'],
        ["open through proxy 10.0.0.1 HTTPS", "open through proxy 10.0.0.1 SOCKS5"],
        [f"failed to {verb} user" for verb in ("create", "delete", "update", "list", "get")],
        [f"my state is {state} (state)" for state in ("LOOKING", "FOLLOWING", "LEADING")],
        ["Tailable cursor cannot skip", "Tailable cursor cannot sort"],
    ],
)
def test_messages_of_several_statements_are_as_many_patterns(messages: list[str]) -> None:
    assert count_patterns(*messages) == len(messages)


def test_less_is_asked_of_what_one_statement_raised() -> None:
    said = ["expected Order but got Cart", "expected Order but got User"]
    assert len(set(find_templates(said).values())) == 2
    assert set(find_templates(said, DISTINCT_RAISED).values()) == {"expected Order but got <*>"}


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
