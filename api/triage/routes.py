"""The route by which people change patterns: resolve, ignore, reopen, note, merge, split."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self, cast
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from api.auth import AdminCaller
from api.fields import NO_NUL, Instant
from api.problems import Invalid, NotFound
from api.shares import share_of
from api.triage import decisions
from common.cache import Cache
from common.settings import Settings
from common.snapshots import publish_snapshots
from common.snapshots.counting import follow_move

router = APIRouter(prefix="/api/errors/patterns", tags=["triage"])

Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
DecidedState = TypeAliasType("DecidedState", Literal["resolved", "ignored", "open"])


class PatternChange(BaseModel):
    """What to do with a pattern: one of `state`, `merge_into` and `split_off`, or only a note."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"state": "resolved"}], "minProperties": 1}
    )

    state: DecidedState | None = Field(None, description="open takes the others back.")
    in_next_release: bool | None = Field(
        None,
        strict=True,
        description="With resolved: errors of the releases that are known now do not count as a regression.",
    )
    until: Instant | None = Field(None, description="With ignored: until then. Neither this nor errors: for ever.")
    errors: int | None = Field(None, ge=1, le=10**15, description="With ignored: until so many more.")
    merge_into: UUID | None = Field(None, description="Id of the pattern that this one becomes part of.")
    split_off: list[Fingerprint] | None = Field(
        None, min_length=1, max_length=1_000, description="Fingerprints that become a pattern of their own."
    )
    note: str | None = Field(None, max_length=2_000, pattern=NO_NUL, description="For those who look here next.")

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Refuse a change that says nothing, two things at once, or what does not belong to its state."""
        said = [name for name in ("state", "merge_into", "split_off") if getattr(self, name) is not None]
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)} cannot be done at once: send one after the other")
        if not said and self.note is None:
            raise ValueError("nothing to do: say state, merge_into, split_off or note")
        if self.in_next_release is not None and self.state != "resolved":
            raise ValueError("in_next_release goes with the state resolved")
        if (self.until or self.errors) and self.state != "ignored":
            raise ValueError("until and errors go with the state ignored")
        if self.until is not None and self.until <= datetime.now(UTC):
            raise ValueError("until must be in the future")
        return self


class PatternChanged(BaseModel):
    """What was decided."""

    id: UUID = Field(description="Of the pattern.")
    applies: str = Field(
        description="now, or next_run: merges and splits show when the worker has run again, within seconds."
    )


@router.patch("/{pattern_id}", summary="Resolve, ignore, reopen, merge or split a pattern")
async def change_pattern(
    request: Request, caller: AdminCaller, pattern_id: UUID, change: PatternChange
) -> PatternChanged:
    """Decisions are remembered: a resolved pattern regresses by itself, and merged ones stay together."""
    share = share_of(request, caller.project_id)
    async with share.begin() as connection:
        pattern_id = await follow_move(connection, caller.project_id, pattern_id)
        members = await decisions.find_members(connection, caller.project_id, pattern_id)
        if not members:
            raise NotFound("there is no pattern with this id in this project, or its retention is over")
        if change.merge_into is not None:
            into = await follow_move(connection, caller.project_id, change.merge_into)
            if into == pattern_id:
                raise Invalid("merge_into: a pattern cannot become part of itself, and this is the same one by now")
            if not await decisions.find_members(connection, caller.project_id, into):
                raise NotFound("merge_into: there is no pattern with this id in this project")
            await decisions.merge(connection, caller.project_id, members, into)
        elif change.split_off is not None:
            apart = to_split(change.split_off, {member.fingerprint for member in members})
            await decisions.split(connection, caller.project_id, pattern_id, members, apart)
        elif change.state is not None:
            known = None
            if change.in_next_release:
                known = await decisions.find_releases(connection, caller.project_id, members)
            count = sum(member.errors for member in members) + change.errors if change.errors else None
            await decisions.decide(
                connection, caller.project_id, pattern_id, change.state, caller.key_id,
                known_releases=known, until=change.until, until_count=count, note=change.note,
            )  # fmt: skip
        if change.state is None and change.note is not None:
            await decisions.write_note(connection, caller.project_id, pattern_id, caller.key_id, change.note)
    if change.state is not None:
        await show_now(request, caller.project_id)
    return PatternChanged(id=pattern_id, applies="next_run" if change.merge_into or change.split_off else "now")


def to_split(sent: list[str], members: set[int]) -> list[int]:
    """The fingerprints as stored. Raises Invalid when they are not some of the pattern's, but not all."""
    apart = {as_signed(int(fingerprint, 16)) for fingerprint in sent}
    if not apart <= members:
        raise Invalid("split_off: not all of these fingerprints are in this pattern: see `fingerprints` of the pattern")
    if apart == members:
        raise Invalid("split_off: these are all of the pattern's fingerprints: leave at least one")
    return sorted(apart)


def as_signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


async def show_now(request: Request, project_id: UUID) -> None:
    """Have the next read see the decision: the kept answers are computed again."""
    cache, settings = cast("Cache", request.state.cache), cast("Settings", request.state.settings)
    await publish_snapshots(share_of(request, project_id), cache, project_id, settings)
