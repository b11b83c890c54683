"""The grouping bench reads any folder of labelled CSV files and says what it measured."""

import json
from pathlib import Path

import pytest

from dev.evaluation import grouping


def test_scores_by_hand() -> None:
    assert grouping.score("aabb", "xxyy") == (1.0, 1.0)
    assert grouping.score("aabb", "xxxx") == (0.0, 0.0)
    assert grouping.score("aabb", "xxyz") == (0.5, 2 * 1 / (2 + 3))


def test_prints_a_row_per_file_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "ERRORS", 200)
    monkeypatch.setattr(grouping, "DISTINCT", 20)
    lines = [
        "EventId,Content",
        *(f"E1,user {n} gone" for n in range(9)),
        *(f"E2,port {n} taken" for n in range(9)),
    ]
    (tmp_path / "Shop.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    grouping.main(["--data", str(tmp_path), "--json", str(tmp_path / "out.json")])
    assert "Shop               1.000   1.000       2       2" in capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["mean"] == {"ga": 1.0, "fga": 1.0}
    assert written["sets"][0]["same_when_shuffled"] is True


def test_says_when_there_is_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no CSV files"):
        grouping.report(tmp_path)
