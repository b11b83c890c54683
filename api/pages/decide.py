"""What people decide on pages: the same changes as `PATCH /api/errors/patterns/{pattern_id}`, of one pattern or several."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response

from api.http.problems import Invalid
from api.pages.addresses import home_of, is_within
from api.pages.routers import Decider, PageRouter, go_to, read_form
from api.triage.routes import PatternChange, change_pattern
from common.database.clock import CLOCK

MOST_AT_ONCE = 200
STATES = {"resolve": "resolved", "ignore": "ignored", "open": "open"}

router = PageRouter()


@router.post("/p/{project_id}/decide")
async def decide(request: Request, caller: Decider) -> Response:
    """Do what the form says with the patterns that it names, and show the page that it came from, with what was done."""
    form = await read_form(request)
    patterns = read_ids(form.get("pattern", []))
    what = one_of(form, "do")
    for pattern_id, change in changes_of(what, patterns, form):
        await change_pattern(request, caller, pattern_id, change)
    home = home_of(caller.project_id)
    return go_to(inside(one_of(form, "next", home), home, done=what, of=patterns if what in STATES else []))


def changes_of(what: str, patterns: Sequence[UUID], form: Mapping[str, list[str]]) -> list[tuple[UUID, PatternChange]]:
    """Each pattern with what is to become of it. Raises Invalid, ValidationError."""
    if what == "merge":
        into = read_ids(form.get("into", [])) or patterns[:1]
        return [(one, PatternChange(merge_into=into[0])) for one in patterns if one != into[0]] or nothing_to_merge()
    if what == "split":
        return [(patterns[0], PatternChange(split_off=form.get("fingerprint", [])))]
    if what == "note":
        return [(patterns[0], PatternChange(note=one_of(form, "note")))]
    if what not in STATES:
        raise Invalid("this is nothing that can be decided: open the page anew, and try again there")
    return [(one, PatternChange.model_validate({"state": STATES[what], **condition(what, form)})) for one in patterns]


def condition(what: str, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """Until when, or from which release on, a state holds, where the form says so."""
    if what == "resolve":
        release = one_of(form, "in_release", "")
        return {"in_release": release} if release else {"in_next_release": True} if "in_next_release" in form else {}
    if what == "ignore":
        hours, errors = one_of(form, "hours", ""), one_of(form, "errors", "")
        until = {"until": CLOCK.now() + timedelta(hours=read_number(hours, 24 * 365))} if hours else {}
        return until | ({"errors": read_number(errors, 10**9)} if errors else {})
    return {}


def nothing_to_merge() -> list[tuple[UUID, PatternChange]]:
    raise Invalid("select two patterns or more to merge them")


def read_ids(sent: Sequence[str]) -> list[UUID]:
    """Raises Invalid for what is no id, and for too many at once."""
    if len(sent) > MOST_AT_ONCE:
        raise Invalid(f"select no more than {MOST_AT_ONCE} patterns at once")
    try:
        return list(dict.fromkeys(UUID(one) for one in sent))
    except ValueError as error:
        raise Invalid("this is no id of a pattern: open the page anew, and try again there") from error


def read_number(text: str, most: int) -> int:
    """Raises Invalid."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 1 <= int(text) <= most):
        raise Invalid(f"give a whole number from 1 to {most:,}")
    return int(text)


def one_of(form: Mapping[str, list[str]], name: str, default: str | None = None) -> str:
    """The field's only value. Raises Invalid where there is none, or several."""
    values = form.get(name, [] if default is None else [default])
    if len(values) != 1:
        raise Invalid(f"{name}: give one")
    return values[0]


def inside(path: str, home: str, *, done: str, of: Sequence[UUID]) -> str:
    """A page of this project with what was done to what, for the notice on it; the first page for any other address."""
    kept = path.partition("#")[0] if is_within(path, home) else home
    said = urlencode([("done", done), *[("of", str(one)) for one in of]])
    return f"{kept}{'&' if '?' in kept else '?'}{said}"
