"""Small files of `NAME=value` lines in MAYDAY_HOME: the keys of the first start, and where a running Mayday listens."""

import os
from collections.abc import Mapping
from pathlib import Path

from common.sealing import make_secret_key
from common.settings import Settings

KEY_NAME = "MAYDAY_SECRET_KEY"
STATE_FILE = "running.env"


def read_env(path: Path) -> dict[str, str]:
    """The file's names and values; nothing where there is no such file."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def read_state(home: Path) -> dict[str, str]:
    """Where the Mayday that runs on this home has its stores; empty when none runs."""
    return read_env(home / STATE_FILE)


def find_stores() -> Settings:
    """As `find_database`, with the cache of the Mayday that runs on this home where no URL of Redis is set."""
    settings = find_database()
    if settings.effective_cache_url:
        return settings
    cache_url = read_state(settings.home).get("MAYDAY_CACHE_URL", "")
    return Settings.load(database_url=settings.database_url, cache_url=cache_url)


def find_database() -> Settings:
    """The settings, with the database of the Mayday that runs on this home where MAYDAY_DATABASE_URL is not set.

    Raises SettingsInvalid when there is neither.
    """
    settings = Settings.load()
    if not settings.database_url:
        settings = Settings.load(database_url=read_state(settings.home).get("MAYDAY_DATABASE_URL", ""))
    return settings.require("database_url")


def load_settings() -> Settings:
    """The settings, with the secret key that `mayday up` keeps in this home where MAYDAY_SECRET_KEY is not set."""
    settings = Settings.load()
    kept = "" if settings.secret_key.get_secret_value() else read_env(settings.secret_file).get(KEY_NAME, "")
    return Settings.load(secret_key=kept) if kept else settings


def keep_secret_key(settings: Settings) -> str:
    """The key in MAYDAY_SECRET_KEY, or the one that is kept in the home, which is made where there is none."""
    if given := settings.secret_key.get_secret_value():
        return given
    kept = read_env(settings.secret_file)
    if not kept.get(KEY_NAME):
        kept[KEY_NAME] = make_secret_key()
        write_env(settings.secret_file, kept)
    return kept[KEY_NAME]
