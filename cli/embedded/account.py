"""Who the embedded servers run as, and the folder that they may use.

Postgres refuses to run as root. As root both servers run as `nobody`; where `nobody` cannot reach the state folder or
the programs (a checkout in /root, say), they get a folder under /var/lib, and a copy of the programs in it. Nothing
outside those folders changes its permissions.
"""

import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_SOCKET_PATH_BYTES = 90  # the kernel takes 107 on Linux, 103 on macOS; Postgres adds .s.PGSQL.5432
ROOT_FOLDER = Path("/var/lib/mayday")
PR_SET_PDEATHSIG = 1


class EmbeddedFailed(Exception):
    """An embedded server cannot run. The text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers keep their files and sockets, and as whom they run (None: as we do)."""

    folder: Path
    sockets: Path
    user: str | None

    def own(self, path: Path) -> Path:
        """Make a folder that only the servers' user can enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)
        elif path.stat().st_uid != os.geteuid():
            owner = name_of(path.stat().st_uid)
            raise EmbeddedFailed(
                f"{path} belongs to {owner}: run as {owner}, give a folder of your own as MAYDAY_HOME, or chown it"
            )
        return path

    def reachable(self, package: Path, version: str) -> Path:
        """The folder of a package, or a copy of it where the servers' user cannot reach the original.

        Copies of one version stand side by side, since binaries look for libraries beside their package.
        """
        if self.user is None or can_reach(package, self.user):
            return package
        copy = self.folder / f"programs-{version}" / package.name
        if not copy.exists():
            copy.parent.mkdir(mode=0o755, exist_ok=True)
            new = copy.with_name(copy.name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(package, new, symlinks=True)
            subprocess.run(["chmod", "-R", "u=rwX,go=rX", new], check=True)
            new.rename(copy)
        return copy


def settle_place(home: Path) -> Place:
    """Choose user and folders. Raises EmbeddedFailed."""
    user = "nobody" if os.geteuid() == 0 else None
    folder = home.resolve()
    if user is not None:
        folder.chmod(0o711)
        if not can_reach(folder, user):
            ROOT_FOLDER.mkdir(mode=0o711, exist_ok=True)
            folder = ROOT_FOLDER / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
            folder.mkdir(mode=0o711, exist_ok=True)
    return Place(folder, short_folder(folder), user)


def short_folder(folder: Path) -> Path:
    """Where the sockets go: in the folder, or, when that is too deep for a socket, in the system's temporary one."""
    if len(os.fsencode(folder / "run" / ".s.PGSQL.5432.lock")) <= MAX_SOCKET_PATH_BYTES:
        return folder / "run"
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"mayday-{os.geteuid()}-{digest}"
    if short.is_symlink():
        raise EmbeddedFailed(f"{short} is a link that Mayday did not make: remove it")
    return short


def can_reach(path: Path, user: str) -> bool:
    """Whether the user, with no groups but its own, may enter every folder down to `path`."""
    account = pwd.getpwnam(user)
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


def start(
    place: Place, command: Sequence[str | Path], log: IO[bytes], dying_wish: signal.Signals
) -> subprocess.Popen[bytes]:
    """Run a server as the place's user, out of reach of the terminal's Ctrl-C; it gets `dying_wish` when we die."""
    account = pwd.getpwnam(place.user) if place.user else None
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=place.folder,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        start_new_session=True,
        preexec_fn=follow_parent(dying_wish),  # noqa: PLW1509 - nothing else runs in threads yet
    )


def follow_parent(wish: signal.Signals) -> Callable[[], None] | None:
    """Ask the kernel to send `wish` to the child when its parent dies, however that happens. Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, wish) and None


def wait_until(is_up: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait for a server to answer. Raises EmbeddedFailed with the last lines of its log."""
    until = time.monotonic() + seconds
    while not is_up():
        if process.poll() is not None or time.monotonic() > until:
            state = "does not answer" if process.returncode is None else f"ended with {process.returncode}"
            process.kill()
            lines = log.read_text(errors="replace").splitlines()[-8:]
            raise EmbeddedFailed("\n".join([f"{log.parent.name} {state}; its log {log} ends with:", *lines]))
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], wish: signal.Signals, seconds: float) -> None:
    """Ask the server to end, and end it when it does not."""
    if process.poll() is None:
        process.send_signal(wish)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
