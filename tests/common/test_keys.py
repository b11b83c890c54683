import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.keys import Scope, find_dsn_key, make_dsn, make_key, parse_dsn_key, parse_key


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


def test_the_key_of_a_dsn_follows_from_the_secret_and_is_stored_as_a_hash() -> None:
    key = make_key(Scope.ingest)
    dsn_key = key.dsn_key
    assert parse_key(str(key)) is not None
    assert parse_key(str(key)).dsn_key == dsn_key  # type: ignore[union-attr]
    assert parse_dsn_key(dsn_key.text.upper()) == dsn_key
    assert make_key(Scope.ingest).dsn_key != dsn_key
    assert key.secret not in dsn_key.text
    assert dsn_key.text not in repr(dsn_key)
    assert len(dsn_key.sha256) == 32
    assert dsn_key.sha256 != key.secret_sha256


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "https://mayday.example/under/"])
def test_a_dsn_names_its_key_its_place_and_its_project(base_url: str) -> None:
    dsn_key = make_key(Scope.ingest).dsn_key
    dsn = make_dsn(dsn_key, 7, base_url)
    assert dsn.startswith(base_url.split(":", maxsplit=1)[0] + f"://{dsn_key.text}@")
    assert dsn.endswith(base_url.partition("://")[2].rstrip("/") + "/7")
    assert find_dsn_key(dsn) == dsn_key.text


@pytest.mark.parametrize("dsn", [None, 7, "", "no dsn", "http://host/1", "http://[::1", ["http://a@b/1"]])
def test_what_is_no_dsn_names_no_key(dsn: object) -> None:
    assert find_dsn_key(dsn) is None


@given(st.text())
def test_other_text_is_no_key_of_a_dsn(text: str) -> None:
    found = parse_dsn_key(text)
    assert found is None or (len(text) == 32 and int(text, 16) >= 0)
