"""The tool by which an agent decides about a pattern: what would change is said first, and done when it is asked for again."""

from api.agents.arguments import Decide
from api.agents.calls import Call
from api.agents.sheets import Sheet, Told, fit
from api.reads.entries import ONE_PATTERN
from api.triage.routes import change_pattern


async def decide(call: Call, asked: Decide) -> Told:
    """The same change as `PATCH /api/errors/patterns/{pattern_id}`, or what it would do. Raises Problem, ValidationError."""
    change = asked.change()
    pattern_id = await call.find_pattern(asked.pattern)
    before = (await call.ask(ONE_PATTERN, {"window": "24h"}, pattern_id)).value
    facts = {"pattern": str(before.id), "title": before.title, "count_24h": before.count, "state": before.state}
    facts |= {f"new_{name}": value for name, value in change.model_dump(mode="json", exclude_none=True).items()}
    if change.note is not None and before.note:
        facts["replaced_note"] = before.note
    if asked.dry_run:
        said = "Nothing was changed. This would be done; call again with dry_run false to do it."
        return fit(Sheet(said, facts), asked.max_tokens)
    changed = await change_pattern(call.request, call.caller, pattern_id, change)
    facts["release_order"] = changed.release_order
    return fit(Sheet(f"Done, applies {changed.applies}.", facts), asked.max_tokens)
