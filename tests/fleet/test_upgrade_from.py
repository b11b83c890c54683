"""Which release `mayday test upgrade` upgrades from, in histories made for the purpose."""

import subprocess
from pathlib import Path

import pytest

from tests.fleet.upgrade import HistoryMissing, find_release_before


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MAYDAY_TEST_UPGRADE_FROM", raising=False)
    run(tmp_path, "init", "--quiet")
    commit(tmp_path, "migrations/versions/0001.py")
    return tmp_path


def run(clone: Path, *arguments: str) -> str:
    name = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "tag.gpgsign=false"]
    done = subprocess.run(["git", *name, *arguments], cwd=clone, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(clone: Path, file: str) -> str:
    (clone / file).parent.mkdir(parents=True, exist_ok=True)
    (clone / file).write_text(file)
    run(clone, "add", "--all")
    run(clone, "-c", "commit.gpgsign=false", "commit", "--quiet", f"--message={file}")
    return run(clone, "rev-parse", "--short", "HEAD")


def test_it_is_the_newest_release_that_was_tagged(clone: Path) -> None:
    for version in ("v1.0.0", "v1.1.0"):
        run(clone, "tag", version)
        commit(clone, f"after-{version}")
    run(clone, "tag", "not-a-release")
    commit(clone, "later")
    assert find_release_before(clone) == "v1.1.0"


def test_a_release_that_is_tagged_already_is_compared_with_the_one_before_it(clone: Path) -> None:
    run(clone, "tag", "v1.0.0")
    commit(clone, "next")
    run(clone, "tag", "v1.1.0")
    assert find_release_before(clone) == "v1.0.0"


def test_without_a_release_it_is_the_commit_before_the_newest_migration(clone: Path) -> None:
    before = commit(clone, "feature")
    commit(clone, "migrations/versions/0002.py")
    commit(clone, "another-feature")
    assert find_release_before(clone) == before


def test_what_was_asked_for_comes_first(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYDAY_TEST_UPGRADE_FROM", "some-branch")
    assert find_release_before(clone) == "some-branch"


def test_without_history_there_is_nothing_to_upgrade_from(clone: Path) -> None:
    with pytest.raises(HistoryMissing):
        find_release_before(clone)
