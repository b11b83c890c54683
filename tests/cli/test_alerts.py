"""`mayday alerts`: rules as they stand, what one would have sent, quiet for a while."""

import json
from pathlib import Path

from cli.alerts import say_when
from tests.cli.conftest import ERROR, Mayday


async def test_rules_are_listed_tried_and_muted(mayday: Mayday, tmp_path: Path) -> None:
    await mayday.service.run_worker()
    await mayday.project.send(ERROR)
    await mayday.service.run_worker()
    header, *rules = await mayday.plain("alerts", "list")
    assert header == ["armed", "name", "when", "channels"]
    assert ["-", "Budgets", "budget 80, breach 0.8", "0"] in rules

    name = "New failures, and failures that are back"
    header, message = await mayday.plain("alerts", "preview", name, "--days", "1")
    assert message[1:3] == ["new", "New: payment <*> failed: card declined"]
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"when": ["spiking"]}))
    done = await mayday.run("alerts", "preview", str(file), "--json")
    assert json.loads(done.stdout)["fired"] == 0

    [muted] = await mayday.plain("alerts", "mute", "--rule", name, "--for", "2h", "--note", "deploy")
    assert muted[0] == "muted"
    [held] = (await mayday.project.get("/api/alerts/mutes"))["mutes"]
    assert (held["id"], held["note"]) == (muted[1], "deploy")


async def test_what_is_not_there_is_said_in_a_sentence(mayday: Mayday, tmp_path: Path) -> None:
    status, said = await mayday.fail("alerts", "preview", "no such rule")
    assert (status, "none of rules with this name" in said) == (1, True)
    status, said = await mayday.fail("alerts", "test", "no such channel")
    assert (status, "none of channels with this name" in said) == (1, True)
    status, said = await mayday.fail("alerts", "mute")
    assert (status, "say pattern, rule or channel" in said) == (1, True)
    (tmp_path / "rule.json").write_text("{")
    status, said = await mayday.fail("alerts", "preview", str(tmp_path / "rule.json"))
    assert (status, "is no JSON" in said) == (1, True)


def test_what_a_rule_is_about_is_one_line() -> None:
    when = ["new", {"more_than": {"errors": 5, "minutes": 10, "per": "pattern"}}, {"breach": 0.8}]
    assert say_when(when) == "new, more than 5 in 10 min, breach 0.8"
