"""Who the embedded servers run as, and the folder that they may use.

Postgres refuses to run as root. As root both servers run as a user of their own (`user.py`); where that cannot reach the
state folder or the programs (a checkout in /root, say), they get a folder under /var/lib, and a copy of the programs in
it. Nothing outside those folders changes its permissions.
"""

import hashlib
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.embedded.failures import HomeUnusable
from cli.embedded.user import NUMBERS, User, can_reach, name_of, named_user, pick_user

MAX_SOCKET_PATH_BYTES = 90  # the kernel takes 107 on Linux, 103 on macOS; Postgres adds .s.PGSQL.5432
ROOT_FOLDER = Path("/var/lib/mayday")


@dataclass(frozen=True, slots=True)
class Location:
    """Where the servers keep their files and sockets, and as whom they run (None: as we do)."""

    folder: Path
    sockets: Path
    user: User | None

    def own(self, path: Path) -> Path:
        """Make a folder that only the servers' user can enter; one that was another's of ours (`nobody`'s, whom earlier
        releases ran as) is handed over with all in it. Raises HomeUnusable when it is someone else's."""
        uid, gid = self.user or (os.geteuid(), -1)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        refuse_foreign(path)
        # by descriptor, so that nobody can put a link in its place between the look and the change
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            with explaining(path):
                if os.fstat(descriptor).st_uid != uid:
                    hand_over(descriptor, uid, gid)
                os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
        return path

    @contextmanager
    def lend(self, path: Path) -> Iterator[User | None]:
        """Make a folder for a program to fill which asks for the name of its user, as initdb does: ours has none.

        Gives whom to run it as (None: as we do): `nobody`, but in the servers' group, which decides who passes the
        folder above, and whose memory can be looked into: no other process of `nobody` is in that group. On the
        way out all that it made is the servers'.
        """
        path.mkdir(mode=0o700)
        if self.user is None:
            yield None
            return
        os.chown(path.parent, 0, self.user.gid)
        path.parent.chmod(0o710)
        maker = User(named_user(), self.user.gid)
        os.chown(path, *maker)
        try:
            yield maker
        finally:
            self.own(path.parent)

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


def hand_over(descriptor: int, uid: int, gid: int) -> None:
    """Give an open folder to a user, with all in it that is not root's: our logs stay ours, and a link that somebody
    planted to a file of root's changes nothing. The folder itself comes last: what was interrupted is done again."""
    os.fchmod(descriptor, 0o700)
    os.fchown(descriptor, 0, -1)  # whoever had it can no longer pass it
    for _, folders, files, inner in os.fwalk(dir_fd=descriptor):
        for name in folders + files:
            if os.lstat(name, dir_fd=inner).st_uid != 0:
                os.chown(name, uid, gid, dir_fd=inner, follow_symlinks=False)
    os.fchown(descriptor, uid, gid)


def owners() -> set[int]:
    """Whose the folders of the state folder may be: ours, and as root those whom the servers run or ran as."""
    return {os.geteuid()} if os.geteuid() else {0, named_user(), *NUMBERS}


def refuse_foreign(path: Path) -> None:
    """Raise HomeUnusable when the path is no folder, or is neither ours nor the servers'."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise HomeUnusable(f"{path} is a link or a file where Mayday keeps a folder: remove it")
    if found.st_uid not in owners():
        owner = name_of(found.st_uid)
        raise HomeUnusable(
            f"{path} belongs to {owner}: run as {owner}, give a folder of your own as MAYDAY_HOME, or chown it"
        )


def settle_place(home: Path) -> Location:
    """Choose user and folders. Raises HomeUnusable."""
    folder = home.resolve()
    if os.geteuid() != 0:
        return Location(folder, short_folder(folder), None)
    aside = ROOT_FOLDER / read_token(folder)
    user = pick_user([folder / "postgres", aside / "postgres"], folder)
    is_reachable, has_data = can_reach(folder, user), (folder / "postgres").exists()
    if has_data and not is_reachable:
        refuse_foreign(folder / "postgres")
        raise HomeUnusable(
            f"Postgres, which runs as a user of its own, can no longer pass the folders above {folder / 'postgres'}: "
            "let others pass them again (chmod o+x), or move the data away"
        )
    if not is_reachable or (not has_data and (aside / "postgres").exists()):
        folder = aside
    sockets = folder if fits_socket(folder / "run") else aside
    if aside in (folder, sockets):
        with explaining(ROOT_FOLDER):
            make_passable(ROOT_FOLDER)
            make_passable(aside)
    return Location(folder, sockets / "run", user)


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
