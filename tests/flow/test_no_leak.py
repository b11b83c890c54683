"""When the database fails under every route, no answer holds SQL, a stack or a secret."""

import re
from uuid import uuid4

from tests.conftest import Service

ERROR = {"service": "shop", "severity": "error", "message": "card declined"}
# tables that reads and writes need, but not the check of a key
GONE = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('api_keys', 'projects')"
TELLING = re.compile(
    r"SELECT |INSERT |UPDATE |FROM |WHERE |relation|Traceback|File \"|line \d|asyncpg|sqlalchemy|\.py\b|postgresql"
)


async def test_no_answer_of_a_failure_holds_sql_a_stack_or_a_secret(service: Service) -> None:
    project = await service.project()
    [key] = {project.admin.headers["Authorization"].removeprefix("Bearer ")}
    document = (await project.admin.get("/openapi.json")).json()
    for [table] in await service.execute(GONE):
        await service.execute(f'DROP TABLE IF EXISTS "{table}" CASCADE')
    failed = set()
    for path, operations in document["paths"].items():
        asked = re.sub(r"{\w+}", lambda _: str(uuid4()), path)
        for method in operations:
            client = project.ingest if path.startswith(("/api/errors/batch", "/api/errors/log")) else project.admin
            body = {"errors": [ERROR]} if path.endswith("/batch") else ERROR
            answer = await client.request(method, asked, json=None if method == "get" else body)
            told = answer.text + str(answer.headers)
            if answer.status_code >= 400:
                assert not TELLING.search(told), (path, told)
                assert key not in told
                assert service.settings.database_url not in told
            if answer.status_code >= 500:
                assert answer.status_code == 503, (path, told)
                failed.add(path)
    assert {"/api/errors", "/api/errors/recent", "/api/errors/patterns", "/api/errors/batch"} <= failed
