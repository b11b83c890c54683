"""Statements that raise are read from sources, and become labelled messages."""

from pathlib import Path

from dev.evaluation.statements import measure, summarize
from dev.evaluation.statements.making import make_errors
from dev.evaluation.statements.sources import read_go, read_python, read_thrown

PYTHON = 'def load(name):\n    raise KeyError(f"no user {name}")\n'


def test_sources_give_templates() -> None:
    assert [one.label for one in read_python(PYTHON, "a.py")] == ["no user <*>"]
    assert [one.label for one in read_thrown("throw new Error(`no ${a} in ${b}`);", "a.js", has_templates=True)] == [
        "no <*> in <*>"
    ]
    assert [
        one.label for one in read_thrown('throw new Failed("no " + name + " left");', "A.java", has_templates=False)
    ] == ["no <*> left"]
    assert [one.label for one in read_go('return fmt.Errorf("no %s: %w", name, err)', "a.go")] == ["no <*>: <*>"]


def test_errors_are_the_same_on_every_run() -> None:
    statements = list(read_python(PYTHON, "a.py"))
    errors = make_errors(statements, "seed", each=(3,))
    assert errors == make_errors(statements, "seed", each=(3,))
    assert {error.label for error in errors} == {"no user <*>"}
    assert len(errors) == 3


def test_both_halves_are_measured(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"m{number}.py").write_text(f'def f{number}(x):\n    raise E("part {"ab" * number} is gone", x)\n')
    means = summarize(measure("python", str(tmp_path)))
    assert set(means) == {"python", "python with traces"}
    assert set(means["python"]) == {"tuned", "set aside"}
