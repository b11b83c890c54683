"""The installation's key is made, kept in the home by `mayday up` alone, and changed for another."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.secret_key import reseal_on, secret_key_app
from cli.state import keep_secret_key, load_settings
from common.alerts.channels import add_channel, open_channel
from common.sealing import Sealer, make_secret_key, read_secret_keys
from common.settings import Settings
from tests.conftest import Service


def test_a_new_key_is_printed_each_time() -> None:
    printed = [CliRunner().invoke(secret_key_app, ["create"]).stdout.strip() for _ in range(2)]
    assert len({key for one in printed for key in read_secret_keys(one)}) == 2


def test_the_key_of_a_home_is_made_once_and_readable_by_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAYDAY_HOME", str(tmp_path))
    monkeypatch.delenv("MAYDAY_SECRET_KEY", raising=False)
    assert load_settings().secret_key.get_secret_value() == ""
    key = keep_secret_key(Settings.load())
    assert keep_secret_key(Settings.load()) == key == load_settings().secret_key.get_secret_value()
    assert (tmp_path / "secret.env").stat().st_mode & 0o777 == 0o600
    given = make_secret_key()
    monkeypatch.setenv("MAYDAY_SECRET_KEY", given)
    assert keep_secret_key(Settings.load()) == given == load_settings().secret_key.get_secret_value()


async def test_after_sealing_anew_the_new_key_alone_opens(service: Service) -> None:
    project = await service.project()
    old, new = make_secret_key(), make_secret_key()
    async with service.tools.engine.begin() as connection:
        channel_id = await add_channel(
            connection, Sealer([old]), project.id, name="a", kind="webhook", config={"x": 1}, hint="", max_per_hour=1
        )
    assert channel_id is not None
    assert await reseal_on(service.settings, Sealer([new, old])) == 1
    async with service.tools.engine.begin() as connection:
        opened = await open_channel(connection, Sealer([new]), project.id, channel_id)
    assert opened is not None
    assert opened.config == {"x": 1}
