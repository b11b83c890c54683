"""`mayday test upgrade`: the release before runs on our schema, and hands over to our programs, under load.

Its code comes from the history of the clone: the newest release tagged before this commit; where there is none yet, the
parent of the commit that brought our newest migration; or what MAYDAY_TEST_UPGRADE_FROM names. So it is not part of
`mayday test`, which must do without history.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from cli.embedded import temporary_home
from cli.migrate import alembic_config, upgrade
from common.settings import ROOT, Settings
from common.version import VERSION
from tests.chaos.programs import Api, Program, free_port
from tests.chaos.stack import Stack, run_programs
from tests.chaos.stores import Stores

APIS = 2
SECONDS = 5.0  # of traffic before, between and after the steps
SETTINGS = {
    "MAYDAY_LOG_LEVEL": "warning",
    "MAYDAY_API_METRICS_PORT": "0",
    "MAYDAY_WORKER_METRICS_PORT": "0",
    "MAYDAY_SHUTDOWN_DELAY_SECONDS": "1",
}
REVISION = "SELECT version_num FROM alembic_version"


class HistoryMissing(Exception):
    """This clone has not what git was asked for; the text is what git said."""


def git(*arguments: str, root: Path = ROOT) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    if done.returncode:
        raise HistoryMissing(done.stderr.decode().strip())
    return done.stdout


def find_release_before(root: Path = ROOT) -> str:
    """The tag or commit to upgrade from, as the module says. Raises HistoryMissing."""
    if asked := os.environ.get("MAYDAY_TEST_UPGRADE_FROM"):
        return asked
    with suppress(HistoryMissing):
        # from the parent, so that a release that is tagged already is compared with the one before it
        return git("describe", "--tags", "--abbrev=0", "--match=v[0-9]*", "HEAD^", root=root).decode().strip()
    newest = git("log", "-1", "--diff-filter=A", "--format=%H", "--", "migrations/versions", root=root).decode().strip()
    return git("rev-parse", "--short", f"{newest}^", root=root).decode().strip()


def unpack(commit: str, folder: Path) -> Path:
    """The code of that commit."""
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=git("archive", commit), check=True)
    return folder


def migrate_with(root: Path, database_url: str) -> None:
    """The schema, as the release at `root` makes it."""
    environment = {**os.environ, "MAYDAY_DATABASE_URL": database_url, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-m", "cli", "migrate"], cwd=root, env=environment, check=True, capture_output=True)


@pytest.fixture
def before() -> str:
    try:
        return find_release_before()
    except HistoryMissing as missing:
        pytest.skip(f"this clone has no history to take the release before from: {missing}")


@asynccontextmanager
async def programs_of(before: str) -> AsyncIterator[Stack]:
    """The programs of that release, on its schema."""
    with temporary_home() as folder:
        root = unpack(before, folder / "before")
        async with await Stores.start(folder) as stores:
            await asyncio.to_thread(migrate_with, root, stores.direct_url())
            async with run_programs(stores, folder, apis=APIS, workers=1, settings=SETTINGS, root=root) as stack:
                yield stack


def make_api_like(api: Api, name: str, root: Path) -> Api:
    """Another API process on the same stores."""
    port = free_port()
    environment = {**api.environment, "MAYDAY_PORT": str(port)}
    return replace(api, name=name, environment=environment, root=root, port=port, process=None, exits=[])


async def hand_over(stack: Stack, programs: AsyncExitStack) -> None:
    """As docs/operations.md says: one of ours that is ready for each API of theirs; the worker ends before ours."""
    for place, old in enumerate(stack.apis):
        new = make_api_like(old, f"new-{place}", ROOT)
        await start(new, programs)
        await new.wait_until_ready()
        stack.apis[place] = new
        await old.terminate()
    [old_worker] = stack.workers
    stack.workers.clear()
    await old_worker.terminate()
    assert old_worker.exits == [0]
    await start(replace(old_worker, name="new-worker", root=ROOT, process=None, exits=[]), programs)


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(alembic_config(Settings.load())).get_current_head()


async def start(program: Program, programs: AsyncExitStack) -> None:
    program.start()
    programs.push_async_callback(program.stop)


async def test_the_release_before_runs_on_our_schema_and_hands_over_without_one_failed_request(before: str) -> None:
    async with programs_of(before) as stack, AsyncExitStack() as programs:
        [[revision_before]] = await stack.stores.sql(REVISION)
        async with stack.traffic(senders=3, per_second=3):
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(upgrade, stack.stores.direct_url())
            [[revision]] = await stack.stores.sql(REVISION)
            await asyncio.sleep(SECONDS)
            started_after = make_api_like(stack.apis[0], "old-started-after", stack.apis[0].root)
            await start(started_after, programs)
            await started_after.wait_until_ready()
            stack.apis.append(started_after)
            await asyncio.sleep(SECONDS)
            stack.apis.remove(started_after)
            await started_after.terminate()
            await hand_over(stack, programs)
            await asyncio.sleep(SECONDS)
        verdict, wrong_sums = await stack.verdict(), await stack.find_wrong_sums()
        answers = stack.journal.answers
    by_new = sum(answer.api.startswith("new") for answer in answers)
    by_late = sum(answer.api == started_after.name for answer in answers)
    tell(
        f"from {before} to {VERSION}; the schema went from {revision_before} to {revision}",
        f"{len(answers):,} answers, {by_late} of the release before started on the new schema, {by_new} of the new",
        f"slowest {max(answer.seconds for answer in answers):.2f} s; {verdict}",
    )
    assert revision == newest_revision()
    assert [answer for answer in answers if not answer.is_taken] == []
    assert min(by_late, by_new) > 5
    assert verdict.is_clean
    assert wrong_sums == []


def tell(*lines: str) -> None:
    """For pytest's -rP."""
    print(*lines, sep="\n")  # noqa: T201
