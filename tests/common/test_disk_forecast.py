"""What the tables take and when the disk is full, as Postgres tells it."""

from common.disk_forecast import forecast_disk
from tests.conftest import Service


async def test_a_disk_of_no_known_size_is_never_full_and_its_tables_are_told(service: Service) -> None:
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "order 1"})
    async with service.tools.engine.connect() as connection:
        forecast = await forecast_disk(connection, service.settings)
        small = service.settings.model_copy(update={"disk_bytes": 1})
        known = await forecast_disk(connection, small)
    assert forecast.full_on is None
    assert forecast.used_bytes > 0
    assert {"errors", "deltas", "notifications"} <= {row.table_name for row in forecast.tables}
    assert known.growth_bytes is None or known.full_on == known.today
