"""`mayday project rename` and `delete`: what is asked and said, and what a wrong answer leaves as it is."""

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from common.projects import deletion


@pytest.fixture
def run(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> "Run":
    monkeypatch.setenv("MAYDAY_DATABASE_URL", database_url)
    monkeypatch.setenv("MAYDAY_REDIS_URL", redis_url)
    monkeypatch.setattr(deletion, "FORGOTTEN_SECONDS", 0.0)
    return Run()


class Run:
    """The command line, on the test's database."""

    def __call__(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["project", *arguments], input=typed)

    def names(self) -> list[str]:
        return [line.partition("  ")[2] for line in self("list").stdout.splitlines() if line]


def test_a_project_gets_another_name_and_keeps_its_id(run: Run) -> None:
    made = run("create", "shop").stdout.strip()
    assert run("rename", "shop", "store").stdout == "shop is called store now\n"
    assert run("list").stdout == f"{made}  store\n"


@pytest.mark.parametrize(
    ("name", "to", "said"),
    [
        ("nobody", "x", "there is no project named nobody"),
        ("shop", "other", "there is a project named other already"),
        ("shop", " ", "a project needs a name"),
    ],
)
def test_a_name_that_cannot_be_given_is_said_and_nothing_changes(run: Run, name: str, to: str, said: str) -> None:
    run("create", "shop")
    run("create", "other")
    refused = run("rename", name, to)
    assert (refused.exit_code, said in refused.stderr) == (1, True)
    assert run.names() == ["shop", "other"]


def test_a_deletion_says_what_there_is_and_wants_the_name(run: Run) -> None:
    run("create", "shop")
    run("create", "other")
    CliRunner().invoke(app, ["key", "create", "--scope", "ingest", "--project", "shop"])
    for typed in ("", "\n", "other\n", "y\n"):
        refused = run("delete", "shop", typed=typed)
        assert refused.exit_code == 1
        assert "  1 api_keys" in refused.stdout
    assert run.names() == ["shop", "other"]
    deleted = run("delete", "shop", typed="shop\n")
    assert (deleted.exit_code, deleted.stdout.splitlines()[-1]) == (0, "shop is deleted")
    assert run.names() == ["other"]


def test_with_yes_nothing_is_asked_and_a_project_that_is_not_there_is_said(run: Run) -> None:
    run("create", "shop")
    assert run("delete", "shop", "--yes").exit_code == 0
    again = run("delete", "shop", "--yes")
    assert (again.exit_code, "there is no project named shop" in again.stderr) == (1, True)
