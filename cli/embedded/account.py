"""Who the embedded servers run as, and the folder that they may use.

Postgres refuses to run as root. As root both servers run as `nobody`; where `nobody` cannot reach the state folder or
the programs (a checkout in /root, say), they get a folder under /var/lib, and a copy of the programs in it. Nothing
outside those folders changes its permissions.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MAX_SOCKET_PATH_BYTES = 90  # the kernel takes 107 on Linux, 103 on macOS; Postgres adds .s.PGSQL.5432
ROOT_FOLDER = Path("/var/lib/mayday")
SERVERS_USER = "nobody"


class EmbeddedFailed(Exception):
    """An embedded server cannot run. The text is a sentence that says what to do.

    EmbeddedFailed
    ├── HomeTaken            another Mayday runs on this state folder
    ├── HomeUnusable         a folder cannot be written, or belongs to someone else
    ├── ProgramMissing       there is no server for this platform
    ├── DataOfAnotherRelease the data was made by another major release of Postgres
    └── ServerFailed         a server ended, or does not come up; the end of its log follows
    """


class HomeTaken(EmbeddedFailed):
    """Another Mayday runs on this state folder."""


class HomeUnusable(EmbeddedFailed):
    """A folder cannot be written, or belongs to someone else."""


class ProgramMissing(EmbeddedFailed):
    """There is no server for this platform."""


class DataOfAnotherRelease(EmbeddedFailed):
    """The data was made by another major release of Postgres."""


class ServerFailed(EmbeddedFailed):
    """A server ended, or does not come up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers keep their files and sockets, and as whom they run (None: as we do)."""

    folder: Path
    sockets: Path
    user: str | None

    def own(self, path: Path) -> Path:
        """Make a folder that only the servers' user can enter. Raises HomeUnusable when it is someone else's."""
        uid, gid = (os.geteuid(), -1) if self.user is None else pwd.getpwnam(self.user)[2:4]
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        refuse_foreign(path, {os.geteuid(), uid})
        # by descriptor, so that nobody can put a link in its place between the look and the change
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_uid != uid:
                os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
        return path

    def reachable(self, package: Path, version: str) -> Path:
        """The folder of a package, or a copy of it where the servers' user cannot reach the original.

        Copies of one version stand side by side, since binaries look for libraries beside their package.
        """
        if self.user is None or can_reach(package, self.user):
            return package
        copy = self.folder / f"programs-{version}" / package.name
        if not copy.exists():
            make_passable(copy.parent)
            new = copy.with_name(copy.name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(package, new, symlinks=True)
            subprocess.run(["chmod", "-R", "u=rwX,go=rX", new], check=True)
            new.rename(copy)
        return copy


def refuse_foreign(path: Path, owners: set[int]) -> None:
    """Raise HomeUnusable when the path is no folder, or is neither ours nor the servers'."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise HomeUnusable(f"{path} is a link or a file where Mayday keeps a folder: remove it")
    if found.st_uid not in owners:
        owner = name_of(found.st_uid)
        raise HomeUnusable(
            f"{path} belongs to {owner}: run as {owner}, give a folder of your own as MAYDAY_HOME, or chown it"
        )


def settle_place(home: Path) -> Place:
    """Choose user and folders. Raises HomeUnusable."""
    folder = home.resolve()
    if os.geteuid() != 0:
        return Place(folder, short_folder(folder), None)
    aside = ROOT_FOLDER / read_token(folder)
    is_reachable, has_data = can_reach(folder, SERVERS_USER), (folder / "postgres").exists()
    if has_data and not is_reachable:
        refuse_foreign(folder / "postgres", {0, pwd.getpwnam(SERVERS_USER).pw_uid})
        raise HomeUnusable(
            f"{SERVERS_USER}, as whom Postgres runs, can no longer pass the folders above {folder / 'postgres'}: "
            "let others pass them again (chmod o+x), or move the data away"
        )
    if not is_reachable or (not has_data and (aside / "postgres").exists()):
        folder = aside
    sockets = folder if fits_socket(folder / "run") else aside
    if aside in (folder, sockets):
        with explaining(ROOT_FOLDER):
            make_passable(ROOT_FOLDER)
            make_passable(aside)
    return Place(folder, sockets / "run", SERVERS_USER)


def read_token(home: Path) -> str:
    """What the home's folder under /var/lib is called. It is kept in the home: a new home on the same path, made after
    the old one was removed, does not find the old one's data without its keys."""
    file = home / "aside"
    with explaining(home):
        if not file.exists():
            file.write_text(secrets.token_hex(8))
        return file.read_text().strip()


def make_passable(folder: Path) -> Path:
    """Make a folder that others may pass but not list, whatever the umask; one that exists stays as it is."""
    try:
        folder.mkdir(mode=0o711, parents=True)
    except FileExistsError:
        return folder
    folder.chmod(0o711)
    return folder


@contextmanager
def explaining(folder: Path) -> Iterator[None]:
    """Turn what the system says about a folder into a sentence that says what to do."""
    try:
        yield
    except OSError as error:
        raise HomeUnusable(
            f"{folder} cannot be written ({error.strerror}): give a folder of your own as MAYDAY_HOME, "
            "or make this one yours with chown"
        ) from error


def fits_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432.lock")) <= MAX_SOCKET_PATH_BYTES


def short_folder(folder: Path) -> Path:
    """Where an ordinary user's sockets go: in the folder, or, when that is too deep for a socket, in a short one.

    That is in $XDG_RUNTIME_DIR, which nobody else enters, else in /tmp, where `own` refuses what others put there.
    """
    if fits_socket(folder / "run"):
        return folder / "run"
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    parents = [Path(p) for p in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()) if p]
    for parent in parents:
        short = parent / f"mayday-{os.geteuid()}-{digest}"
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK) and fits_socket(short):
            return short
    return Path("/tmp") / f"mayday-{os.geteuid()}-{digest}"  # noqa: S108 - own() looks whose it is


def can_reach(path: Path, user: str) -> bool:
    """Whether the user, with no groups but its own, may enter every folder down to `path`."""
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise HomeUnusable(
            f"there is no user {user} for the servers to run as: make one, or run Mayday as an ordinary user"
        ) from error
    return all(may_enter(folder.stat(), account) for folder in [path, *path.resolve().parents] if folder.is_dir())


def may_enter(status: os.stat_result, account: pwd.struct_passwd) -> bool:
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with the id {uid}"
