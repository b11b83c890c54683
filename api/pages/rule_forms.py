"""A rule of alerts as the fields of a form, and back: what a rule says stays whole, however it was made. Pure.

Conditions and what needs a number are rows of fields; rows that are left empty say nothing. Several values of a condition
stand one on a line; a tag has its name on the first and its value, if any, on the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.alerts.rule_schemas import RuleOut
from api.http.problems import Invalid
from common.alerts.rules import Condition, Rule

Fields = dict[str, list[str]]
GROUPS = ("all", "any", "none")
CONDITIONS = tuple(Condition.model_fields)
NO_ENVIRONMENT = "(none)"
BLANK_CONDITIONS = 2
EMPTY: Fields = {"name": [""], "throttle_minutes": ["60"], "gather_minutes": ["0"], "follow_up": ["on"]}
WORDS = {
    "new": "a failure is new",
    "regressed": "one is back after it was resolved",
    "spiking": "one comes far more often than usual",
    "rising": "one comes more often for hours",
    "incident": "several begin together",
    "first_in_release": "one is new or back in a new release",
    "resolved": "people resolved one",
    "budget": "a budget crossed any of its thresholds",
    "spend": "a team, an agent or a model spends far more than usual",
    "breach": "a budget will be exceeded with a chance of a half",
    "silent": "a service that always sends is silent",
    "worker_late": "errors wait too long to be counted",
    "disk": "the disk will be full within two weeks",
    "undelivered": "a message was given up",
}
CONDITION_WORDS = {
    "service": "service is",
    "environment": f"environment is ({NO_ENVIRONMENT}: without one)",
    "severity": "severity is",
    "least_severity": "severity is at least",
    "release": "release is",
    "title": "title has",
    "tag": "tag, its name and on the next line its value",
    "state": "state is",
    "least_count": "errors of the last day at least",
}


def write_fields(rule: RuleOut | Rule) -> Fields:
    """The fields that say what the rule says."""
    told = rule.model_dump(mode="json", by_alias=True)
    fields: Fields = {
        "name": [rule.name],
        "channels": told["channels"],
        "throttle_minutes": [str(rule.throttle_minutes)],
        "gather_minutes": [str(rule.gather_minutes)],
        "when": [one for one in told["when"] if isinstance(one, str)],
    }
    numbers = [one for one in told["when"] if not isinstance(one, str)]
    rates = [one["more_than"] for one in numbers if "more_than" in one]
    fields |= {f"rate_{name}": [str(rate[name]) for rate in rates] for name in ("errors", "minutes", "per")}
    fields["budget"] = [write_number(one["budget"]) for one in numbers if "budget" in one]
    fields["breach"] = [write_number(one["breach"] * 100) for one in numbers if "breach" in one]
    conditions = [(group, *next(iter(one.items()))) for group in GROUPS for one in told["if"][group]]
    fields["group"] = [group for group, _, _ in conditions]
    fields["condition"] = [name for _, name, _ in conditions]
    fields["value"] = [write_value(name, said) for _, name, said in conditions]
    if told.get("digest"):
        fields |= {"digest_at": [told["digest"]["at"]], "digest_timezone": [told["digest"]["timezone"]]}
    if told.get("quiet"):
        fields |= {f"quiet_{name}": [told["quiet"][name]] for name in ("from", "to", "timezone")}
    fields |= {"follow_up": ["on"]} if rule.follow_up else {}
    return fields | ({"armed": ["on"]} if isinstance(rule, RuleOut) and rule.armed else {})


def write_number(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def write_value(name: str, said: Any) -> str:
    """What a condition says, one value on a line."""
    if name == "tag":
        return said["name"] if said["value"] is None else f"{said['name']}\n{said['value']}"
    values = said if isinstance(said, list) else [said]
    return "\n".join(NO_ENVIRONMENT if name == "environment" and not value else str(value) for value in values)


def read_terms(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """What the fields say, as the API is sent it, all of it: null stands for what is not wanted. Raises Invalid where a
    number is none; whether it makes a rule is for the schema to say."""
    return {
        "when": [*fields.get("when", []), *read_triggers(fields)],
        "if": read_conditions(fields),
        "throttle_minutes": read_whole(first(fields, "throttle_minutes"), "not again within minutes"),
        "gather_minutes": read_whole(first(fields, "gather_minutes") or "0", "gathered within minutes"),
        "follow_up": "follow_up" in fields,
        "digest": read_day(fields, "digest", ("at",)),
        "quiet": read_day(fields, "quiet", ("from", "to")),
    }


def read_rule(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """The same with the name, the channels, and whether it is armed. Raises Invalid."""
    named = {"name": first(fields, "name"), "channels": fields.get("channels", []), "armed": "armed" in fields}
    return named | read_terms(fields)


def read_triggers(fields: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    rates = [
        {"errors": read_whole(errors, "more than errors"), "minutes": read_whole(minutes, "within minutes"), "per": per}
        for errors, minutes, per in rows(fields, "rate_errors", "rate_minutes", "rate_per")
        if errors or minutes
    ]
    budgets = [read_number(one, "budget threshold") for one in fields.get("budget", []) if one.strip()]
    chances = [read_number(one, "chance") / 100 for one in fields.get("breach", []) if one.strip()]
    return [
        *[{"more_than": rate} for rate in rates],
        *[{"budget": percent} for percent in budgets],
        *[{"breach": chance} for chance in chances],
    ]


def read_conditions(fields: Mapping[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    said: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for group, name, value in rows(fields, "group", "condition", "value"):
        lines = [line.strip() for line in value.splitlines() if line.strip()]
        if lines:
            if group not in said or name not in CONDITIONS:
                raise Invalid("this is no condition of a rule: open the page anew, and try again there")
            said[group].append({name: read_value(name, lines)})
    return said


def read_value(name: str, lines: Sequence[str]) -> Any:
    """What a condition says. Raises Invalid."""
    if name == "tag":
        return {"name": lines[0], "value": lines[1] if len(lines) > 1 else None}
    if name == "least_count":
        return read_whole(lines[0], "errors of the last day")
    values = ["" if name == "environment" and line == NO_ENVIRONMENT else line for line in lines]
    return values[0] if len(values) == 1 else values


def read_day(fields: Mapping[str, list[str]], name: str, times: Sequence[str]) -> dict[str, str] | None:
    """Times of a local day; None where none of them is said."""
    said = {time: first(fields, f"{name}_{time}").strip() for time in times}
    return {**said, "timezone": first(fields, f"{name}_timezone").strip() or "UTC"} if any(said.values()) else None


def rows(fields: Mapping[str, list[str]], *names: str) -> list[tuple[str, ...]]:
    """The rows of fields that stand beside each other. Raises Invalid where one is short of a field."""
    columns = [fields.get(name, []) for name in names]
    if len({len(column) for column in columns}) > 1:
        raise Invalid("this is not what a form of ours sends: open the page anew, and try again there")
    return [tuple(row) for row in zip(*columns, strict=True)]


def first(fields: Mapping[str, list[str]], name: str) -> str:
    return (fields.get(name) or [""])[0]


def read_whole(text: str, name: str) -> int:
    """Raises Invalid."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise Invalid(f"{name}: give a whole number")
    return int(digits)


def read_number(text: str, name: str) -> float:
    """Raises Invalid."""
    whole, _, part = text.strip().partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(whole + part) > 12:
        raise Invalid(f"{name}: give a number, such as 80")
    return float(f"{whole or '0'}.{part or '0'}")
