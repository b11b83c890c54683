"""What is sealed opens with a key that was valid, for its place alone, and shows nothing of itself."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from common.sealing import NotOpened, Sealer, SecretKeyMissing, make_secret_key, name_place, read_secret_keys

PROJECT, CHANNEL = uuid4(), uuid4()
SECRET = {"url": "https://hooks.example/very-secret"}
OLD, NEW = make_secret_key(), make_secret_key()


def sealer(*keys: str) -> Sealer:
    return Sealer.of(SecretStr(",".join(keys)))


def test_what_was_sealed_opens_and_shows_nothing_of_itself() -> None:
    sealed = sealer(OLD).seal(PROJECT, CHANNEL, SECRET)
    assert b"secret" not in sealed
    assert sealed != sealer(OLD).seal(PROJECT, CHANNEL, SECRET)
    assert sealer(OLD).open(PROJECT, CHANNEL, sealed) == SECRET


def test_of_several_keys_the_first_seals_and_each_opens() -> None:
    sealed = sealer(OLD).seal(PROJECT, CHANNEL, SECRET)
    both = sealer(NEW, OLD)
    assert both.open(PROJECT, CHANNEL, sealed) == SECRET
    anew = both.reseal(sealed)
    assert sealer(NEW).open(PROJECT, CHANNEL, anew) == SECRET
    with pytest.raises(NotOpened):
        sealer(OLD).open(PROJECT, CHANNEL, anew)
    with pytest.raises(NotOpened):
        sealer(NEW).reseal(sealed)


def test_what_was_sealed_for_one_place_opens_in_no_other() -> None:
    """Who may write to Postgres cannot have one project's secret sent to where another's goes."""
    sealed = sealer(OLD).seal(PROJECT, CHANNEL, SECRET)
    for project_id, channel_id in ((uuid4(), CHANNEL), (PROJECT, uuid4())):
        with pytest.raises(NotOpened, match="another place"):
            sealer(OLD).open(project_id, channel_id, sealed)
    assert name_place(PROJECT, CHANNEL) != name_place(CHANNEL, PROJECT)


def test_a_changed_byte_opens_nothing_and_the_failure_holds_nothing() -> None:
    sealed = bytearray(sealer(OLD).seal(PROJECT, CHANNEL, SECRET))
    sealed[40] ^= 1
    with pytest.raises(NotOpened) as caught:
        sealer(OLD).open(PROJECT, CHANNEL, bytes(sealed))
    assert OLD not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(SecretKeyMissing, match="MAYDAY_SECRET_KEY"):
        sealer().seal(PROJECT, CHANNEL, SECRET)


@pytest.mark.parametrize(
    "text",
    ["short", OLD[:-1], f"{OLD},x", OLD + OLD, "a" * 43 + "*"],
    ids=["short", "cut", "one of two", "two without a comma", "a sign that no key has"],
)
def test_what_is_no_key_is_refused_without_a_word_of_it(text: str) -> None:
    with pytest.raises(ValueError, match="secret-key create") as caught:
        read_secret_keys(text)
    assert text not in str(caught.value)
