"""The house rules that a test can keep: import contracts, one writer a table, the schema, names and sizes."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import UniqueConstraint
from sqlalchemy.sql.schema import ForeignKeyConstraint, PrimaryKeyConstraint

from cli.migrate import alembic_config
from common.settings import ROOT, Settings
from common.tables import metadata
from tests.conftest import Service

SOURCE = [
    path for top in ("api", "worker", "common", "cli", "dev", "migrations") for path in (ROOT / top).rglob("*.py")
]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
SHARED_BY_DESIGN = {"deltas"}  # an outbox has a producer and a consumer
# Deletes what is old, and does nothing else.
RETIRED_BY = {
    **dict.fromkeys(("usage_records", "usage_rollups", "usage_names"), "worker/upkeep/usage_retention.py"),
    **dict.fromkeys(("feedback", "sender_losses"), "worker/upkeep/reports.py"),
}

# Modules with functions whose test is elsewhere: the program as a whole, what settings follow from others, columns of
# tables. The list can only shrink: a module that is gone, or has a test of its name, must go from here.
WITHOUT_A_TEST_OF_THEIR_NAME = {
    "api/app.py",
    "common/settings/programs.py",
    "common/settings/stores.py",
    "common/settings/worker.py",
    "common/tables/budgets.py",
    "common/tables/columns.py",
    "common/tables/spending.py",
}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("common/periods_planted.py", "import api.app"),
        ("worker/planted.py", "import api.http.problems"),
        ("cli/planted.py", "import dev.check"),
        ("dev/evaluation/planted.py", "import dev.bench.stores"),
        ("api/planted.py", "import arq"),
        ("api/reads/planted.py", "import api.storing.writer"),
        ("api/http/planted.py", "import api.access.keys"),
        ("api/http/planted.py", "import api.triage.routes"),
        ("api/access/planted.py", "import api.contract"),
        ("api/storing/planted.py", "import api.ingest.rows"),
        ("api/storing/planted.py", "import api.spending.usage_rows"),
        ("api/storing/planted.py", "import api.access.keys"),
        ("api/ingest/planted.py", "import api.spending.overrides"),
        ("api/ingest/planted.py", "import api.triage.decisions"),
        ("common/fingerprint/planted.py", "import sqlalchemy"),
        ("api/planted.py", "import prometheus_client"),
    ],
)
def test_a_planted_violation_of_the_import_contracts_is_found(tmp_path: Path, file: str, line: str) -> None:
    for name in ("api", "worker", "common", "cli", "dev", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / file).write_text(line + "\n")
    found = lint_imports(tmp_path)
    assert found.returncode != 0
    assert "1 broken" in found.stdout


@pytest.mark.parametrize(("room", "may_know"), [("api.http", set[str]()), ("api.access", {"api.http", "api.fields"})])
def test_the_contract_of_a_lower_room_names_every_other_one(room: str, may_know: set[str]) -> None:
    """Also those that come later, which else it would be free to know."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [forbidden] = [c["forbidden_modules"] for c in contracts if c.get("source_modules") == [room]]
    modules = [path for path in (ROOT / "api").glob("*") if path.is_dir() or path.suffix == ".py"]
    others = {f"api.{path.stem}" for path in modules if not path.name.startswith("__")} - {room}
    assert set(forbidden) == others - may_know


def test_the_import_contracts_hold() -> None:
    assert lint_imports(ROOT).returncode == 0


def test_each_table_has_one_writer_and_the_docs_name_it() -> None:
    documented = dict(
        re.findall(r"^\| `(\w+)` \| `([\w/.]+)`", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    )
    assert set(documented) == set(metadata.tables)
    for table in set(metadata.tables) - SHARED_BY_DESIGN:
        statement = re.compile(
            rf"(?:INSERT INTO|UPDATE|DELETE FROM)\s+{table}\b|\b(?:update|insert)\({table}\b|{table}\.insert\("
        )
        # a migration may fill a table once, and a bench fills a database of its own
        programs = [path for path in SOURCE if path.relative_to(ROOT).parts[0] not in {"migrations", "dev"}]
        writers = {str(path.relative_to(ROOT)) for path in programs if statement.search(path.read_text())}
        assert writers - {RETIRED_BY.get(table)} == {documented[table]}, table


def test_what_deletes_old_rows_of_another_writer_does_nothing_else_to_them() -> None:
    for table, module in RETIRED_BY.items():
        source = (ROOT / module).read_text()
        assert f"`{module}`" in (ROOT / "docs/architecture.md").read_text()
        assert re.findall(rf"(INSERT INTO|UPDATE|DELETE FROM)\s+{table}\b", source) == ["DELETE FROM"]


def test_every_key_holds_the_project() -> None:
    for table in metadata.tables.values():
        if "project_id" not in table.columns:
            assert table.name == "job_runs"
            continue
        for constraint in table.constraints:
            if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
                assert "project_id" in constraint.columns
            if isinstance(constraint, ForeignKeyConstraint):
                assert "project_id" in constraint.column_keys
        for index in table.indexes:
            # by the key that a request carries, its project is found
            is_of_keys = index.name in {"api_keys_key_id_idx", "api_keys_dsn_key_sha256_idx"}
            assert is_of_keys or index.columns.keys()[0] == "project_id"


# Every key and foreign key that Postgres keeps, partitions included, with its columns.
CONSTRAINTS_KEPT = """
    SELECT c.relname AS table_name, i.indexrelid::regclass::text AS name, array_agg(a.attname::text) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = i.indexrelid
    WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace GROUP BY 1, 2
    UNION ALL
    SELECT c.relname, k.conname, array_agg(a.attname::text)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace GROUP BY 1, 2
"""


async def test_every_key_that_postgres_keeps_holds_the_project_in_every_partition(service: Service) -> None:
    await service.run_worker()  # which makes partitions of its own
    kept = await service.execute(CONSTRAINTS_KEPT)
    partitions = {row.table_name for row in kept if row.table_name.startswith("errors_")}
    assert {"errors_default", f"errors_{datetime.now(UTC):%Y%m%d}"} <= partitions
    assert len(partitions) > Settings.load().retention_days
    without = {row.table_name for row in kept if "project_id" not in row.columns}
    assert without == {"job_runs", "alembic_version"}


def test_the_migrations_make_the_tables_that_the_code_knows(database_url: str) -> None:
    command.check(alembic_config(Settings.load(database_url=database_url)))


def test_nothing_is_named_after_nothing() -> None:
    nameless = {"utils", "util", "helpers", "helper", "misc", "base", "core"}
    assert [path for path in SOURCE if path.stem in nameless] == []


def test_no_module_is_longer_than_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCE}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_every_module_says_what_it_does() -> None:
    silent = [
        path for path in SOURCE if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_each_module_of_the_worker_has_a_test_of_its_name() -> None:
    modules = [path for path in (ROOT / "worker").rglob("*.py") if path.name != "__init__.py"]
    mirrored = {path: ROOT / "tests" / path.relative_to(ROOT).with_name(f"test_{path.name}") for path in modules}
    assert [str(path) for path, test in mirrored.items() if not test.exists()] == []


def has_functions(module: Path) -> bool:
    tree = ast.parse(module.read_text())
    return any(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) for one in ast.walk(tree))


def has_test_of_its_name(module: Path) -> bool:
    """In the same folder of `tests`; that of a package may stand beside its folder too."""
    folder = ROOT / "tests" / module.relative_to(ROOT).parent
    if module.stem != "__init__":
        return (folder / f"test_{module.stem}.py").exists()
    return any((place / f"test_{folder.name}.py").exists() for place in (folder, folder.parent))


def test_every_module_with_functions_has_a_test_of_its_name() -> None:
    modules = [path for path in SOURCE if path.relative_to(ROOT).parts[0] in {"api", "worker", "common"}]
    without = {
        path.relative_to(ROOT).as_posix() for path in modules if has_functions(path) and not has_test_of_its_name(path)
    }
    assert without == WITHOUT_A_TEST_OF_THEIR_NAME


def test_lock_files_name_no_host_and_pin_with_hashes() -> None:
    locks = [*ROOT.glob("*.lock"), *(ROOT / "tests").rglob("*.lock"), *(ROOT / "tests").rglob("package-lock.json")]
    assert [str(lock) for lock in locks if "://" in lock.read_text()] == []
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[\w.\[\]-]+==\S+", lock, re.MULTILINE)
    assert len(pins) > 40
    assert lock.count("--hash=sha256:") >= len(pins)
