"""As whom the embedded servers run when Mayday runs as root: a number that no account and no other process has.

Postgres refuses to run as root, and what runs as the same user may do what it likes with a server: connect, read its
files, stop it. So the servers share their user with nothing on the machine, `nobody` least of all, whom many use.
"""

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cli.embedded.failures import HomeUnusable

# systemd's list of users and groups has these as unused, and neither distributions nor `useradd` give them out; they
# are below 65,536, so that they exist in containers that map their users too.
NUMBERS = range(60_578, 61_184)


class User(NamedTuple):
    """A user and its only group, by their numbers."""

    uid: int
    gid: int


def pick_user(folders: Iterable[Path], seed: Path) -> User:
    """Whom one of the folders belongs to, when that is a number of ours still, else a number that nobody has.

    Where to begin looking follows from `seed`: state folders get different ones. Raises HomeUnusable.
    """
    for folder in folders:
        if folder.exists() and (uid := folder.lstat().st_uid) in NUMBERS and not has_account(uid):
            return User(uid, uid)
    first = int(hashlib.sha256(os.fsencode(seed)).hexdigest(), 16)
    running = users_of_processes()
    for step in range(len(NUMBERS)):
        uid = NUMBERS[(first + step) % len(NUMBERS)]
        if uid not in running and not has_account(uid):
            return User(uid, uid)
    raise HomeUnusable(
        f"the servers need a user of their own and every number from {NUMBERS[0]} to {NUMBERS[-1]} is taken: "
        "run Mayday as an ordinary user"
    )


def has_account(number: int) -> bool:
    """Whether a user or a group of this number is known here."""
    with suppress(KeyError):
        pwd.getpwuid(number)
        return True
    with suppress(KeyError):
        grp.getgrgid(number)
        return True
    return False


def users_of_processes() -> set[int]:
    """The numbers that processes run as, where /proc tells."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            found.add(folder.stat().st_uid)
    return found


def named_user() -> int:
    """A number that has a name and no rights: for programs that ask for the name of their user. Raises HomeUnusable."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError as error:
        raise HomeUnusable(
            "there is no user nobody, as whom initdb runs: make one, or run as an ordinary user"
        ) from error


def can_reach(path: Path, user: User) -> bool:
    """Whether the user may enter every folder down to `path`."""
    return all(may_enter(folder.stat(), user) for folder in [path, *path.resolve().parents] if folder.is_dir())


def may_enter(status: os.stat_result, user: User) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def name_of(uid: int) -> str:
    """The user's name, or words for one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with the id {uid}"
