"""Numbers of cards go by their issuer, check digit and company; every other number stays."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED, is_utf8, redact_text
from api.ingest.sanitize.redaction.cards import CARDS, is_card, passes_luhn, redact_cards, told_before
from dev.evaluation.redaction.making import card, grouped_card
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT

RANDOM = st.integers(0, 2**32).map(random.Random)
NUMBERS = RANDOM.map(card)


@pytest.mark.parametrize(
    "text",
    [
        "card 4111111111111111 declined", "charge failed for 4111111111111111", "4111111111111111 CVV 123",
        "4111111111111111 12/27", "4111111111111111 123",
        "4111 1111 1111 1111 123", "4111-1111-1111-1111 12/27 123", "%B4111111111111111^DOE/J^2712?",
        ";4111111111111111=2712?", "3782 822463 10005",
    ],
)  # fmt: skip
def test_a_card_goes_by_its_groups_or_by_what_is_around_it(text: str) -> None:
    redacted, count = redact_text(text)
    assert count == 1
    assert "1111" not in redacted
    assert "10005" not in redacted


@pytest.mark.parametrize(("number", "is_card"), [("4111111111111111", True), ("4111111111111112", False)])
def test_card_numbers_are_told_by_their_check_digit(number: str, is_card: bool) -> None:
    assert passes_luhn(number) is is_card


@given(st.text("0123456789", min_size=12, max_size=18))
@settings(max_examples=40)
def test_of_ten_check_digits_one_is_right(body: str) -> None:
    right = [digit for digit in "0123456789" if passes_luhn(body + digit)]
    assert len(right) == 1 or set(body) == {"0"}


@given(NUMBERS, st.integers(0, 12), st.integers(1, 9))
@settings(max_examples=40)
def test_one_wrong_digit_makes_a_card_no_card(number: str, place: int, more: int) -> None:
    assert is_card(number)
    wrong = str((int(number[place]) + more) % 10)
    assert not is_card(number[:place] + wrong + number[place + 1 :])


@given(NUMBERS, st.sampled_from(["card", "charged", "declined for visa", "creditCard:", "payment with the number"]))
@settings(max_examples=40)
def test_behind_a_word_of_cards_a_bare_number_goes_and_nothing_else(number: str, word: str) -> None:
    assert redact_cards(f"bob {word} {number}, twice") == (f"bob {word} {REDACTED}, twice", 1)


@given(NUMBERS, st.sampled_from(["order", "id", "trace", "customerId", "took", "payment", "card order"]))
@settings(max_examples=40)
def test_behind_a_word_of_ids_or_of_nothing_it_stays(number: str, word: str) -> None:
    for text in (f"{word} {number}, twice", number, f"{number} bob", f"GET /{number} 404"):
        assert redact_cards(text) == (text, 0)


@given(RANDOM, st.sampled_from([" ", "-", ".", " - "]))
@settings(max_examples=40)
def test_in_the_groups_that_stand_on_it_it_goes_by_itself(source: random.Random, separator: str) -> None:
    assert redact_cards(f"order {grouped_card(separator)(source)}!") == (f"order {REDACTED}!", 1)


@given(NUMBERS, st.sampled_from("0123456789abXY_"))
@settings(max_examples=40)
def test_a_part_of_a_longer_number_or_word_is_none(number: str, beside: str) -> None:
    for text in (f"card {beside}{number}", f"card {number}{beside}", f"card {number}.5"):
        found = redact_cards(text)
        assert found == (text, 0) or is_card(text.removeprefix("card "))


@pytest.mark.parametrize("expiry", ["12/27", "(exp 12/27)", "CVV: 123", "|01|2029|123", "visa"])
@given(number=NUMBERS)
@settings(max_examples=40)
def test_before_an_expiry_or_a_code_it_goes(number: str, expiry: str) -> None:
    assert redact_cards(f"{number} {expiry}") == (f"{REDACTED} {expiry}", 1)


@given(NUMBERS)
@settings(max_examples=40)
def test_under_the_names_of_a_json_value_it_goes_as_behind_words(number: str) -> None:
    assert redact_cards(number, "payment card number") == (REDACTED, 1)
    assert redact_cards(number, "card orderId") == (number, 0)


def test_a_code_that_stands_in_a_group_of_its_own_stays() -> None:
    assert redact_cards("4111 1111 1111 1111 123") == (f"{REDACTED} 123", 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("card ", True), ("card number is", True), ("visa of a customer", False), ("paid order", False), ("charge", False),
        ("charge to", True), ("charge failed for", True), ("discover", True), ("discover service", None), ("bob", None),
        ("", None), ("card a b c d e f g", None),
    ],
)  # fmt: skip
def test_the_nearest_word_that_tells_is_believed(text: str, said: bool | None) -> None:
    assert told_before(text) is said


@given(ANY_TEXT)
@settings(max_examples=40)
def test_no_text_is_changed_without_its_hint_and_a_second_search_finds_nothing(text: str) -> None:
    redacted, count = redact_cards(text)
    assert (count > 0) == (redacted != text)
    assert not count or CARDS.has_hint(text) or not is_utf8(text)
    assert redact_cards(redacted)[0] == redacted
