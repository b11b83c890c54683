"""Templates to bytes. Every text from outside is escaped by Jinja, and first made visible: a control character or one that
turns the direction of writing is shown as its code, so that what people read is what was sent."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.reads import cells
from common.severities import Severity
from common.version import VERSION

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
# What is shown as its code: all that tables write out, but for tabs and ends of lines, which a page shows as they are; and
# narrow blanks and the marks that choose between forms of a character, in which text can be hidden.
UNSEEN = re.compile(rf"(?![\t\n])(?:{cells.UNSEEN.pattern}|[\u202f\ufe00-\ufe0f])")
SEVERITIES = [severity.name for severity in reversed(Severity)]


def show_text(text: str) -> str:
    """The text with what cannot be seen shown as codes."""
    return UNSEEN.sub(lambda unseen: f"\\u{{{ord(unseen[0]):x}}}", text)


def show_number(value: float | Decimal) -> str:
    """With a thin space between thousands, which no reader takes for a decimal point."""
    return f"{value:,}".replace(",", "\u2009")


def show_money(usd: Decimal | None) -> str:
    """USD with as many places as say something; a dash for what has no price."""
    if usd is None:
        return "\u2013"
    if not usd:
        return "0"
    return show_number(round(usd, 2)) if abs(usd) >= 1 else f"{usd:.6f}".rstrip("0")


def show_amount(amount: Any, metric: str) -> str:
    """An amount of a budget in its metric: tokens, or USD."""
    usd = Decimal(str(amount))
    return f"${show_money(usd)}" if metric == "usd" else f"{show_number(int(usd))} tokens"


def show_whole(value: float | None) -> str:
    """Rounded to a whole number; a dash for none."""
    return "\u2013" if value is None else show_number(round(value))


def show_bytes(size: float) -> str:
    """In the unit in which it has at most three digits ahead of the point."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < 1_000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} TB"


def show_share(value: float) -> str:
    """A part of a whole, in per cent."""
    return "<1 %" if 0 < value < 0.01 else f"{value:.0%}".replace("%", " %")


def show_json(value: Any) -> str:
    """JSON as people read it."""
    return show_text(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_time(moment: datetime | None) -> Markup:
    """The moment in UTC; a browser with scripts shows it in its reader's zone, and UTC where the pointer rests."""
    if moment is None:
        return Markup("never")
    at = moment.astimezone(UTC).isoformat(" ", "seconds")[:19]
    return Markup(f'<time datetime="{at[:10]}T{at[11:]}Z" title="{at} UTC">{at} UTC</time>')  # noqa: S704 - digits


def show_moment(sent: Any) -> Any:
    """A time as somebody sent it, in text or in seconds since 1970; what is none as it is."""
    try:
        if isinstance(sent, int | float) and not isinstance(sent, bool):
            return show_time(datetime.fromtimestamp(sent, UTC))
        return show_time(datetime.fromisoformat(sent)) if isinstance(sent, str) and len(sent) > 10 else sent
    except (ValueError, OverflowError, OSError):
        return sent


@lru_cache(maxsize=64)
def asset(name: str) -> str:
    """The address of an asset, which changes with what is in it, so that browsers may keep it for ever."""
    digest = blake2b((ASSETS / name).read_bytes(), digest_size=6).hexdigest()
    return f"/assets/{digest}/{name}"


def name_release() -> str:
    """What the pages of this release are made by: another one, or a changed template or asset, has another name."""
    parts = [path.read_bytes() for folder in ("templates", "assets") for path in sorted((HERE / folder).iterdir())]
    return f"{VERSION}-{blake2b(bytes(1).join(parts), digest_size=8).hexdigest()}"


def make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=show_value,
    )
    environment.filters |= {
        "number": show_number,
        "bytes": show_bytes,
        "share": show_share,
        "money": show_money,
        "amount": show_amount,
        "whole": show_whole,
        "as_json": show_json,
        "time": show_time,
        "moment": show_moment,
    }
    environment.globals |= {"asset": asset, "severities": SEVERITIES}
    return environment


def show_value(value: Any) -> Any:
    """What a template writes out: texts as they may be seen, whoever forgot the filter."""
    return show_text(value) if type(value) is str else value


ENVIRONMENT = make_environment()
RELEASE = name_release()


def render(template: str, /, **values: Any) -> str:
    """The page. Raises UndefinedError for a value that the template has and nobody gave."""
    return ENVIRONMENT.get_template(template).render(**values)
