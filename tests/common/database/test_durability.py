import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from common.database import make_engine
from common.database.durability import check_durability
from common.settings import Settings


@pytest.mark.parametrize("is_safe", [True, False])
async def test_a_postgres_that_may_lose_a_commit_is_named_in_the_log(settings: Settings, is_safe: bool) -> None:
    engine = make_engine(settings, "test", pool_size=1)
    async with engine.begin() as connection:
        name = await connection.scalar(text("SELECT current_database()"))
        state = "on" if is_safe else "off"
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = {state}'))
    await engine.dispose()
    with capture_logs() as lines:
        unsafe = await check_durability(engine)
    await engine.dispose()
    assert ("synchronous_commit" not in unsafe) is is_safe
    assert [line["off"] for line in lines if line["event"] == "not_durable"] == ([unsafe] if unsafe else [])
