"""The rules of our own find what was planted, leave what is right, and hold."""

import pytest

from common.settings import ROOT
from dev.rules import check_source, check_tree


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("built-sql", 'connection.execute(text(f"SELECT * FROM errors WHERE service = {service}"))'),
        ("built-sql", 'connection.execute("DELETE FROM " + table)'),
        ("built-sql", 'text("SELECT %s" % name)'),
        ("built-sql", 'connection.fetchrow("SELECT {}".format(name))'),
        ("pickle", "import pickle"),
        ("pickle", "from cloudpickle import dumps"),
        ("eval", "eval(sent)"),
        ("shell", "subprocess.run(command, shell=True)"),
        ("shell", "os.system(command)"),
        ("endless-call", "httpx.get(url)"),
        ("endless-call", "httpx.AsyncClient(timeout=None)"),
        ("logged-secret", "log.info('got', body=body)"),
        ("logged-secret", "log.warning('bad', sent=request.headers)"),
        ("logged-secret", "log.info(f'key {key.secret}')"),
        ("zoneless-time", "datetime.now()"),
        ("zoneless-time", "datetime.fromtimestamp(seconds)"),
        ("zoneless-time", "datetime.utcnow()"),
        ("weak-hash", "hashlib.md5(data)"),
        ("raw-comparison", "key.secret == sent"),
        (
            "locked-again",
            "'UPDATE t SET a = 1 FROM (SELECT id FROM u LIMIT 5 FOR UPDATE SKIP LOCKED) s WHERE t.id = s.id'",
        ),
        ("locked-again", "'DELETE FROM t WHERE id IN (SELECT id FROM u WHERE f(a) LIMIT 5 FOR UPDATE)'"),
    ],
)
def test_a_planted_violation_is_found(rule: str, line: str) -> None:
    assert [found.rule for found in check_source(f"a = 1\n{line}\n", "planted.py") if found.line == 2] == [rule]


@pytest.mark.parametrize("line", ["datetime.now(UTC)", "date.today()", "time.time()", "dt.datetime.now(UTC)"])
def test_a_program_that_goes_by_its_own_clock_is_found(line: str) -> None:
    assert [found.rule for found in check_source(line, "worker/planted.py")] == ["own-clock"]
    assert list(check_source(line, "cli/planted.py")) == []


@pytest.mark.parametrize(
    "line",
    [
        "for project_id in due: pass",
        "for project_id, of_project in found: pass",
        "for one in projects: pass",
        "for one in await list_projects(engine): pass",
        "for one in (await connection.scalars(PROJECTS_DUE)).all(): pass",
        "found = [await fold(engine, project_id) for project_id in due]",
        "done = sum(fold(one) for one in project_ids)",
        "while projects: fold(projects.pop())",
        "asyncio.gather(*map(fold, projects))",
        "for key, some in groupby(rows, key=lambda row: row.project_id): pass",
    ],
)
def test_a_job_that_goes_from_project_to_project_by_itself_is_found(line: str) -> None:
    source = "async def job():\n    " + line
    assert {found.rule for found in check_source(source, "worker/planted.py")} == {"own-round"}
    assert list(check_source(source, "worker/rounds.py")) == []
    assert list(check_source(source, "cli/planted.py")) == []


@pytest.mark.parametrize(
    "line",
    [
        "for row in await connection.execute(LIST, {'project_id': project_id}): pass",
        "ids = [name(project_id, fingerprint) for fingerprint in fingerprints]",
        "for step in steps: await run(step, project_id)",
    ],
)
def test_work_within_a_project_may_loop(line: str) -> None:
    assert list(check_source("async def job():\n    " + line, "worker/planted.py")) == []


@pytest.mark.parametrize(
    "line",
    [
        'connection.fetchrow(f"INSERT INTO errors ({COLUMNS})")',
        'connection.execute(text("SELECT 1"), {"service": service})',
        "subprocess.run([BIN, name], check=False)",
        "httpx.get(url, timeout=5)",
        "log.info('answered', path=path, bytes=len(sent))",
        "datetime.now(UTC)",
        "datetime.fromtimestamp(seconds, UTC)",
        "hmac.compare_digest(key.secret, sent)",
        'text(f"DROP TABLE {name}")  # rule-ok: made of a date',
    ],
)
def test_what_is_right_is_left(line: str) -> None:
    assert list(check_source(line, "right.py")) == []


def test_the_rules_hold_in_this_tree() -> None:
    assert [str(found) for found in check_tree(ROOT)] == []
