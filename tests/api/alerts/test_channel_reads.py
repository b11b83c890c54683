"""Channels are read page by page, in the forms of the catalogue."""

from common.alerts.channels import add_channel
from common.sealing import Sealer, make_secret_key
from tests.conftest import Service


async def test_pages_go_on_where_the_one_before_ended(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        for name in "abc":
            await add_channel(
                connection, Sealer([make_secret_key()]), project.id,
                name=name, kind="webhook", config={}, hint="https://hooks.example", max_per_hour=1,
            )  # fmt: skip
    first = await project.get("/api/alerts/channels", limit=2)
    rest = await project.get("/api/alerts/channels", limit=2, cursor=first["next"])
    assert [one["name"] for one in first["channels"] + rest["channels"]] == ["a", "b", "c"]
    assert rest["next"] is None
    table = (await project.read.get("/api/alerts/channels", params={"format": "csv", "fields": "name,kind"})).text
    assert table.split() == ["name,kind", "a,webhook", "b,webhook", "c,webhook"]
    nobody = "01a20cfa-b9ad-73c9-8790-717a1337fc95"
    assert (await project.read.get(f"/api/alerts/channels/{nobody}")).status_code == 404
    assert (await project.read.get(f"/api/alerts/tests/{nobody}")).status_code == 404
