"""One API process for all tests of the contract; each has a project of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from common.sealing import make_secret_key
from common.settings import Settings
from tests.chaos.programs import Api
from tests.conftest import Service, Stores, run_service
from tests.contract.running import Running, fill_project
from tests.databases import Databases, on_database
from tests.fleet.programs import running_api

# Limits that a test can pass at little cost.
# A key for what channels keep to themselves.
SECRET_KEY = make_secret_key()
BODY_SECONDS = 2
LIMITS = {
    "secret_key": SECRET_KEY,
    "body_seconds": BODY_SECONDS,
    "limit_project_errors": 5_000,
    "writer_buffer_max_errors": 1_000,
}


@pytest.fixture(scope="package")
def settings_of_all(servers: Stores, databases: Databases) -> Iterator[Settings]:
    with databases.lend() as name:
        url = on_database(servers.database_url, name)
        yield Settings.load(database_url=url, redis_url=servers.redis_url, log_format="json")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def beside(
    settings_of_all: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Api]]:
    """The API, and the service that fills its stores."""
    async with (
        run_service(settings_of_all) as service,
        running_api(service, tmp_path_factory.mktemp("contract"), **LIMITS) as api,
    ):
        yield service, api


@pytest_asyncio.fixture(loop_scope="package")
async def running(beside: tuple[Service, Api], request: pytest.FixtureRequest) -> Running:
    """The API with something to find in the test's project."""
    return await fill_project(*beside, request.node.name)
