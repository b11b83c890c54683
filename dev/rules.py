"""`mayday check`, security: rules of our own over the syntax trees, for what no linter knows of this house. Pure.

A line that is right all the same says why: `# rule-ok: <reason>`.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = ("api", "worker", "common", "cli", "dev", "migrations")
ALLOWED = "# rule-ok: "
STATEMENTS = {"text", "execute", "exec_driver_sql", "fetch", "fetchrow", "fetchval", "executemany", "scalar", "scalars"}
LOG_CALLS = {"debug", "info", "warning", "error", "exception", "critical", "bind_contextvars"}
UNLOGGED = {"body", "payload", "headers", "authorization", "secret", "password", "token", "context", "stack_trace"}
PICKLES = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "cloudpickle"}
WEAK_HASHES = {"md5", "sha1"}
PROGRAMS = ("api/", "worker/", "common/")
OWN_CLOCKS = {"datetime": {"now", "utcnow"}, "date": {"today"}, "time": {"time", "time_ns"}}
CLIENTS = {"get", "post", "put", "patch", "delete", "request", "stream", "Client", "AsyncClient", "urlopen"}
ROUNDS = "worker/rounds.py"
ONE_PROJECT = {"project", "project_id"}
MANY_PROJECTS = re.compile(r"projects|project_ids", re.IGNORECASE)
# A part of a statement that locks the first rows that are free, and stands where Postgres may run it again for each other row.
LOCKED_AGAIN = re.compile(
    r"(?:FROM|USING|JOIN|IN|=)\s*\((?:[^()]|\([^()]*\))*\bLIMIT\b[^()]*\bFOR (?:NO KEY )?UPDATE\b"
)
CLIENT_MODULES = {"httpx", "requests", "urllib", "request"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where."""

    path: str
    line: int
    rule: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.advice}"


def name_of(node: ast.expr) -> str:
    """The last word of a name or an attribute, else nothing."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def owner_of(node: ast.expr) -> str:
    """What an attribute is taken from, by its last word."""
    return name_of(node.value) if isinstance(node, ast.Attribute) else ""


def keywords_of(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def is_constant_name(node: ast.expr) -> bool:
    return name_of(node).isupper()


def is_built(node: ast.expr) -> bool:
    """Whether a text is put together from anything but literals and constants in capitals."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(v, ast.FormattedValue) and not is_constant_name(v.value) for v in values)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            parts = (left, right)
            return any(is_built(p) or not (isinstance(p, ast.Constant) or is_constant_name(p)) for p in parts)
        case ast.Call(func=ast.Attribute(attr="format" | "replace" | "join")):
            return True
    return False


def finds_built_sql(call: ast.Call) -> bool:
    return name_of(call.func) in STATEMENTS and bool(call.args) and is_built(call.args[0])


def finds_pickle(node: ast.AST) -> bool:
    names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    return any(name.partition(".")[0] in PICKLES for name in [*names, module])


def finds_eval(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in {"eval", "exec", "compile", "__import__"}


def finds_shell(call: ast.Call) -> bool:
    shell = keywords_of(call).get("shell")
    is_on = shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False)
    return is_on or (owner_of(call.func) == "os" and name_of(call.func) in {"system", "popen"})


def finds_endless_call(call: ast.Call) -> bool:
    is_client = name_of(call.func) in CLIENTS and owner_of(call.func) in CLIENT_MODULES
    limit = keywords_of(call).get("timeout")
    return is_client and (limit is None or (isinstance(limit, ast.Constant) and limit.value is None))


def finds_logged_secret(call: ast.Call) -> bool:
    if name_of(call.func) not in LOG_CALLS or owner_of(call.func) not in {"log", "logger", "contextvars"}:
        return False
    given = [*call.args, *keywords_of(call).values()]
    return any(name_of(part) in UNLOGGED for value in given for part in ast.walk(value) if isinstance(part, ast.expr))


def finds_zoneless_time(call: ast.Call) -> bool:
    is_now = name_of(call.func) in {"now", "fromtimestamp"} and owner_of(call.func) == "datetime"
    needed = 0 if name_of(call.func) == "now" else 1
    return (is_now and len(call.args) <= needed and "tz" not in keywords_of(call)) or (
        name_of(call.func) in {"utcnow", "utcfromtimestamp"} and owner_of(call.func) == "datetime"
    )


def finds_own_clock(call: ast.Call) -> bool:
    """One machine's clock may be days off; that of Postgres is the same for all programs."""
    return name_of(call.func) in OWN_CLOCKS.get(owner_of(call.func), ())


def finds_weak_hash(call: ast.Call) -> bool:
    return name_of(call.func) in WEAK_HASHES and owner_of(call.func) == "hashlib"


def finds_own_round(node: ast.AST) -> bool:
    """Going from project to project: by what the variable is called, or what is gone over."""
    match node:
        case ast.For() | ast.AsyncFor():
            targets, sources = [node.target], [node.iter]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            targets, sources = [one.target for one in node.generators], [one.iter for one in node.generators]
        case ast.While():
            targets, sources = [], [node.test]
        case ast.Call(func=ast.Name(id="map" | "starmap" | "groupby")):
            targets, sources = [], [*node.args, *keywords_of(node).values()]
        case _:
            return False
    names = {name_of(part) for target in targets for part in ast.walk(target) if isinstance(part, ast.expr)}
    return bool(names & ONE_PROJECT) or any(tells_projects(part) for source in sources for part in ast.walk(source))


def tells_projects(node: ast.AST) -> bool:
    """Whether it is called after projects, or sorts rows by theirs."""
    if isinstance(node, ast.Lambda):
        return name_of(node.body) in ONE_PROJECT
    return isinstance(node, ast.expr) and bool(MANY_PROJECTS.search(name_of(node)))


def finds_locked_again(node: ast.AST) -> bool:
    """What it locked the first time is skipped the next, so that it takes more than its limit."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(LOCKED_AGAIN.search(node.value))


def finds_raw_comparison(node: ast.AST) -> bool:
    """Secrets are compared in constant time."""
    if not isinstance(node, ast.Compare) or not any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
        return False
    sides = [node.left, *node.comparators]
    return any(word in name_of(side) for side in sides for word in ("secret", "sha256", "digest", "checksum"))


CALL_RULES: dict[str, tuple[Callable[[ast.Call], bool], str]] = {
    "built-sql": (finds_built_sql, "bind parameters; only constants in capitals may be put into a statement"),
    "eval": (finds_eval, "no text becomes code"),
    "shell": (finds_shell, "start programs by a list of arguments"),
    "endless-call": (finds_endless_call, "give the call a time limit"),
    "logged-secret": (finds_logged_secret, "bodies, headers and secrets stay out of the log"),
    "zoneless-time": (finds_zoneless_time, "say the zone: datetime.now(UTC)"),
    "weak-hash": (finds_weak_hash, "use sha256 or blake2b"),
}
# Of what runs as a service alone.
PROGRAM_RULES: dict[str, tuple[Callable[[ast.Call], bool], str]] = {
    "own-clock": (finds_own_clock, "go by the database's clock: common/database/clock.py, or now() in the statement"),
}
NODE_RULES: dict[str, tuple[Callable[[ast.AST], bool], str]] = {
    "locked-again": (finds_locked_again, "WITH taken AS MATERIALIZED (... LIMIT ... FOR UPDATE ...), which runs once"),
    "pickle": (finds_pickle, "JSON or msgpack: who writes to the queue must not run code here"),
    "raw-comparison": (finds_raw_comparison, "compare secrets with hmac.compare_digest"),
}

# Of the worker alone, but for its runner.
WORKER_RULES: dict[str, tuple[Callable[[ast.AST], bool], str]] = {
    "own-round": (finds_own_round, f"make it a step that works on each project: {ROUNDS} gives them their turns"),
}


def check_source(text: str, path: str) -> Iterator[Finding]:
    """What the rules find in one module."""
    lines = text.splitlines()
    call_rules = CALL_RULES | (PROGRAM_RULES if path.startswith(PROGRAMS) else {})
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.stmt | ast.expr):
            continue
        rules: list[tuple[str, tuple[Callable[[Any], bool], str]]] = [
            *NODE_RULES.items(),
            *(WORKER_RULES.items() if path.startswith("worker/") and path != ROUNDS else ()),
            *(call_rules.items() if isinstance(node, ast.Call) else ()),
        ]
        for rule, (finds, advice) in rules:
            if finds(node) and not any(ALLOWED in line for line in lines[node.lineno - 1 : node.end_lineno]):
                yield Finding(path, node.lineno, rule, advice)


def check_tree(root: Path) -> list[Finding]:
    """What the rules find in the source under `root`, in order."""
    modules = sorted(path for top in SOURCES for path in (root / top).rglob("*.py"))
    return [found for path in modules for found in check_source(path.read_text(), str(path.relative_to(root)))]
