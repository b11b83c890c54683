"""A rule of alerts on a page: made and changed by a form, with what it would have sent beside it while it is written.

The preview is that of `POST /api/alerts/preview`; without scripts a button asks for it, with them it comes by itself.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError

from api.access.keys import Caller
from api.alerts import rule_routes
from api.alerts.channel_reads import CHANNEL_PAGE
from api.alerts.rule_reads import ONE_RULE
from api.alerts.rule_schemas import Preview, PreviewIn, RuleChange, RuleIn
from api.http.problems import Conflict, Invalid
from api.pages.addresses import home_of
from api.pages.decide import one_of, read_ids
from api.pages.documents import ask
from api.pages.frame import show
from api.pages.routers import Admin, PageRouter, Reader, describe_invalid, go_to, read_form
from api.pages.rule_forms import (
    BLANK_CONDITIONS,
    CONDITION_WORDS,
    EMPTY,
    GROUPS,
    WORDS,
    Fields,
    read_rule,
    read_terms,
    rows,
    write_fields,
)
from api.reads.catalogue import NO_ID, Asked, Read

CHANNELS_SHOWN = 100
DAYS = 7

router = PageRouter()


async def ask_model(
    request: Request, caller: Caller, read: Read[Any], params: Mapping[str, Any], subject: UUID = NO_ID
) -> Any:
    """The answer of a read as its model: those of rules have kinds of fields that documents of pages do not. Raises Problem."""
    asked = Asked(caller.project_id, read.params.model_validate(params), subject)
    return read.answer.model_validate_json(await read.build(request.state.build_context, asked))


@router.get("/p/{project_id}/alerts/rules/new")
async def show_new_rule(request: Request, caller: Admin) -> Response:
    """An empty form."""
    return await show_rule_page(request, caller, EMPTY, None)


@router.get("/p/{project_id}/alerts/rules/{rule_id}")
async def show_rule(request: Request, caller: Reader, rule_id: UUID) -> Response:
    """What the rule says, and what it would have sent in the last week."""
    rule = await ask_model(request, caller, ONE_RULE, {}, rule_id)
    return await show_rule_page(request, caller, write_fields(rule), rule_id)


@router.post("/p/{project_id}/alerts/rules")
async def change_rule(request: Request, caller: Admin) -> Response:
    """Show what the form's rule would have sent, store it, or delete it. What makes no rule is shown again, with why."""
    form = await read_form(request)
    what, rule_id = one_of(form, "do"), next(iter(read_ids(form.pop("rule", []))), None)
    home = f"{home_of(caller.project_id)}alerts"
    if what == "remove" and rule_id is not None:
        await rule_routes.delete_alert_rule(request, caller, rule_id)
        return go_to(f"{home}?done=remove")
    if what == "save":
        try:
            await store(request, caller, form, rule_id)
        except (Invalid, Conflict) as problem:
            return await show_rule_page(request, caller, form, rule_id, wrong=problem.detail)
        except ValidationError as error:
            return await show_rule_page(request, caller, form, rule_id, wrong=describe_invalid(error))
        return go_to(f"{home}?done=save")
    if what != "preview":
        raise Invalid("this is nothing that can be done with a rule: open the page anew, and try again there")
    return await show_rule_page(request, caller, form, rule_id)


async def store(request: Request, caller: Caller, form: Fields, rule_id: UUID | None) -> None:
    """Make the rule, or change it to what the form says. Raises Invalid, Conflict, NotFound, ValidationError."""
    said = read_rule(form)
    if rule_id is None:
        await rule_routes.create_alert_rule(request, Response(), caller, RuleIn.model_validate(said))
    else:
        await rule_routes.change_alert_rule(request, caller, rule_id, RuleChange.model_validate(said))


async def show_rule_page(
    request: Request, caller: Caller, fields: Fields, rule_id: UUID | None, *, wrong: str | None = None
) -> Response:
    """The form with these fields, and the preview of what they say."""
    preview, unfinished = await preview_fields(request, caller, fields)
    channels = (await ask(request, caller, CHANNEL_PAGE, {"limit": CHANNELS_SHOWN})).value.channels
    answer = await show(
        request, "rule.html", "Alerts",
        fields=fields, rule_id=rule_id, wrong=wrong, preview=preview, unfinished=unfinished, days=DAYS,
        channels=channels, words=WORDS, condition_words=CONDITION_WORDS, groups=GROUPS, **describe_rows(fields),
    )  # fmt: skip
    answer.status_code = 422 if wrong else 200
    answer.headers["Cache-Control"] = "no-store"
    return answer


def describe_rows(fields: Fields) -> dict[str, Any]:
    """The rows that are written, and blank ones."""
    blank = [("all", "environment", "")] * BLANK_CONDITIONS
    return {
        "conditions": [*rows(fields, "group", "condition", "value"), *blank],
        "rates": [*rows(fields, "rate_errors", "rate_minutes", "rate_per"), ("", "", "pattern")],
    }


async def preview_fields(request: Request, caller: Caller, fields: Fields) -> tuple[Preview | None, str]:
    """What the rule would have sent in the last week; or why there is no telling, in words."""
    try:
        terms = read_terms(fields)
        if not terms["when"]:
            return None, "Say when it is to be told."
        named = {"name": name} if (name := (fields.get("name") or [""])[0]) else {}
        sent = PreviewIn.model_validate({**terms, **named, "days": DAYS})
        return await rule_routes.preview_alert_rule(request, caller, sent), ""
    except Invalid as problem:
        return None, problem.detail
    except ValidationError as error:
        return None, describe_invalid(error)
