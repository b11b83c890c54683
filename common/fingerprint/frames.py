"""Frames that a protocol tells as such become what a trace as text becomes, so that both have the same key. Pure.

Each is named as the reader of texts (`traces`) names it in the language of its platform; whether it is in-app is what the
sender says, and where that is missing, what a text would be judged by.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from common.fingerprint.traces import (
    LINE_CHARS,
    Section,
    Trace,
    choose_frames,
    name_by_class,
    name_by_file,
    name_in_go,
)

MEMO_CHARS: Final = 200  # of longer frames the name is made each time, so that the memo stays small
MEMO_ENTRIES: Final = 2_048
TYPES: Final = 8
NAMELESS: Final = frozenset({"?", "<anonymous>", "<unknown>"})
BY_CLASS: Final = frozenset({"java", "kotlin", "scala", "groovy", "android"})


class Frame(NamedTuple):
    """One frame: where it is, as far as that is known, and whether the sender says that it is the program's own."""

    module: str = ""
    function: str = ""
    path: str = ""
    in_app: bool | None = None


class Thrown(NamedTuple):
    """One error of a chain: its type as a trace writes it, and its frames, innermost first."""

    type: str | None
    frames: Sequence[Frame]


def read_frames(platform: str, chain: Sequence[Thrown]) -> Trace | None:
    """What groups are made of, of the error raised and then its causes; None where no frame has a name."""
    sections = [
        Section(one.type, [named for frame in one.frames if (named := name_frame(platform, frame)) is not None])
        for one in chain[:TYPES]
    ]
    read = choose_frames(sections)
    return read if read.frames else None


def qualify_type(platform: str, name: str, module: str) -> str:
    """The type of an error as a trace of its language writes it."""
    is_built_in = module in {"", "builtins", "__main__", "exceptions"}
    if is_built_in or platform not in BY_CLASS | {"python"} or name.startswith(f"{module}."):
        return name
    return f"{module}.{name}"


def name_frame(platform: str, frame: Frame) -> tuple[str, bool] | None:
    """The frame's name and whether it is in-app; None where nothing is known of it."""
    module, function, path, _ = frame
    if len(module) + len(function) + len(path) > MEMO_CHARS:
        named = _name(platform, module[:LINE_CHARS], function[:LINE_CHARS], path[-LINE_CHARS:])
    else:
        named = _remember(platform, module, function, path)
    return named if named is None or frame.in_app is None else (named[0], frame.in_app)


def _name(platform: str, module: str, function: str, path: str) -> tuple[str, bool] | None:
    if not (module or function or path):
        return None
    path, function = path.replace("\\", "/"), "" if function in NAMELESS else function
    qualified = f"{module}.{function}" if module else function
    if platform in BY_CLASS:
        return name_by_class(qualified)
    if platform == "go":
        return name_in_go(path, qualified)
    if platform == "python":
        function = function.rpartition(".")[2]  # a trace has no names of classes and enclosing functions
    if platform in {"python", "javascript", "node", "ruby"} and path:
        return name_by_file(path, function)
    if module:
        name, own = name_by_class(qualified)
        return name, own and (not path or name_by_file(path, "")[1])
    return name_by_file(path, function)


_remember = lru_cache(maxsize=MEMO_ENTRIES)(_name)  # frames of one program come again with each of its errors
