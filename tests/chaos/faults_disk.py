"""The disk is full, under the data or under the WAL. Needs small file systems of its own, so root on Linux."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg

from cli.embedded import EmbeddedFailed
from tests.chaos.promises import Fault, FaultFailed
from tests.chaos.stack import Stack, run_stack
from tests.chaos.stores import Store, open_postgres

DATA_MEGABYTES, WAL_MEGABYTES = 400, 250
FULL_SECONDS = 10


def lacks_mounts() -> str:
    """Why no small file system can be had here."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    return "" if shutil.which("mount") else "there is no mount here"


@asynccontextmanager
async def run_on_small_disks(folder: Path) -> AsyncIterator[Stack]:
    """A stack whose data and WAL are each on a small file system."""
    home = folder / "p"
    data, wal = home / "postgres", home / "wal"
    with mounted(data, DATA_MEGABYTES), mounted(wal, WAL_MEGABYTES):
        store = Store(home, open_postgres)
        await store.start()
        await store.stop()
        await asyncio.to_thread(move_wal, data / "data" / "pg_wal", wal)
        async with run_stack(folder) as stack:
            yield stack


class mounted:  # noqa: N801 - reads as a verb at its place
    """A tmpfs of so many megabytes at the path."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path, self.megabytes = path, megabytes

    def __enter__(self) -> None:
        self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.path.parent.chmod(0o711)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", self.path], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self.path], check=True)


def move_wal(wal: Path, disk: Path) -> None:
    """Put the WAL of a stopped server onto the other disk."""
    owner = wal.stat()
    new = disk / "pg_wal"
    shutil.copytree(wal, new)
    for path in (disk, new, *new.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    shutil.rmtree(wal)
    wal.symlink_to(new)


async def fill_disk(stack: Stack, disk: str) -> str:
    """Fill it, keep it so for a while, and make room again. A supervisor starts a Postgres that gave up."""
    ballast = stack.folder / "p" / disk / "ballast"
    await asyncio.to_thread(fill, ballast)
    refused, until = len(stack.journal.answers), time.monotonic() + FULL_SECONDS
    try:
        while time.monotonic() < until:
            if disk == "wal":
                await ask_for_segment(stack)
            await asyncio.sleep(0.2)
    finally:
        ballast.unlink()
    ended = await restart_if_ended(stack.stores.postgres)
    if not any(answer.is_fair_refusal for answer in stack.journal.answers[refused:]):
        raise FaultFailed("nothing was refused: the disk was not full")
    return "Postgres ended and was started again" if ended else "Postgres went on"


async def ask_for_segment(stack: Stack) -> None:
    """Begin a new piece of WAL: those that were made in advance would last for minutes."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await stack.stores.sql("SELECT pg_switch_wal()")


def fill(ballast: Path) -> None:
    """Write until nothing goes any more."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)) == 1 << 20:
            pass
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


async def restart_if_ended(store: Store) -> bool:
    """Whether it had ended. One that tries to recover by itself gets a moment to say so."""
    for _ in range(20):
        if store.has_ended:
            with suppress(EmbeddedFailed):
                await store.stop()
            await store.start()
            return True
        await asyncio.sleep(0.1)
    return False


FAULTS = (
    Fault("the disk under the data is full", partial(fill_disk, disk="postgres")),
    Fault("the disk under the WAL is full", partial(fill_disk, disk="wal")),
)
