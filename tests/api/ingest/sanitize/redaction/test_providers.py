"""A key of each known provider goes by its form and is seen by its hint; names of words that begin alike stay."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED
from api.ingest.sanitize.redaction.providers import KEYS, PROVIDERS, is_random, redact_keys
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT

has_hint = PROVIDERS[0].has_hint
OTHER_KEYS = [
    "123456789:A" + "aB3_" * 8 + "xy", "s." + "aB3d" * 6, "M" + "aB3d" * 6 + ".aB3dE_." + "aB3d" * 7, "aB38Q~" + "aB3d" * 8,
    "aB3dE5fG7h.atlasv1." + "aB3d" * 10, "0a1b" * 8 + "-us12", "1//0" + "aB3d" * 10, "LS0tLS1CRUdJTi" + "BQUklWQVRF" * 3,
    "$2b$12$" + "aB3d" * 8, "$argon2id$v=19$m=65536,t=3,p=4$" + "aB3d" * 6,
]  # fmt: skip


@pytest.mark.parametrize("begins", [begins for begins, _ in KEYS])
def test_a_key_of_each_provider_goes_and_its_hint_sees_it(begins: str) -> None:
    rest = dict(KEYS)[begins]

    @settings(max_examples=3, database=None)
    @given(st.from_regex(f"{begins}{rest}", fullmatch=True, alphabet=st.characters(codec="ascii")))
    def look(key: str) -> None:
        known = re.compile(f"{begins}{rest}", re.ASCII).fullmatch(key)
        assert known is not None
        kept = f"got {REDACTED} of bob" if is_random(key) else f"got {key} of bob"
        assert redact_keys(f"got {key} of bob") == (kept, int(is_random(key)))
        assert has_hint(f"got {key} of bob")
        for before in ("=", "\\n", "%3D", '"'):
            assert (REDACTED in redact_keys(f"{before}{key}")[0]) is is_random(key)
        assert redact_keys(f"x{key}")[0].startswith("x")

    look()


# Of the best known, as their makers print them; put together here, so that no one takes them for keys.
WELL_KNOWN = [
    ("AKIA", "IOSFODNN7EXAMPLE"), ("gh" + "p_", "aB3d" * 9), ("github_pat_", "aB3d" * 10), ("xox" + "b-", "1234-aB3dE5fG7h"),
    ("sk_" + "live_", "aB3d" * 6), ("sk-" + "proj-", "aB3d" * 10), ("AI" + "za", "aB3d" * 9), ("gl" + "pat-", "aB3d" * 5),
    ("np" + "m_", "aB3d" * 9), ("hf" + "_", "aB3d" * 8), ("SG" + ".", "aB3d" * 5 + "." + "aB3d" * 10), ("dapi", "0a1b" * 8),
    ("mayday_ingest_", "aB3d" * 8), ("tf" + "p_", "aB3d" * 8),
]  # fmt: skip


@pytest.mark.parametrize(("begins", "rest"), WELL_KNOWN)
def test_the_best_known_keys_go(begins: str, rest: str) -> None:
    assert redact_keys(f"got {begins}{rest} of bob") == (f"got {REDACTED} of bob", 1)
    assert has_hint(f"got {begins}{rest} of bob")


@pytest.mark.parametrize(("number", "key"), list(zip([*range(1, len(PROVIDERS)), -1], OTHER_KEYS, strict=True)))
def test_a_key_without_a_beginning_of_its_own_goes_too(number: int, key: str) -> None:
    known = PROVIDERS[number]
    assert known.has_hint(f"got {key} of bob")
    assert known.redact(f"got {key} of bob") == (f"got {REDACTED} of bob", 1)


@pytest.mark.parametrize(
    "text",
    ["sk-service-checkout-worker", "pk_customer_orders_2026", "npm_config_registry_mirror", "hf_transformers_library_one",
     "task-aaaaaaaa1111aaaa", "xhf_a1b2c3d4e5f6g7h8i9", "gh0_a1b2c3d4e5f6g7h8"],
)  # fmt: skip
def test_words_that_begin_as_keys_stay(text: str) -> None:
    assert redact_keys(text) == (text, 0)


@pytest.mark.parametrize(
    ("key", "is_drawn"),
    [
        ("sk-checkout-worker", False), ("sk-checkoutWork12", False), ("sk-a1b2c", False), ("sk-a1b2c3", True),
        ("sk-" + "a" * 16, True), ("a.b/c=d+e_f", False), ("", False), ("Zebra1x1", True),
    ],
)  # fmt: skip
def test_a_part_is_drawn_that_is_no_word_or_too_long_for_one(key: str, is_drawn: bool) -> None:
    assert is_random(key) is is_drawn


@given(ANY_TEXT)
@settings(max_examples=40)
def test_any_text_is_counted_as_it_is_changed(text: str) -> None:
    for known in PROVIDERS:
        redacted, count = known.redact(text)
        assert (count > 0) == (redacted != text)
