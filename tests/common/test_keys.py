import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.keys import Scope, make_key, parse_key


@given(st.sampled_from(Scope))
def test_a_key_reads_back_as_what_it_was_made(scope: Scope) -> None:
    key = make_key(scope)
    assert parse_key(str(key)) == key
    assert str(key).startswith(f"mayday_{scope.value}_")


@given(st.data())
def test_one_wrong_character_is_noticed_without_a_look_up(data: st.DataObject) -> None:
    text = str(make_key(Scope.read))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    assert parse_key(text[:place] + other + text[place + 1 :]) is None


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_the_secret_is_stored_as_a_hash_and_not_printed() -> None:
    key = make_key(Scope.admin)
    assert key.is_stored_as(key.secret_sha256)
    assert not key.is_stored_as(make_key(Scope.admin).secret_sha256)
    assert key.secret not in repr(key)
    assert len(key.secret_sha256) == 32


@pytest.mark.parametrize(
    ("scope", "needed", "allowed"),
    [
        (Scope.ingest, Scope.ingest, True),
        (Scope.ingest, Scope.read, False),
        (Scope.read, Scope.read, True),
        (Scope.read, Scope.ingest, False),
        (Scope.read, Scope.admin, False),
        (Scope.admin, Scope.read, True),
        (Scope.admin, Scope.ingest, True),
    ],
)
def test_a_scope_allows_its_own_and_admin_all(scope: Scope, needed: Scope, allowed: bool) -> None:
    assert scope.allows(needed) is allowed
