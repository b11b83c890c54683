"""Texts from errors as data: nothing in them moves a cursor, turns the direction of reading, mentions anybody or becomes a
link, wherever they are shown. Pure."""

import re
import unicodedata

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]?")
# Controls and blanks of all kinds become a blank; what cannot be seen at all, or is half a character, goes.
BLANKS, UNSEEN = {"Cc", "Zl", "Zp", "Zs"}, {"Cf", "Cs", "Co", "Cn"}
FILLERS = dict.fromkeys(map(ord, "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"))
BLANK = re.compile(r"\s+")
APART = "\u200b"  # a zero-width space: what it stands in looks the same, and is no name or address any more
# An at sign, the beginning of a tag or of Slack's and Discord's mentions, a colon of a scheme, a point in a host name.
LIVE = re.compile(
    r"[@\uff20\ufe6b]|<(?=\S)|:(?=//)|(?<=[^\W\d_]):(?=[^\s:])|(?<=\w)[.\u3002\uff0e\uff61](?=\w)|(?<!\w)[/\\]{2}(?=\w)"
    r"|(?<!\w)[#$/](?=\w)|\](?=[(\[])|`(?=`)|^(?=[#>=+*|~`_-])"
)
MARKUP = re.compile(r"([\\`*_\[\]|~])")


def clean(text: str, most: int) -> str:
    """The text in one line of at most so many characters, with nothing in it that cannot be seen."""
    shown = ANSI.sub("", text[: 8 * most]).translate(FILLERS)
    kinds = ((char, unicodedata.category(char)) for char in shown)
    joined = "".join(" " if kind in BLANKS else char for char, kind in kinds if kind not in UNSEEN)
    line = BLANK.sub(" ", joined).strip()
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def inert(text: str) -> str:
    """The text (`clean`), looking the same, with no mention, address or tag in it that a program would take for one."""
    return LIVE.sub(lambda found: found[0] + APART, text)


def escape_markdown(text: str) -> str:
    """The text, shown by whatever reads Markdown as it stands here."""
    return MARKUP.sub(r"\\\1", text)


def hide(text: str, secrets: list[str]) -> str:
    """The text without these, longest first."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
