"""The route by which people change patterns: resolve, ignore, reopen, note, merge, split."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import TypeAliasType

from api.access.keys import Caller, TriageCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.fields import NO_NUL, Instant, Name
from api.http.problems import Invalid, NotFound
from api.reads.caching import Reads
from api.reads.shown import hexadecimal
from api.triage import decisions
from common.alerts.pattern_facts import load_facts
from common.database.clock import CLOCK
from common.snapshots.counting import follow_move
from common.transitions import Noted, note_transition

FACTS_MAX = 1_000  # fingerprints that history names of a merge, so that it can be undone

router = Router(prefix="/api/errors/patterns", tags=["triage"])

Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
NO_RELEASES = (
    "no error of this project names its release, so none could ever tell that the fix is out: send `release` with errors,"
    " or resolve without in_next_release and in_release, and the next error is a regression"
)
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
        description="With resolved: the release after the newest that the project has sent has the fix. Errors of releases"
        " up to that one, and of fixes to it (10.18.7 after 10.18.6), are no regression.",
    )
    in_release: Name | None = Field(
        None,
        description="With resolved: this release has the fix. Errors of releases before it are no regression.",
        examples=["10.24.0"],
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
        if (self.in_next_release is not None or self.in_release is not None) and self.state != "resolved":
            raise ValueError("in_next_release and in_release go with the state resolved")
        if self.in_next_release and self.in_release is not None:
            raise ValueError("in_next_release and in_release cannot be said at once: in_release says more")
        if (self.until or self.errors) and self.state != "ignored":
            raise ValueError("until and errors go with the state ignored")
        if self.until is not None and self.until <= CLOCK.now():
            raise ValueError("until must be in the future")
        return self


class PatternChanged(BaseModel):
    """What was decided."""

    id: UUID = Field(description="Of the pattern.")
    applies: str = Field(
        description="now, or next_run: merges and splits show when the worker has run again, within seconds."
    )
    release_order: str | None = Field(
        None,
        description="There with in_next_release and in_release: what tells which release is newer: semantic, date or first_seen;"
        " more may come.",
    )


@router.patch(
    "/{pattern_id}", summary="Resolve, ignore, reopen, merge or split a pattern", response_model_exclude_none=True
)
async def change_pattern(
    request: Request, caller: TriageCaller, pattern_id: UUID, change: PatternChange
) -> PatternChanged:
    """Decisions are remembered: a resolved pattern regresses by itself, and merged ones stay together."""
    share = share_of(request, caller.project_id)
    fix: decisions.Fix | None = None
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
            fix = await decide_state(connection, caller, pattern_id, members, change)
        if change.state is None and change.note is not None:
            await decisions.write_note(connection, caller.project_id, pattern_id, caller.key_id, change.note)
        facts = change.model_dump(mode="json", exclude_none=True)
        if change.merge_into is not None:
            facts["fingerprints"] = [hexadecimal(member.fingerprint) for member in members[:FACTS_MAX]]
        subject_id = pattern_id if change.merge_into is None else into
        name = name_change(change)
        if name == "resolved":  # rules ask for services, environments
            known = await load_facts(connection, caller.project_id, [subject_id], CLOCK.now())
            facts = known.get(subject_id, {}) | facts
        noted = Noted("pattern", subject_id, name, facts, decided_by=caller.key_id)
        await note_transition(connection, caller.project_id, noted)
    await show_now(cast("Reads", request.state.reads), caller.project_id)
    applies = "next_run" if change.merge_into or change.split_off else "now"
    return PatternChanged(id=pattern_id, applies=applies, release_order=fix and fix.order)


async def decide_state(
    connection: AsyncConnection, caller: Caller, pattern_id: UUID, members: Sequence[Any], change: PatternChange
) -> decisions.Fix | None:
    """Note the new state; which release has the fix, where that was said. Raises Invalid where none can tell."""
    fix = None
    if change.in_next_release or change.in_release is not None:
        fix = await decisions.find_fix(connection, caller.project_id, members, change.in_release)
        if fix is None:
            raise Invalid(NO_RELEASES)
    count = sum(member.errors for member in members) + change.errors if change.errors else None
    await decisions.decide(
        connection, caller.project_id, pattern_id, cast("str", change.state), caller.key_id,
        fix=fix, until=change.until, until_count=count, until_more=change.errors, note=change.note,
    )  # fmt: skip
    return fix


def name_change(change: PatternChange) -> str:
    """What a transition is called that people made: resolved, ignored, opened, merged, split or noted."""
    if change.merge_into is not None:
        return "merged"
    if change.split_off is not None:
        return "split"
    return {"resolved": "resolved", "ignored": "ignored", "open": "opened", None: "noted"}[change.state]


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


async def show_now(reads: Reads, project_id: UUID) -> None:
    """Have the next read see what was committed: states and notes are laid over what the worker computed."""
    await reads.outdate(project_id, "patterns")
    await reads.outdate(project_id, "errors")  # pages of single patterns
