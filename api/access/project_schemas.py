"""Keys and projects as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypeAliasType

from api.fields import NO_NUL

ScopeName = TypeAliasType("ScopeName", Literal["ingest", "read", "triage", "admin"])
ProjectName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class KeyIn(BaseModel):
    """A key that is to be made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"scope": "ingest", "name": "checkout"}]})

    scope: ScopeName = Field(description="What it may do.")
    name: str = Field("", max_length=200, pattern=NO_NUL, description="What it is for, as a reminder.")
    expires_in_days: int | None = Field(
        None, ge=1, le=3_650, description="It ends by itself after so many; else never."
    )


class KeyOut(BaseModel):
    """A key, without its secret, which nobody sees again."""

    id: str = Field(description="Names the key; it is no secret.")
    scope: str = Field(description="ingest, read, triage or admin; more may come.")
    name: str = Field(description="What it is for, as a reminder.")
    state: str = Field(description="valid, expired or revoked.")
    created_at: datetime = Field(description="When it was made, UTC.")
    last_used_at: datetime | None = Field(description="To within six minutes; null: never.")
    expires_at: datetime | None = Field(description="Null: never.")


class KeyList(BaseModel):
    """The keys of the caller's project."""

    keys: list[KeyOut] = Field(description="The oldest first; of revoked ones the 200 that were made last.")


class KeyMade(BaseModel):
    """A new key. This answer alone holds its secret."""

    id: str = Field(description="Names the key; it is no secret.")
    key: str = Field(description="What to send as `Authorization: Bearer`; it is shown once.")
    dsn: str | None = Field(description="Of ingest keys: the DSN for Sentry's SDKs.")


class ProjectIn(BaseModel):
    """A project that is to be made, or another name for one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "shop"}]})

    name: ProjectName = Field(description="No other project has it.")


class ProjectOut(BaseModel):
    """A project of the installation."""

    id: UUID = Field(description="Names the project for ever.")
    number: int = Field(description="What a DSN calls it by.")
    name: str = Field(description="As it is called now.")
    state: str = Field(description="active, or deleting: its keys have ended, and the worker deletes what it has.")
    created_at: datetime = Field(description="When it was made, UTC.")


class ProjectList(BaseModel):
    """All projects of the installation, the oldest first."""

    projects: list[ProjectOut] = Field(description="All of the installation.")


class ProjectMade(BaseModel):
    """A new project. This answer alone holds the secret of its first key."""

    id: UUID = Field(description="Names the project for ever.")
    name: str = Field(description="As it is called now.")
    admin_key: str = Field(description="Its first key, which makes others; it is shown once.")


class Contents(BaseModel):
    """What a project has, and so what its deletion takes away."""

    id: UUID = Field(description="Names the project for ever.")
    name: str = Field(description="As it is called now.")
    rows: dict[str, int] = Field(description="By table, of each 100,000 at most; tables without any are left out.")
    counted_at_most: int = Field(100_000, description="Where a table has more, this many are said.")
