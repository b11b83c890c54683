"""A decision is shown before it is made."""

from tests.api.agents.asking import failing_shop, refusal, text_of
from tests.conftest import Service


async def test_a_decision_is_shown_first_and_done_when_it_is_asked_for_again(service: Service) -> None:
    project = await failing_shop(service)
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    shown = await text_of(project.triage, "decide", pattern=pattern, action="resolve", note="see PR 812")
    assert shown.startswith("Nothing was changed")
    assert "new_state: resolved" in shown
    assert (await project.get(f"/api/errors/patterns/{pattern}"))["state"] != "resolved"
    done = await text_of(project.triage, "decide", pattern=pattern, action="resolve", note="see PR 812", dry_run=False)
    assert done.startswith("Done, applies now")
    assert (await project.get(f"/api/errors/patterns/{pattern}"))["state"] == "resolved"
    assert "in_release" in await refusal(
        project.triage, "decide", pattern=pattern, action="note", note="n", in_release="1"
    )
