"""Frames that a protocol tells as such become what a trace as text becomes, so that both have the same key. Pure.

Each is named as the reader of texts (`traces`) names it in the language of its platform; whether it is in-app is what the
sender says, and where that is missing, what a text would be judged by.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from common.fingerprint.languages import LINE_CHARS
from common.fingerprint.libraries import is_library
from common.fingerprint.names import (
    COMPREHENSIONS,
    Named,
    name_by_class,
    name_by_file,
    name_in_apple,
    name_in_dart,
    name_in_dotnet,
    name_in_go,
    name_in_php,
    name_in_ruby,
    name_in_rust,
    name_in_script,
)
from common.fingerprint.traces import ERRORS, Section, Trace, choose_frames

MEMO_CHARS: Final = 200  # of longer frames the name is made each time, so that the memo stays small
MEMO_ENTRIES: Final = 2_048
NAMELESS: Final = frozenset({"?", "<anonymous>", "<unknown>"})
BY_CLASS: Final = frozenset({"java", "kotlin", "scala", "groovy", "android"})
SHOW_SOURCE: Final = frozenset({"python"})


class Frame(NamedTuple):
    """One frame: where it is, as far as that is known, whether the sender says that it is the program's own, and its line of
    source."""

    module: str = ""
    function: str = ""
    path: str = ""
    in_app: bool | None = None
    source: str = ""


class Thrown(NamedTuple):
    """One error of a chain: its type as a trace writes it, and its frames, innermost first."""

    type: str | None
    frames: Sequence[Frame]


def read_frames(platform: str, chain: Sequence[Thrown]) -> Trace | None:
    """What groups are made of, of the error raised and then its causes; None where no frame has a name."""
    read = choose_frames([read_thrown(platform, one) for one in chain[:ERRORS]])
    return read if read.frames else None


def read_thrown(platform: str, thrown: Thrown) -> Section:
    """Sources only of languages whose traces have them as text too."""
    found = [(named, frame.source) for frame in thrown.frames if (named := name_frame(platform, frame)) is not None]
    shows_source = platform in SHOW_SOURCE
    return Section(thrown.type, [named for named, _ in found], [source if shows_source else "" for _, source in found])


def qualify_type(platform: str, name: str, module: str) -> str:
    """The type of an error as a trace of its language writes it."""
    is_built_in = module in {"", "builtins", "__main__", "exceptions"}
    if is_built_in or platform not in BY_CLASS | {"python"} or name.startswith(f"{module}."):
        return name
    return f"{module}.{name}"


def name_frame(platform: str, frame: Frame) -> Named | None:
    """The frame's name and whether it is in-app; None where nothing is known of it."""
    module, function, path, in_app, _ = frame
    if len(module) + len(function) + len(path) > MEMO_CHARS:
        named = _name(platform, module[:LINE_CHARS], function[:LINE_CHARS], path[-LINE_CHARS:])
    else:
        named = _remember(platform, module, function, path)
    return named if named is None or in_app is None else (named[0], in_app)


def _name(platform: str, module: str, function: str, path: str) -> Named | None:
    path, function = path.replace("\\", "/"), "" if function in NAMELESS else function
    if not (module or function or path) or (platform == "python" and function.rpartition(".")[2] in COMPREHENSIONS):
        return None
    if platform in BY_FILE and (path or not module):
        return BY_FILE[platform](path, function)
    qualified = f"{module}.{function}" if module else function
    if platform == "go":
        return name_in_go(path, qualified)
    if platform in BY_CLASS or module:
        name, is_own = name_in_dotnet(qualified) if platform == "csharp" else name_by_class(qualified)
        return name, is_own and (not path or platform in BY_CLASS or not is_library(path))
    return name_by_file(path, function)


def _name_in_python(path: str, function: str) -> Named:
    return name_by_file(path, function.rpartition(".")[2])  # a trace has no names of classes and enclosing functions


# How a function is named where its file is what tells most.
BY_FILE: Final[dict[str, Callable[[str, str], Named]]] = {
    "python": _name_in_python,
    **dict.fromkeys(("javascript", "node"), name_in_script),
    "ruby": name_in_ruby,
    "php": name_in_php,
    "rust": name_in_rust,
    "dart": name_in_dart,
    **dict.fromkeys(("cocoa", "swift", "objc"), name_in_apple),
}
_remember = lru_cache(maxsize=MEMO_ENTRIES)(_name)  # frames of one program come again with each of its errors
