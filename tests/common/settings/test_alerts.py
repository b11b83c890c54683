"""Settings of channels are checked at the start, and a key is never shown."""

import pytest

from common.sealing import make_secret_key
from common.settings import Settings, SettingsInvalid


def test_the_key_is_not_shown() -> None:
    key = make_secret_key()
    settings = Settings.load(secret_key=key)
    assert key not in repr(settings)
    assert key not in str(settings.model_dump())
    assert settings.secret_key.get_secret_value() == key


@pytest.mark.parametrize(
    ("name", "value"), [("secret_key", "very-secret"), ("alerts_allow", "10.0.0.0/99"), ("alerts_allow", "a b"), ("alerts_allow", "http://a")]
)  # fmt: skip
def test_what_is_none_is_refused_by_the_name_of_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"MAYDAY_{name.upper()}") as caught:
        Settings.load(**{name: value})
    assert "very-secret" not in str(caught.value)
