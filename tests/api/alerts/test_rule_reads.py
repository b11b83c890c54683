"""Rules, mutes and messages as they are read: by pages, and each in its project."""

from uuid import uuid4

from sqlalchemy import text

from api.alerts.notifications import list_notifications
from tests.api.alerts.test_rule_routes import make
from tests.conftest import Service

ADD = text("""
    INSERT INTO notifications (project_id, notification_id, rule_id, channel_id, changes, left_out, made_at, due_at, state,
                               attempts, attempt_at, told)
    SELECT :project_id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
           jsonb_build_array(jsonb_build_object('name', 'new', 'facts', jsonb_build_object('title', 't' || n))), 2,
           now() + make_interval(secs => n / 2), now(), CASE WHEN n % 2 = 0 THEN 'due' ELSE 'sent' END, 1, now(), ''
    FROM generate_series(1, 5) n
""")


async def test_rules_come_by_pages(service: Service) -> None:
    project = await service.project()
    for name in ("a", "b", "c"):
        await make(project, name=name)
    page = await project.get("/api/alerts/rules", limit=2)
    assert [one["name"] for one in page["rules"]] == ["a", "b"]
    rest = await project.get("/api/alerts/rules", limit=2, cursor=page["next"])
    assert ([one["name"] for one in rest["rules"]], rest["next"]) == (["c"], None)
    answer = await project.read.get("/api/alerts/rules", params={"format": "csv", "fields": "name,when"})
    assert answer.text.splitlines()[0] == "name,when"
    assert (await project.read.get(f"/api/alerts/rules/{uuid4()}")).status_code == 404


async def test_messages_come_newest_first_by_pages_and_by_state(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    async with service.tools.engine.begin() as connection:
        await connection.execute(ADD, {"project_id": project.id})
    page = await project.get("/api/alerts/notifications", limit=2)
    rest = await project.get("/api/alerts/notifications", limit=3, cursor=page["next"])
    titles = [one["title"] for one in page["notifications"] + rest["notifications"]]
    assert titles[0] in {"t4", "t5"}
    assert sorted(titles) == ["t1", "t2", "t3", "t4", "t5"]
    assert rest["next"] is None
    assert page["notifications"][0]["changes"] == 3
    due = (await project.get("/api/alerts/notifications", state="due"))["notifications"]
    assert sorted(one["title"] for one in due) == ["t2", "t4"]
    assert (await other.get("/api/alerts/notifications"))["notifications"] == []
    async with service.tools.engine.connect() as connection:
        whole = await list_notifications(connection, project.id, state=None, limit=10, after=None)
    assert len(whole.notifications) == 5
