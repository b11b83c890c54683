"""How bad a log record is, from the words and numbers that loggers write. Pure.

Words in any case. Numbers belong to a scale, which the name of the field tells (`PRIORITY` is syslog's, `levelno` Python's),
else the size of the number: 0 to 7 is syslog, 10 to 60 is Node's (pino, bunyan) or, in a record with the marks of Python's
logging, Python's; 100 to 600 is Monolog's; 5,000 to 50,000 is log4j's and logback's. docs/shippers.md has the table.
"""

import re
from collections.abc import Mapping
from typing import Any

from api.ingest.receivers.wording import SEVERITY_WORDS
from common.severities import Severity, SeverityWord

# Beside the words that the native form takes: short forms, and those of single languages.
MORE_WORDS: dict[SeverityWord, str] = {
    "debug": "dbg dbug vrb verb fine finer finest config spam silly d t v trc debug1 debug2 debug3 debug4 debug5 default",
    "info": "inf note log success ok i informative statement detail hint http",
    "warning": "wrn warning warnings w deprecated deprecation strict",
    "error": "error err eror fail failed failure severe exception e parse",
    "critical": "ftl crt fatal_error alrt emrg dpanic wtf assert f c a critical_error unknown_error",
}
WORDS: Mapping[str, SeverityWord] = {
    **{word: severity for severity, words in MORE_WORDS.items() for word in words.split()},
    **SEVERITY_WORDS,  # type: ignore[dict-item]  # its values are the words of Severity
}
SEVERITIES: Mapping[SeverityWord, Severity] = {severity.name: severity for severity in Severity}  # type: ignore[misc]
OFFSET = re.compile(r"[+-]\d{1,3}$")  # of Go's slog: `ERROR+4` is still an error
NOT_OF_A_WORD = re.compile(r"\x1b\[[0-9;]*m|[^A-Za-z0-9_ ]")
WORD_CHARS = 40  # more is no level

# Each scale as (from, severity) in rising order, or falling where a low number is bad.
Scale = tuple[tuple[int, SeverityWord], ...]
SYSLOG: Scale = ((0, "critical"), (3, "error"), (4, "warning"), (5, "info"), (7, "debug"))
PYTHON: Scale = ((1, "debug"), (20, "info"), (30, "warning"), (40, "error"), (50, "critical"))
NODE: Scale = ((10, "debug"), (30, "info"), (40, "warning"), (50, "error"), (60, "critical"))
MONOLOG: Scale = ((100, "debug"), (200, "info"), (300, "warning"), (400, "error"), (500, "critical"))
LOG4J: Scale = ((5_000, "debug"), (20_000, "info"), (30_000, "warning"), (40_000, "error"), (50_000, "critical"))
OTEL: Scale = ((1, "debug"), (9, "info"), (13, "warning"), (17, "error"), (21, "critical"))
INSIGHTS: Scale = ((0, "debug"), (1, "info"), (2, "warning"), (3, "error"), (4, "critical"))
# Names (as `names.normalize` gives them) that say whose numbers they hold.
SCALES: Mapping[str, Scale] = {
    **dict.fromkeys(("priority", "syslogseverity", "syslog.severity", "log.syslog.severity.code", "pri"), SYSLOG),
    **dict.fromkeys(("levelno", "loglevelno", "record.level.no", "levelnumber"), PYTHON),
    **dict.fromkeys(("severitynumber",), OTEL),
    **dict.fromkeys(("severitylevel",), INSIGHTS),
}


def read_level(value: Any, name: str = "", *, is_python: bool = False) -> SeverityWord | None:
    """The severity of a word or a number, None where it says none. `name`: of its field; `is_python`: whether the record
    has the marks of Python's logging."""
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit() and len(text) <= 6:
            return read_number(int(text), name, is_python=is_python)
        return read_word(text)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**6:
        return read_number(int(value), name, is_python=is_python)
    return None


def read_word(text: str) -> SeverityWord | None:
    """`ERROR`, `[warn]`, `log.error`, `E`; None for other words."""
    if len(text) > WORD_CHARS:
        return None
    word = text.lower()
    if word in WORDS:
        return WORDS[word]
    word = NOT_OF_A_WORD.sub(" ", OFFSET.sub("", word)).strip().replace(" ", "_")
    return WORDS.get(word) or WORDS.get(word.rsplit("_", 1)[-1])


def read_number(number: int, name: str = "", *, is_python: bool = False) -> SeverityWord | None:
    """The severity of a number on the scale of its field, else on the one that has numbers of this size."""
    scale = SCALES.get(name) or scale_of(number, is_python=is_python)
    if scale is SYSLOG:
        return on_scale(number & 7, SYSLOG) if 0 <= number < 192 else None  # a priority is facility * 8 + severity
    return on_scale(number, scale) if scale else None


def scale_of(number: int, *, is_python: bool) -> Scale | None:
    if 0 <= number <= 7:
        return SYSLOG
    if 10 <= number <= 69:
        return PYTHON if is_python else NODE
    if 100 <= number <= 699:
        return MONOLOG
    return LOG4J if 5_000 <= number <= 60_000 else None


def on_scale(number: int, scale: Scale) -> SeverityWord | None:
    """That of the last step which the number reaches."""
    reached = [severity for start, severity in scale if number >= start]
    return reached[-1] if reached else None
