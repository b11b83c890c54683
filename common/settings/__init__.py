"""Every setting of Mayday: read from the environment (prefix MAYDAY_), checked, described.

The programs build one `Settings` at start and hand it down; nothing reads the environment elsewhere. It is the sum of its
components, so that a module says by the type that it takes which of them it depends on.
"""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.settings.alerts import ChannelSettings
from common.settings.api import AccessSettings, HttpSettings, IngestSettings, ReadSettings, WriterSettings
from common.settings.programs import ROOT as ROOT
from common.settings.programs import ProgramSettings, StopSettings, TelemetrySettings
from common.settings.stores import CacheSettings, DatabaseSettings
from common.settings.urls import POSTGRES, REDIS, encode_login, fill_in_password, find_weakness, refuse_unknown_scheme
from common.settings.worker import CountingSettings, JobSettings, RetentionSettings, SpendingSettings

# In the order of docs/settings.md.
COMPONENTS: tuple[type[BaseSettings], ...] = (
    DatabaseSettings,
    CacheSettings,
    ProgramSettings,
    TelemetrySettings,
    StopSettings,
    HttpSettings,
    AccessSettings,
    IngestSettings,
    WriterSettings,
    ReadSettings,
    JobSettings,
    CountingSettings,
    RetentionSettings,
    SpendingSettings,
    ChannelSettings,
)


URLS = ("database_url", "migrate_database_url", "read_database_url", "redis_url", "cache_url", "queue_url")


class SettingsInvalid(Exception):
    """A setting is missing or wrong. The text names the variable and the cure, one line a setting."""


class Settings(
    DatabaseSettings,
    CacheSettings,
    ProgramSettings,
    TelemetrySettings,
    StopSettings,
    HttpSettings,
    AccessSettings,
    IngestSettings,
    WriterSettings,
    ReadSettings,
    JobSettings,
    CountingSettings,
    RetentionSettings,
    SpendingSettings,
    ChannelSettings,
):
    """The settings of one process. Sizes are bytes, times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="MAYDAY_", frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def has_whole_urls(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Encode what stands in a login, and put the passwords that have a variable of their own into the URLs."""
        passwords = {"database": given.get("database_password") or "", "redis": given.get("redis_password") or ""}
        whole = {
            name: fill_in_password(encode_login(given[name]), passwords["database" if "database" in name else "redis"])
            for name in URLS
            if isinstance(given.get(name), str)
        }
        return {**given, **whole}

    @field_validator(*URLS)
    @classmethod
    def has_known_scheme(cls, url: str, info: Any) -> str:
        """Refuse a URL of a kind that the programs cannot use, with the forms that they can."""
        return refuse_unknown_scheme(url, POSTGRES if info.field_name.endswith("database_url") else REDIS)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment.

        Raises SettingsInvalid, which names every wrong variable and what it must be.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            lines = [f"MAYDAY_{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
            raise SettingsInvalid("\n".join(lines)) from error

    def require(self, *names: str) -> Self:
        """Return self when each named URL is set, else raise SettingsInvalid saying which and how."""
        missing = [name for name in names if not getattr(self, f"effective_{name}", getattr(self, name, ""))]
        if missing:
            lines = [
                f"MAYDAY_{name.upper()} is not set: give a URL, or use `./mayday up`, which starts a server"
                for name in missing
            ]
            raise SettingsInvalid("\n".join(lines))
        return self.refuse_weak(names)

    def refuse_weak(self, names: Iterable[str] = URLS) -> Self:
        """Return self when in production mode no named URL leads to a port without a good password, else raise
        SettingsInvalid. A URL that is not set is none."""
        if self.mode != "production":
            return self
        lines = [
            f"MAYDAY_{name.upper()}: {weakness}"
            for name in names
            if (weakness := find_weakness(getattr(self, f"effective_{name}", getattr(self, name, ""))))
        ]
        if lines:
            raise SettingsInvalid("\n".join(lines))
        return self
