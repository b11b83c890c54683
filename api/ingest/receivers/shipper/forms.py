"""How well-known programs write the lines of their logs: one expression each. Pure.

Each is anchored and passes no place twice, so that a line of a megabyte takes as long as it takes to look at it. The groups
are fields under the names that records have them by, but for `level` and `message`.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class LineForm(NamedTuple):
    """How one program writes its lines. `first`: the characters that such a line may begin with; `begins`: a cheap test of
    one that may be one; `level`: the word that its own sign for a level stands for."""

    name: str
    first: str
    pattern: re.Pattern[str]
    begins: Callable[[str], bool] = lambda _line: True
    level: Callable[[str], str | None] = lambda level: level


HEAD_CHARS = 1_024  # what stands ahead of a message is no longer
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d|[A-Z]{2,5}(?= )))?"
_ZONED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_STAMP = rf"{_MONTH} [ \d]\d (?:\d{{4}} )?\d\d:\d\d:\d\d(?:\.\d{{1,6}})?"
_APACHE = rf"[A-Z][a-z]{{2}} {_MONTH} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{{1,9}})? \d{{4}}"
_REQUEST = r'"[A-Z]{3,10} [^\s"]{1,4000} HTTP/[\d.]{1,3}"'
_JUL = r"[A-Z][a-z]{2} \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d[ \u202f][AP]M"
_PRIORITY = r"(?:<(?P<priority>\d{1,3})>)?"
_PID = r"(?P<pid>\d{1,10})"
_MESSAGE = r"(?P<message>.*)$"
LEVEL_WORDS = (
    "TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|CRITICAL|CRIT|FATAL|ALERT|EMERG|EMERGENCY|PANIC|FINE"
    "|FINER|FINEST|CONFIG|VERBOSE|DPANIC|EXCEPTION|FAIL|FAILURE|LOG|DBG|INF|WRN|FTL|VRB|TRC|CRT"
)
_NO_LEVEL = rf"(?!(?:{LEVEL_WORDS})\b)"  # ahead of what names a host or a program
_POSTGRES = "DEBUG|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION"
_PHP = "Fatal|Parse|Recoverable fatal|Warning|Notice|Deprecated|Strict Standards|Core|Compile"
REDIS_LEVELS = {"#": "warning", "*": "notice", "-": "verbose", ".": "debug"}
ERLANG_LEVELS = {"CRASH": "error", "SUPERVISOR": "error", "PROGRESS": "info"}
LOGRUS_LEVELS = {"TRAC": "trace", "DEBU": "debug", "ERRO": "error", "FATA": "fatal", "PANI": "panic"}


def level_of_status(status: str) -> str:
    """Of an answer by HTTP: what failed at the server is an error."""
    return "error" if status[0] == "5" else "info"


def compiled(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.DOTALL)


DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

SYSLOG, ACCESS, POSTGRES, ANDROID = "syslog", "access log", "PostgreSQL", "Android"
RUNTIME, COMPOSE = "container runtime (CRI)", "docker compose"
# Ahead of what a program wrote, the forms in which others carry it.
CARRIERS = frozenset((SYSLOG, RUNTIME, COMPOSE))

_WORD = r"(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)"

FORMS = (
    # What most lines are: the reader of other lines reads the same, at several times the cost.
    LineForm(
        "log4j, logback",
        DIGITS,
        compiled(
            rf"(?P<timestamp>{_ISO}) {{1,2}}(?:\[(?P<thread>[^\[\]\d][^\[\]]{{0,200}})\] {{1,2}})?{_WORD} {{1,4}}",
            r"(?P<logger>[A-Za-z_$][\w$.]{0,200}) {1,60}--? (?P<message>[^\s-].*)$",
        ),
    ),
    LineForm(
        "Python, with a time",
        DIGITS,
        compiled(rf"(?P<timestamp>{_ISO}) - (?P<logger>[\w.]{{1,200}}) - {_WORD} - (?P<message>\S.*)$"),
    ),
    LineForm(  # RFC 5424
        SYSLOG,
        "<1",
        compiled(
            rf"{_PRIORITY}1 (?P<timestamp>\S{{1,40}}) (?P<host>\S{{1,255}}) (?P<service>\S{{1,100}}) (?P<pid>\S{{1,128}}) ",
            r'(?P<msgid>\S{1,100}) (?P<data>-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*+"|\\.)*+\])++)(?: \ufeff?(?P<message>.*)|)$',
        ),
    ),
    LineForm(  # RFC 3164
        SYSLOG,
        "<" + CAPITALS,
        compiled(
            rf"{_PRIORITY}(?P<timestamp>{_STAMP}) {_NO_LEVEL}(?P<host>[^\s\[:]{{1,255}}) ",
            rf"(?P<service>[^\s\[:]{{1,100}})(?:\[(?P<pid>[^\]\s]{{1,40}})\])?: ?{_MESSAGE}",
        ),
    ),
    LineForm(  # as rsyslog writes files
        SYSLOG,
        "<" + DIGITS,
        compiled(
            rf"{_PRIORITY}(?P<timestamp>{_ZONED}) {_NO_LEVEL}(?P<host>[^\s\[\]:|=]{{1,255}}) ",
            rf"{_NO_LEVEL}(?P<service>[^\s\[\]:|=]{{1,100}})(?:\[{_PID}\])?: {_MESSAGE}",
        ),
        lambda line: line[:1] == "<" or line[10:11] == "T",
    ),
    LineForm(  # Heroku
        SYSLOG,
        DIGITS,
        compiled(rf"(?P<timestamp>{_ZONED}) (?P<service>[\w-]{{1,100}})\[(?P<process>[\w.-]{{1,100}})\]: {_MESSAGE}"),
    ),
    LineForm(SYSLOG, "<", compiled(r"<(?P<priority>\d{1,3})>", _MESSAGE)),
    LineForm(
        RUNTIME,
        DIGITS,
        compiled(rf"(?P<timestamp>{_ISO}) (?P<stream>stdout|stderr) (?P<partial>[FP])(?: (?P<message>.*)|)$"),
    ),
    LineForm(
        "Apache",
        "[",
        compiled(
            rf"\[(?P<timestamp>{_APACHE})\] \[(?:(?P<module>\w{{0,40}}):)?(?P<level>\w{{1,20}})\]",
            rf"(?: \[pid {_PID}(?::tid \d{{1,20}})?\])?(?: \[(?:client|remote) (?P<client>[^\]]{{1,80}})\])? ?{_MESSAGE}",
        ),
    ),
    LineForm(
        "nginx",
        DIGITS,
        compiled(
            rf"(?P<timestamp>\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>\w{{1,10}})\] {_PID}#\d{{1,10}}: {_MESSAGE}"
        ),
    ),
    LineForm(
        ACCESS,
        "",
        compiled(
            r"(?:(?P<client>[\w.:-]{1,255}) \S{1,100} (?P<user>\S{1,100}) )?",
            r"\[(?P<timestamp>\d\d/[A-Z][a-z]{2}/\d{4}[: ][\d: +-]{8,15})\] ",
            r'(?P<message>"(?:[^"\\]|\\.){0,4000}" (?P<level>[1-5]\d\d)(?=\s|$)).*$',
        ),
        lambda line: '] "' in line,
        level=level_of_status,
    ),
    LineForm(  # HAProxy, which has the status ahead
        ACCESS,
        "",
        compiled(
            r'(?P<client>[\w.:-]{1,255}) \[(?P<timestamp>\d\d/[A-Z][a-z]{2}/\d{4}:[\d:.]{8,15})\] [^\s"]{1,255} [^\s"]{1,255} ',
            rf'[\d/+-]{{5,80}} (?P<level>[1-5]\d\d) [^"]{{1,400}}(?P<message>{_REQUEST}).*$',
        ),
        lambda line: " HTTP/" in line and "] " in line,
        level=level_of_status,
    ),
    LineForm(  # load balancers of AWS, likewise
        ACCESS,
        DIGITS + "hwg",
        compiled(
            rf'(?:[a-z\d]{{1,5}} )?(?P<timestamp>{_ZONED}) (?P<service>[^\s"]{{1,255}}) (?P<client>[\w.:-]{{1,255}}) ',
            r"[\w.:-]{1,255} (?:-?\d{1,9}(?:\.\d{1,9})? ){3}(?P<level>[1-5]\d\d) ",
            rf'[^"]{{1,80}}(?P<message>{_REQUEST}).*$',
        ),
        lambda line: " HTTP/" in line,
        level=level_of_status,
    ),
    LineForm(  # klog too
        "glog",
        "IWEFD",
        compiled(
            rf"(?P<level>[IWEFD])(?P<timestamp>[01]\d[0-3]\d \d\d:\d\d:\d\d\.\d{{1,9}})\s{{1,16}}{_PID}\s{{1,16}}",
            rf"(?P<caller>[^\s\]]{{1,200}}:\d{{1,7}})\] {_MESSAGE}",
        ),
    ),
    LineForm(
        "Ruby",
        CAPITALS,
        compiled(
            rf"[A-Z], \[(?P<timestamp>[\dT:. -]{{19,30}}) #{_PID}\]\s{{1,4}}(?P<level>\w{{1,10}}) -- ",
            rf"(?P<logger>[^:]{{0,200}}): ?(?:\[(?P<request_id>[^\]\s]{{1,100}})\] ?)?{_MESSAGE}",
        ),
        lambda line: line[1:4] == ", [",
    ),
    LineForm(
        ".NET",
        "tdiwfc",
        compiled(r"(?P<level>[a-z]{4}): (?P<logger>[^\s\[]{1,300})\[(?P<event>-?\d{1,10})\]\s{0,64}", _MESSAGE),
    ),
    LineForm(
        POSTGRES,
        DIGITS,
        compiled(
            rf"(?P<timestamp>{_ISO})(?: \[(?P<pid>[\d-]{{1,20}})\]:?)?(?: \[[^\]]{{1,100}}\])?",
            r"(?: (?P<user>[^@\s]{0,63})@(?P<database>\S{0,63}))?[^:\[\]]{0,100}? ",
            rf"(?P<level>{_POSTGRES}):  {_MESSAGE}",
        ),
        lambda line: ":  " in line,
    ),
    LineForm(  # with another prefix
        POSTGRES,
        DIGITS,
        compiled(rf"(?P<timestamp>{_ISO})[^\n]{{0,200}}?\b(?P<level>{_POSTGRES}):  {_MESSAGE}"),
        lambda line: ":  " in line,
    ),
    LineForm(
        "Sidekiq",
        DIGITS,
        compiled(
            rf"(?P<timestamp>{_ISO}) (?:(?:pid={_PID}|class=(?P<logger>\S{{1,200}})|[a-z_]{{1,20}}=\S{{1,100}}) ){{1,8}}",
            rf"(?P<level>{LEVEL_WORDS}): {_MESSAGE}",
        ),
    ),
    LineForm(
        "Nest",
        "[",
        compiled(
            rf"\[Nest\] {_PID}\s{{1,8}}-\s{{1,8}}(?P<timestamp>[\d/., :]{{10,30}}(?:[AP]M)?)\s{{1,8}}",
            rf"(?P<level>[A-Z]{{3,8}}) (?:\[(?P<logger>[^\]]{{1,200}})\] )?{_MESSAGE}",
        ),
        lambda line: line.startswith("[Nest]"),
    ),
    LineForm(
        "Serilog",
        "[",
        compiled(rf"\[(?:\d{{4}}-\d\d-\d\d )?\d\d:\d\d:\d\d(?:\.\d{{1,7}})? (?P<level>[A-Z]{{3}})\] {_MESSAGE}"),
    ),
    LineForm(
        "Celery",
        "[",
        compiled(rf"\[(?P<timestamp>{_ISO}): (?P<level>[A-Z]{{3,10}})/(?P<thread>[^\]]{{1,100}})\] {_MESSAGE}"),
    ),
    LineForm(
        "PHP",
        "P[",
        compiled(
            r"(?:\[(?P<timestamp>\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d)(?: [\w/+:-]{1,40})?\] )?",
            rf"PHP (?P<level>{_PHP})(?: [a-z]{{1,20}})?: {{1,3}}{_MESSAGE}",
        ),
        lambda line: "PHP " in line[:64],
    ),
    LineForm(
        "Monolog",
        "[",
        compiled(
            rf"\[(?P<timestamp>{_ISO})\] (?P<logger>[\w-]{{1,100}})\.(?P<level>[A-Z]{{4,10}}): ",
            r"(?P<message>.*?)(?:(?: \[\]){1,2})?$",
        ),
    ),
    LineForm(
        "Python",
        "DIWEC",
        compiled(r"(?P<level>[A-Z]{4,8}):(?P<logger>[\w.-]{1,200}):", _MESSAGE),
    ),
    LineForm(
        "logrus",
        CAPITALS,
        compiled(r"(?P<level>TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[\d{4,10}\]\s?", _MESSAGE),
        lambda line: line[4:5] == "[",
        level=lambda level: LOGRUS_LEVELS.get(level, level),
    ),
    LineForm(
        "Redis",
        DIGITS,
        compiled(
            rf"{_PID}:(?P<role>[XCSM]) (?P<timestamp>\d\d [A-Z][a-z]{{2}} \d{{4}} \d\d:\d\d:\d\d\.\d{{3}}) ",
            rf"(?P<level>[.#*-]) {_MESSAGE}",
        ),
        level=REDIS_LEVELS.get,
    ),
    LineForm(
        "java.util.logging",
        "JFMASOND",
        compiled(
            rf"(?P<timestamp>{_JUL}) (?P<logger>[\w.$]{{1,300}})(?: (?P<method>[\w.$<>]{{1,200}}))?\n",
            rf"(?P<level>[A-Z]{{4,10}}): {_MESSAGE}",
        ),
        lambda line: "M " in line,
    ),
    LineForm(
        ANDROID,
        DIGITS,
        compiled(
            rf"(?P<timestamp>[01]\d-[0-3]\d \d\d:\d\d:\d\d\.\d{{3}})\s{{1,8}}{_PID}\s{{1,8}}(?P<thread>\d{{1,10}})\s{{1,8}}",
            rf"(?P<level>[VDIWEFA]) (?P<logger>[^:]{{1,100}}): {_MESSAGE}",
        ),
    ),
    LineForm(  # in brief, with a time or none
        ANDROID,
        DIGITS + "VDIWEFA",
        compiled(
            r"(?:(?P<timestamp>[01]\d-[0-3]\d \d\d:\d\d:\d\d\.\d{3}) )?",
            rf"(?P<level>[VDIWEFA])/(?P<logger>[^(\n]{{1,100}}?) {{0,60}}\( {{0,8}}{_PID}\): {_MESSAGE}",
        ),
        lambda line: "): " in line and (line[1:2] == "/" or line[2:3] == "-"),
    ),
    LineForm(
        "auditd",
        "tn",
        compiled(
            r"(?:node=\S{1,255} )?type=(?P<logger>\w{1,60}) msg=audit\((?P<timestamp>\d{10}\.\d{3}):\d{1,20}\):\s{0,2}",
            _MESSAGE,
        ),
        lambda line: "type=" in line[:270],
    ),
    LineForm(
        "Linux",
        "[",
        compiled(r"\[ {0,8}(?P<uptime>\d{1,8}\.\d{6})\] ", _MESSAGE),
    ),
    LineForm(
        "MongoDB",
        DIGITS,
        compiled(
            rf"(?P<timestamp>{_ZONED}) (?P<level>[DIWEF]) (?P<logger>[A-Z-]{{1,20}})\s{{1,10}}\[(?P<thread>[^\]]{{1,100}})\] ",
            _MESSAGE,
        ),
    ),
    LineForm(
        "Erlang",
        "=",
        compiled(rf"=(?P<level>[A-Z]{{4,20}}) REPORT={{4}} (?P<timestamp>[\w:.-]{{20,40}}) ={{3}}\n?{_MESSAGE}"),
        level=lambda level: ERLANG_LEVELS.get(level, level),
    ),
)
# Those that a line may have that begins with a character; others are tried by those of any.
OF_ANY = tuple(form for form in FORMS if not form.first)
BY_FIRST = {
    first: tuple(form for form in FORMS if first in form.first or not form.first)
    for first in sorted({first for form in FORMS for first in form.first})
}
# The first of the two lines that java.util.logging writes, and the second.
JUL_HEAD = re.compile(rf"{_JUL} [\w.$]{{1,300}}(?: [\w.$<>]{{1,200}})?$")
JUL_SECOND = re.compile(r"(?:SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ")
