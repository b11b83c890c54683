"""When a key was used last: told to within minutes, at the cost of one row in five minutes, and of none for strangers."""

from datetime import UTC, datetime, timedelta

from api.access.key_uses import KeyUses
from common.keys import Scope, make_key
from common.settings import Settings
from tests.conftest import Service, run_service

PATH = "/api/errors/recent"
USES = "SELECT k.scope, u.used_at FROM key_uses u JOIN api_keys k USING (project_id, key_id)"


def uses_of(service: Service) -> KeyUses:
    uses: KeyUses = service.state["key_ring"].note_use.__self__
    return uses


async def count_writes(service: Service) -> int:
    """Rows that were inserted or updated so far."""
    [row] = await service.execute("SELECT xmin::text::bigint AS transaction FROM key_uses")
    return int(row.transaction)


async def test_a_use_is_there_when_the_process_has_ended(settings: Settings) -> None:
    async with run_service(settings) as service:
        project = await service.project()
        await project.get(PATH)
        assert await service.execute(USES) == []  # nothing was written while a request waited
    async with run_service(settings) as service:
        [use] = await service.execute(USES)
    assert use.scope == "read"
    assert abs(use.used_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_key_in_use_costs_no_row_within_five_minutes_and_one_after(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"key_cache_seconds": 0.001})) as service:
        project = await service.project()
        await project.get(PATH)
        await uses_of(service).write()
        first = await count_writes(service)
        for _ in range(5):
            await project.get(PATH)
            await uses_of(service).write()
        assert await count_writes(service) == first
        await service.execute("UPDATE key_uses SET used_at = now() - interval '6 minutes'")
        aged = await count_writes(service)
        await project.get(PATH)
        await uses_of(service).write()
        [use] = await service.execute("SELECT now() - used_at AS age FROM key_uses")
        assert await count_writes(service) > aged
    assert use.age < timedelta(minutes=1)


async def test_strangers_cause_no_write(settings: Settings) -> None:
    async with run_service(settings) as service:
        project = await service.project()
        [row] = await service.execute("SELECT key_id FROM api_keys WHERE scope = 'read'")
        made_up = [str(make_key(Scope.read)), str(make_key(Scope.read)).replace("read", "ingest"), "mayday_read_x"]
        for key in [*made_up, f"mayday_read_{row.key_id}_{'0' * 38}"]:
            assert (await (await service.client(key)).get(PATH)).status_code == 401
        assert uses_of(service).noted == {}
        await project.get(PATH)
        assert len(uses_of(service).noted) == 1


async def test_what_postgres_does_not_take_is_written_the_next_time(settings: Settings) -> None:
    async with run_service(settings) as service:
        project = await service.project()
        await project.get(PATH)
        await service.execute("ALTER TABLE key_uses RENAME TO away")
        await uses_of(service).write()
        assert len(uses_of(service).noted) == 1
        await service.execute("ALTER TABLE away RENAME TO key_uses")
        await uses_of(service).write()
        assert uses_of(service).noted == {}
        assert len(await service.execute(USES)) == 1


async def test_a_key_that_was_deleted_meanwhile_leaves_no_row(settings: Settings) -> None:
    async with run_service(settings) as service:
        project = await service.project()
        await project.get(PATH)
        await service.execute("DELETE FROM api_keys")
        await uses_of(service).write()
        assert await service.execute("SELECT FROM key_uses") == []
