"""The messages of statements that raise, as templates: text, and the expressions whose values go between. Pure but for reading
files.

Python is parsed; of JavaScript, Java and Go the statements are found by their keyword and their strings read.
"""

import ast
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

FILE_BYTES = 2_000_000
STATEMENT_CHARS = 600


class Slot(NamedTuple):
    """An expression; `is_quoted` where the program puts quotes around its value."""

    expression: str
    is_quoted: bool = False


Piece = str | Slot


class Statement(NamedTuple):
    """`function`: the one that it stands in; `source`: its line; both empty where the language was not parsed."""

    error_type: str
    pieces: tuple[Piece, ...]
    file: str = ""
    function: str = ""
    source: str = ""

    @property
    def label(self) -> str:
        return "".join("<*>" if isinstance(piece, Slot) else piece for piece in self.pieces)


def read_python(text: str, file: str) -> Iterator[Statement]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.splitlines()
    todo: list[tuple[ast.AST, str]] = [(tree, "<module>")]
    while todo:
        node, function = todo.pop()
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            pieces = pieces_of(node.exc.args[0])
            if pieces is not None:
                name = ast.unparse(node.exc.func).rpartition(".")[2]
                yield Statement(name, tuple(pieces), file, function, lines[node.lineno - 1].strip())


def pieces_of(node: ast.expr) -> list[Piece] | None:
    """The text of a string with its expressions; None where it is none."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return [
            str(part.value)
            if isinstance(part, ast.Constant)
            else Slot(ast.unparse(part.value), getattr(part, "conversion", -1) == ord("r"))  # type: ignore[attr-defined]
            for part in node.values
        ]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = pieces_of(node.left), pieces_of(node.right)
        if left is None and right is None:
            return None
        return [*(left or [Slot(ast.unparse(node.left))]), *(right or [Slot(ast.unparse(node.right))])]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return fill(str(node.left.value), PERCENT, [ast.unparse(value) for value in values])
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"):
        return None
    if not isinstance(node.func.value, ast.Constant):
        return None
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return fill(str(node.func.value.value), BRACES, [ast.unparse(value) for value in given])


PERCENT = re.compile(r"%(?:\(\w+\))?[-+#0-9.]*([a-zA-Z])")
BRACES = re.compile(r"\{[^{}]*?(!r)?(?::[^{}]*)?\}")


def fill(text: str, hole: re.Pattern[str], values: list[str]) -> list[Piece]:
    pieces: list[Piece] = []
    start = 0
    for number, match in enumerate(hole.finditer(text)):
        pieces.append(text[start : match.start()])
        is_quoted = match[1] in ("r", "q", "!r")
        pieces.append(Slot(values[number] if number < len(values) else match[0].strip("{}%"), is_quoted))
        start = match.end()
    return [piece for piece in (*pieces, text[start:].replace("%%", "%")) if piece]


THROW = re.compile(r"throw new ([\w.]+)\s*\(")
GO_ERROR = re.compile(r"\b(?:errors\.(?:New|Errorf|Wrapf?)|fmt\.Errorf|xerrors\.(?:New|Errorf))\(")
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\'|`((?:[^`\\]|\\.)*)`', re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": ""}


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text)


def first_argument(text: str, start: int) -> list[str] | None:
    """The operands of the first argument of a call, by `+`; None where it does not end soon."""
    parts, depth, begin, at = [], 0, start, start
    end = min(len(text), start + STATEMENT_CHARS)
    while at < end:
        char = text[at]
        if char in "\"'`":
            match = STRING.match(text, at)
            if match is None:
                return None
            at = match.end()
            continue
        if depth == 0 and char in ",)+":
            parts.append(text[begin:at].strip())
            begin = at + 1
            if char != "+":
                return parts
        depth += (char in "([{") - (char in ")]}")
        at += 1
    return None


def read_thrown(text: str, file: str, *, has_templates: bool) -> Iterator[Statement]:
    for match in THROW.finditer(text):
        operands = first_argument(text, match.end())
        if not operands or not any(operand[:1] in "\"'`" for operand in operands if operand):
            continue
        pieces: list[Piece] = []
        for operand in operands:
            string = STRING.fullmatch(operand)
            if string is None:
                pieces.append(Slot(operand))
            elif string[3] is not None and has_templates:
                found = re.split(r"\$\{([^{}]*)\}", string[3])
                pieces += [Slot(part) if number % 2 else unescape(part) for number, part in enumerate(found) if part]
            else:
                pieces.append(unescape(string[1] or string[2] or string[3] or ""))
        yield Statement(match[1].rpartition(".")[2], tuple(pieces), file)


def read_go(text: str, file: str) -> Iterator[Statement]:
    for match in GO_ERROR.finditer(text):
        start = match.end()
        if "Wrap" in match[0]:
            start = text.find(",", start) + 1
        literal = re.compile(r'\s*"((?:[^"\\\n]|\\.)*)"\s*([,)])').match(text, start)
        if literal is None:
            continue
        values = []
        at = literal.end()
        while literal[2] == "," and at < len(text):
            operands = first_argument(text, at)
            if operands is None:
                break
            values.append("+".join(operands))
            at += sum(map(len, operands)) + 1
            at = min(
                (found for found in (text.find(",", at - 2), text.find(")", at - 2)) if found >= 0), default=len(text)
            )
            if at >= len(text) or text[at] == ")":
                break
            at += 1
        yield Statement("error", tuple(fill(unescape(literal[1]), PERCENT, values)), file)


READERS: dict[str, tuple[str, Callable[[str, str], Iterator[Statement]]]] = {
    "python": (".py", read_python),
    "javascript": (".js", lambda text, file: read_thrown(text, file, has_templates=True)),
    "java": (".java", lambda text, file: read_thrown(text, file, has_templates=False)),
    "go": (".go", read_go),
}


def read_sources(language: str, path: Path, under: str = "") -> list[Statement]:
    """The statements of a folder, or of a zip file (`under` a folder of it), each of its words once; tests are passed over."""
    ending, read = READERS[language]
    found: dict[str, Statement] = {}
    for name, text in read_texts(path, ending, under):
        if re.search(r"(?:^|[/_.])(?:tests?|testing|min)[/_.]", name):
            continue
        for statement in read(text, name):
            if re.search(r"[A-Za-z]{3}", "".join(piece for piece in statement.pieces if isinstance(piece, str))):
                found.setdefault(statement.label, statement)
    return [found[label] for label in sorted(found)]


def read_texts(path: Path, ending: str, under: str) -> Iterator[tuple[str, str]]:
    if path.is_dir():
        for file in sorted((path / under).rglob(f"*{ending}")):
            if file.is_file() and file.stat().st_size < FILE_BYTES:
                yield str(file.relative_to(path)), file.read_text("utf-8", "replace")
        return
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.startswith(under) and info.filename.endswith(ending) and info.file_size < FILE_BYTES:
                yield info.filename, archive.read(info).decode("utf-8", "replace")
