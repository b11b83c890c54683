"""Redaction takes out what it says, and leaves the rest: on what its rules were made by, and on what was set aside."""

import random
import re
from pathlib import Path

import pytest

from dev.evaluation import redaction
from dev.evaluation.redaction.making import Sample, card, luhn

SHORT = 60  # samples of a kind


@pytest.mark.parametrize(("name", "scored"), redaction.score_sets(SHORT).items())
def test_secrets_go_and_innocent_texts_stay(name: str, scored: redaction.SetScore) -> None:
    assert sum(score.samples for score in scored.secrets) > 500
    assert sum(score.samples for score in scored.innocents) > 500
    assert 1 - redaction.failed_share(scored.secrets) >= 0.99, failures(scored.secrets)
    assert redaction.failed_share(scored.innocents) <= 0.001, failures(scored.innocents)


def failures(scores: list[redaction.Score]) -> str:
    return "\n".join(f"{score.kind}: {score.failed[0]}" for score in scores if score.failed)


def test_each_kind_of_secret_is_taken_out() -> None:
    scores = redaction.score_sets(SHORT)
    assert [kind.kind for one in scores.values() for kind in one.secrets if kind.share > 0.05] == []


def test_a_secret_of_which_half_is_left_is_left() -> None:
    assert redaction.is_left(Sample("k", "", "abcdefghijklmnop"), "x [redacted]ijklmnop")
    assert not redaction.is_left(Sample("k", "", "abcdefghijklmnop"), "x [redacted]")


def test_the_cards_of_the_samples_have_right_check_digits() -> None:
    rng = random.Random(1)
    assert all(luhn(card(rng)) == 0 for _ in range(100))


def test_the_command_writes_the_tables_between_their_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "security.md"
    page.write_text(f"before\n{redaction.BEGINS}old\n{redaction.ENDS}after\n")
    monkeypatch.setattr(redaction, "PAGE", page)
    redaction.main(["--count", "2", "--docs", "--json", str(tmp_path / "figures.json")])
    assert "| set aside |" in capsys.readouterr().out
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert (tmp_path / "figures.json").exists()


def test_the_page_tells_of_every_kind() -> None:
    told = set(re.findall(r"^\| ([^|]+) \| (?:seen|set aside) \|", redaction.PAGE.read_text(), re.MULTILINE))
    assert told == {kind.kind for one in redaction.score_sets(1).values() for kind in (*one.secrets, *one.innocents)}
