"""Rates that a project set are read back as they were, by that project alone."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from api.spending.overrides import add_override, list_overrides, remove_override
from common.pricing import Processing, RateOverride, Rates
from tests.conftest import Service

START, END = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = RateOverride(
    "acme-1",
    Rates(Decimal("0.000000001"), Decimal(2), Decimal(0), Decimal(4), Decimal(5)),
    START,
    END,
    "acme",
    Processing.batch,
)
BARE = RateOverride("acme-1", Rates(Decimal(1), Decimal(2)), END)


async def test_an_override_is_read_back_as_it_was_set_and_the_oldest_comes_first(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    async with service.tools.engine.begin() as connection:
        for one in (BARE, WHOLE):
            await add_override(connection, project.id, one, "key1")
        assert await list_overrides(connection, project.id) == [WHOLE, BARE]
        assert await list_overrides(connection, other.id) == []


async def test_an_override_is_taken_back_once_and_by_its_project(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    async with service.tools.engine.begin() as connection:
        override_id = await add_override(connection, project.id, BARE, "key1")
        assert not await remove_override(connection, other.id, override_id)
        assert not await remove_override(connection, project.id, uuid4())
        assert await remove_override(connection, project.id, override_id)
        assert not await remove_override(connection, project.id, override_id)
        assert await list_overrides(connection, project.id) == []
