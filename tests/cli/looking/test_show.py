"""`mayday show`: a pattern by its id, a part of it or its number; an error with all that was sent of it."""

import json

from tests.cli.conftest import ERROR, Mayday

TRACE = 'Traceback (most recent call last):\n  File "shop.py", line 12, in pay\n    charge(card)\nDeclined: no funds'


async def test_a_pattern_and_its_latest_error_are_found_by_any_part_of_their_ids(mayday: Mayday) -> None:
    sent = ERROR | {"stack_trace": TRACE, "context": {"order": 4711}, "tags": {"region": "eu"}, "release": "1.2"}
    await mayday.project.send(sent)
    await mayday.service.run_worker()
    [pattern] = (await mayday.project.get("/api/errors/patterns"))["patterns"]
    [error] = (await mayday.project.get("/api/errors/recent"))["errors"]

    facts = dict(await mayday.plain("show", pattern["id"][:8]))
    assert (facts["id"], facts["state"], facts["services"]) == (pattern["id"], pattern["state"], "shop 1")
    assert (facts["releases"], facts["last_seen"]) == ("1.2 1", pattern["last_seen"])

    shown = await mayday.show("show", pattern["id"][-8:])
    assert "charge(card)" in shown
    assert f"./mayday resolve {pattern['id'][-8:]}" in shown

    facts = dict(await mayday.plain("show", error["id"][-8:]))
    assert (facts["id"], facts["pattern_id"], facts["message"]) == (error["id"], pattern["id"], ERROR["message"])
    assert json.loads(facts["context"]) == {"order": 4711}
    assert facts["stack_trace"] == TRACE.replace("\n", "\\n")
    shown = await mayday.show("show", error["id"])
    assert '    "' not in shown
    assert '"order": 4711' in shown
    assert "    charge(card)\n" in shown


async def test_what_is_not_there_is_said_with_what_may_be_given(mayday: Mayday) -> None:
    await mayday.service.run_worker()
    unknown = "01a20cfa-b9ad-73c9-8790-717a1337fc95"
    for given, said in (
        (unknown, "there is no pattern and no error"),
        ("abcd1234", "begins or ends with abcd1234"),
        ("7", "the last list has no number 7"),
        ("card declined", "names no pattern and no error"),
    ):
        status, sentence = await mayday.fail("show", given)
        assert status == 1
        assert said in sentence
