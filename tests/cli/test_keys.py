"""`mayday key`: keys that end by themselves, and a list that says of each how it stands and when it was used last."""

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from common.settings import Settings
from tests.conftest import execute

HEADER = ["id", "project", "scope", "state", "created", "last_used", "expires", "name"]


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["key", *arguments], env={"MAYDAY_DATABASE_URL": settings.database_url})


@pytest.fixture
def project(settings: Settings) -> str:
    made = CliRunner().invoke(app, ["project", "create", "shop"], env={"MAYDAY_DATABASE_URL": settings.database_url})
    return str(made.output.strip())


def test_the_list_has_a_header_and_says_state_use_and_end(settings: Settings, project: str) -> None:
    keys = [
        run(
            settings, "create", "--scope", scope, "--project", "shop", "--name", f"my {scope}\tkey", *more
        ).output.strip()
        for scope, more in (("ingest", ["--expires", "90d"]), ("read", ["--expires", "30min"]), ("admin", []))
    ]
    ids = [key.split("_")[2] for key in keys]

    use = f"INSERT INTO key_uses VALUES ('{project}', '{ids[0]}', '2026-01-02 03:04:05+00')"  # noqa: S608 - our own
    end = "UPDATE api_keys SET expires_at = '2026-01-02 03:04:05+00' WHERE scope = 'read'"
    for statement in (use, end):
        asyncio.run(execute(settings.database_url, statement))
    assert run(settings, "revoke", ids[2]).exit_code == 0
    header, *lines = [line.split("\t") for line in run(settings, "list").output.splitlines()]
    assert header == HEADER
    assert [line[0] for line in lines] == ids
    assert [line[2:4] for line in lines] == [["ingest", "valid"], ["read", "expired"], ["admin", "revoked"]]
    assert [line[5] for line in lines] == ["2026-01-02T03:04:05Z", "", ""]
    assert [line[6] for line in lines][1:] == ["2026-01-02T03:04:05Z", ""]
    assert lines[0][6] > "2026-"
    assert lines[0][7] == r"my ingest\tkey"
    listed = json.loads(run(settings, "list", "--json").output)["keys"]
    assert [list(one) for one in listed] == [HEADER] * 3
    assert listed[2]["expires"] is None


def test_a_length_that_is_none_makes_no_key(settings: Settings, project: str) -> None:
    refused = run(settings, "create", "--scope", "read", "--project", "shop", "--expires", "soon")
    assert refused.exit_code == 2
    assert "write 30min, 12h, 90d or 4w" in refused.output
    assert run(settings, "list").output == "\t".join(HEADER) + "\n"
