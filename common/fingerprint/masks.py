"""What varies from error to error in a message becomes `<*>`; what stays is the skeleton.

Linear time: input is cut first, repeats are possessive, and what has to look ahead is bounded or starts only
where a word starts. A possessive group that may fail half-way looks ahead first, or is none: before 3.11.5 Python
leaves what the failed round had taken. docs/grouping.md has an example for each rule.
"""

import re
from functools import lru_cache
from typing import Final

INPUT_CHARS: Final = 8 * 1024
SKELETON_CHARS: Final = 1_000
MEMO_CHARS: Final = 512  # longer messages are masked again each time, so that the memo stays small
MEMO_ENTRIES: Final = 16_384
HOLE: Final = "<*>"
REDACTED: Final = "[redacted]"  # what stands where a secret was

_UNIT = (
    r"(?:(?:nano|micro|milli)?sec(?:ond)?s?|ms(?:ec)?s?|[nu\u00b5]s|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?"
    r"|bytes?|[KMGTP]i?[Bb]|kb|mb|gb|[smhdB])"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}+"
_TOP_DOMAIN = (
    r"(?:com|net|org|edu|gov|mil|int|info|biz|io|dev|app|ai|cloud|local|localdomain|internal|intranet|lan|corp|home"
    r"|arpa|svc|eu|us|uk|de|fr|it|es|nl|be|ch|at|se|no|fi|dk|pl|cz|ru|ua|tr|il|cn|jp|kr|tw|hk|sg|in|au|nz|ca|br|mx|ar)"
)
_AFTER = (  # what stands before a host, in lookbehinds of one width each
    r"(?:(?<=tcp[ ])|(?<=udp[ ])|(?<=[ ]to[ ])|(?<=[ ]at[ ])|(?<=from[ ])|(?<=host[ ])|(?<=with[ ])|(?<=peer[ ])"
    r"|(?<=server[ ])|(?<=broker[ ])|(?<=proxy[ ])|(?<=[A-Z]{5}[ ]))"
)
_METHOD = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
_EXCEPTION = r"[A-Za-z_.]++(?:(?<=Error)|(?<=Exception))(?!\w)"
_CODE = rf"(?:{_EXCEPTION}|(?:[A-Z][A-Z0-9]*+(?:(?=_[A-Z0-9])_[A-Z0-9]++)++|E[A-Z]{{3,}}+)(?!\w))"

# Each alternative takes exactly what is hidden, so that one replacement without a callback does for all.
_VARIABLE = re.compile(
    rf"""
    (?=[^ ,;()\[\]{{}}])(?:(?<![A-Za-z])|(?![A-Za-z]))(?:
    # name=value, name = value
    (?<=[= ])(?:(?<=[\w\])]=)(?![=>~ ])|(?<=[\w\])][ ]=[ ]))(?!{_CODE})[^\s,;&|()\[\]{{}}"'=]++
    (?:\{{[^{{}}]{{0,200}}+\}}|\([^()]{{0,200}}+\)|\[[^\[\]]{{0,200}}+\])?
    # date
  | (?=[ADFJMNOSTW\d])(?<!\w)(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?[ ]{{1,2}})?
    (?:{_MONTH}[ ]{{1,2}}\d{{1,2}}|\d{{1,2}}[ \-/]{_MONTH}[ \-/]\d{{2,4}}
      |\d{{1,2}}\.?[ ][^\W\d_]{{3,10}}+\.?[ ](?:19|20)\d\d)(?!\w)
    # a place where something can start: a sign or a digit, or a word that is not plain
  | (?:(?=["'`\u201c-\u201e\u2018\u201a\u00ab:\\/~.*+\-<>\d])|(?=[A-Za-z])(?![A-Za-z_]{{1,32}}+[ ,;()=]))(?:
    (?<!\w)'(?:\[[^\n]{{0,120}}?\]|\([^\n]{{0,120}}?\)|\{{[^\n]{{0,120}}?\}}  # quoted, with quotes inside
      |<[^\n]{{0,120}}?>)'(?![\w:])
  | (?=["'`])(?:  # quoted, but not a name and its kind in "type": "overloaded", nor a request line
      (?<!\w)(?<!["'](?:type|code)["']:)(?<!["'](?:type|code)["']:[ ])
      (?:"(?!(?:{_METHOD})[ ]|{_EXCEPTION})[^"\n]{{0,400}}+"(?!:)|'(?!{_EXCEPTION})[^'\n]{{0,400}}+'(?![\w:]))
    | `[^`\n]{{0,400}}+`)
  | [\u201c\u201e\u201d][^\u201c\u201d\n]{{0,400}}+[\u201c\u201d] | [\u2018\u201a][^\u2018\u2019\n]{{0,400}}+[\u2018\u2019]
  | \u00ab[^\u00bb\n]{{0,400}}+\u00bb
  | (?=[\w.])(?<![\w.@+\-])(?:
      [A-Za-z][A-Za-z0-9+.\-]{{1,40}}://(?:[^\s"'<>()\[\]{{}},;:.]++|(?=[.:][\w/])[.:])*+  # URL
    | [\w.+\-]{{1,64}}+@[\w\-]++(?:(?=\.[\w\-])\.[\w\-]++)*+                                       # e-mail, user@host
    | (?:[\w\-]{{1,63}}\.){{1,10}}                                                     # host, by domain or port
      (?:{_TOP_DOMAIN}(?:(?=:\d):\d++)?+(?![\w.(])|[\w\-]{{1,63}}:\d{{2,5}}(?![\w.:]))
    | (?:localhost|{_AFTER}[\w\-]{{1,63}}):\d{{2,5}}(?![\w.]|:\w)                       # a host of one word
    | (?<!/)(?=[\w\-]*+(?:\.[\w.\-]*+/|/[\w/\-]*+\.))[\w\-]++(?:(?=[./]++[\w\-])[./]++[\w\-]++)++      # relative path: a/b.c
    )
  | (?<![\w.:])(?=[0-9A-Fa-f:]{{0,5}}:[0-9A-Fa-f]{{0,4}}:)                             # IPv6, MAC
    (?:[0-9A-Fa-f]{{1,4}}(?::{{1,2}}[0-9A-Fa-f]{{1,4}}){{2,31}}+(?:::)?+
      |(?:[0-9A-Fa-f]{{1,4}})?::(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}}){{0,6}}+)?)(?!\w)(?!:\w)
  | (?<![\w:])[A-Za-z]:\\(?:[^\s"'<>|,;:\\]{{1,80}}+(?:[ ][^\s"'<>|,;:\\]{{1,40}}+){{0,4}}+\\){{0,20}}[^\s"'<>|,;()]*+
  | \\\\[\w.$\-]++\\[^\s"'<>|,;()]*+           # Windows path, share
  | (?<![\w.<>*)/\]~])[~.]{{0,2}}+/                                                    # Unix path
    (?:[\w@%+~$\-]++|(?=[/.:][\w/@~])[/.:])++/?+(?:\?[^\s"'<>]*+)?+
  | (?=[A-Za-z\d])(?<![A-Za-z\d])(?:
      (?<!_)\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d[\d:.,]*+(?:Z|[ ]?[+\-]\d\d:?\d\d)?       # timestamp
    | 0[xX][0-9A-Fa-f]++                                                               # hexadecimal
    | [0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}}(?![A-Za-z0-9])      # UUID
    | (?=[a-fA-F]*+[0-9])[0-9A-Fa-f]{{4,}}+(?![A-Za-z0-9])
    | (?=[A-Za-z]*+\d++[A-Za-z]++\d)[A-Za-z0-9]{{5,}}+                                 # opaque id: a1b2
    | (?=[A-Za-z]*+\d)[A-Za-z0-9]{{16,}}+
    )
  | (?:(?<![A-Za-z0-9])[+\-]|(?<=[ ])[<>~])?(?:\d++(?:(?=[.,:]\d)[.,:]\d++)*+(?:%|{_UNIT}(?![A-Za-z]))?)++  # number, time
  | \*{{2,}}+                                                                          # blotted out
    ))
    """,
    re.VERBOSE,
)
_ZONE = r"(?:UTC|GMT|CES?T|E[ESD]T|C[SD]T|M[SD]T|P[SD]T|BST|IST|JST|KST|MSK|AE[SD]T|EEST|WES?T)"
_TRAILING_UNIT = rf"(?:[ ]?(?:{_UNIT}|[AaPp]\.?[Mm]\.?|{_ZONE})(?!\w))?"
# After what varies is hidden, what it leaves of something that is one value as a whole.
_WHOLE = re.compile(
    r"""
    (?<=[ =:(,])\{(?![^{}]{0,400}["'](?:type|code|msg|message)["'])  # an object
      (?:[ ]?["']?[\w.<*>\-]{1,60}["']?[ ]?:[^{}]{0,400}+)?\}
  | (?<=[ =:(,])\[(?:[^\[\],]{0,200}+,[^\[\]]{0,400}+|(?:<\*>)?+)\](?::<\*>)?+            # a list, empty or of one value
  | (?<=<\*>)(?:[ ]UNIT)?[ ]\(<\*>[ ]UNIT\)                                   # the same value, in another unit
  | (?<![\w.])(?!\w{0,60}(?:Error|Exception)\()[A-Z]\w{1,60}+\((?:\w{1,20}=)?<\*>\)   # a number or text with its kind
  | <(?:class[ ]<\*>|[\w.]{1,80}+(?:[ ][\w.]{1,40}+){0,3}[ ]at[ ]<\*>)>               # what Python says of an object
  | (?<=:[ ])[\w.\-]{1,60}(?:,[ ][\w.\-]{1,60}){1,60}(?=$|[.;)])                            # a list at the end
  | (?<=\()(?:\?|%s|\$<\*>)(?:,[ ]?(?:\?|%s|\$<\*>)){0,99}(?=\))                   # places for values in SQL
    """.replace("UNIT", _UNIT),
    re.VERBOSE,
)
_EMPTY = re.compile(r"(?<=[ ]\()(?=\))|(?<=\w=)(?=[,;)\]}]|$|[ ]{1,2}[\w.]{1,40}=)")  # nothing, where a value may stand
_MESSAGE = re.compile(
    r'(?:(?<![^ ])(?:msg|message)=|^\{[^{}\[\]]{0,400}?"(?:msg|message)"[ ]?:[ ]?)"((?:[^"\\]|\\.){1,2000}+)"'
)
_RUN = re.compile(
    rf"<\*>{_TRAILING_UNIT}(?:(?::|[ ,;/|.+\-]{{0,3}}+)<\*>{_TRAILING_UNIT}){{0,64}}",
)
_DIGIT = re.compile("[0-9]")
# Each begins with what the text is searched for fast, and looks back from there.
_HEXADECIMAL = re.compile(r"0x(?<![A-Za-z0-9_]0x)[0-9a-f]{1,16}+(?![A-Za-z0-9_.:])")
_UUID = re.compile(
    r"-(?<=(?<![A-Za-z0-9_.@/+\-])[0-9a-f]{8}-)[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![A-Za-z0-9_.@:/\-])"
)
_EVEN_UUID: Final = "11111111-1111-1111-1111-111111111111"
_ONES: Final = bytes.maketrans(
    b"0123456789\x01", b"11111111110"
)  # of bytes, since on texts it takes five times as long
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


def mask_message(message: str) -> str:
    """The skeleton of a message: one line of at most SKELETON_CHARS characters, `<*>` at variable places. Where a secret
    was taken out it is that of a number there: whether redaction sees one does not part errors that are alike."""
    message = message[:INPUT_CHARS]
    if REDACTED in message:
        message = message.replace(REDACTED, "0")
    return _recall(message) if len(message) <= MEMO_CHARS else mask(message)


def _recall(message: str) -> str:
    """By the memo, where messages that differ in digits alone are one, and in those of hexadecimal numbers and UUIDs: no
    expression here asks which digit it is but for `0x`. If digits are left in the skeleton, they must be those of the
    message."""
    if not message.isascii() or "0X" in message or "\x01" in message:
        return _remember(message)[0]
    even = message
    if "0x" in message:
        even = _HEXADECIMAL.sub("\x01x1", message)
        if "0x" in even:
            return _remember(message)[0]
    if message.count("-") > 3:
        for match in _UUID.finditer(even):
            even = f"{even[: match.start() - 8]}{_EVEN_UUID}{even[match.end() :]}"
    skeleton, has_digits = _remember(even.encode().translate(_ONES).decode())
    return mask(message) if has_digits else skeleton


@lru_cache(maxsize=MEMO_ENTRIES)
def _remember(message: str) -> tuple[str, bool]:
    skeleton = mask(message)
    return skeleton, _DIGIT.search(skeleton) is not None


def mask(message: str) -> str:
    """As `mask_message`, without the memo; `message` is cut already."""
    if not message.isprintable():
        message = _UNSTORABLE.sub("\ufffd", message)
    line = " ".join(message.split())
    if ('="' in line or line.startswith("{")) and (
        told := _MESSAGE.search(line)
    ):  # the message of a record is no value
        line = f"{line[: told.start(1) - 1]} {told[1]} {line[told.end() :]}"
    line = _VARIABLE.sub(HOLE, line)
    if _has_whole(line):
        line = _EMPTY.sub(HOLE, _WHOLE.sub(_hide_whole, _WHOLE.sub(_hide_whole, line)))
    line = _RUN.sub(HOLE, line)
    if line.count(HOLE) > 1:
        line = _fold_repeats(line)
    return line[:SKELETON_CHARS]


def _has_whole(line: str) -> bool:
    return "(" in line or "[" in line or "{" in line or "=" in line or ", " in line or "<class " in line


def _hide_whole(match: re.Match[str]) -> str:
    return "" if match[0][0] == " " else HOLE  # what was said before, said again


def _fold_repeats(line: str) -> str:
    """A list whose items look the same is one item: `blk_<*>, blk_<*>` is `blk_<*>`."""
    words: list[str] = []
    for word in line.split(" "):
        if words and HOLE in word and words[-1].rstrip(",") == word.rstrip(","):
            words.pop()
        words.append(word)
    return " ".join(words)
