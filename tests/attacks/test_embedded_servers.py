"""Run by root, the embedded servers and their data are out of reach of every other user, `nobody` as well.

The attacker is a process of `nobody` on the same machine: it connects, reads, traces and sends signals.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import make_url

from cli.embedded import Servers, hold, start_servers, temporary_home
from cli.embedded.account import Location
from cli.embedded.user import NUMBERS, User

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only as root do the servers run as another user than we do"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and traces as Linux does"),
]

NOBODY = 65534
# Does as nobody what the arguments say, and prints for each what it came to: the name of an exception, or what it got.
ATTACKER = f"""
import ctypes, json, os, socket, struct, sys
os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY}); os.setresuid({NOBODY}, {NOBODY}, {NOBODY})

def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(path)
    return client

def ask_postgres(path):
    client, words = connect(path), b"user\\0mayday\\0database\\0postgres\\0\\0"
    client.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
    return client.recv(4096).decode(errors="replace")

def ask_valkey(path):
    client = connect(path)
    client.sendall(b"PING\\r\\n")
    return client.recv(64).decode()

def trace(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, int(pid), None, None) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")

def signal(pid):
    os.kill(int(pid), 0)

def look(path):
    return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(16).hex()

def attempt(what, aim):
    try:
        return globals()[what](aim)
    except OSError as error:
        return type(error).__name__

print(json.dumps([attempt(*part.split("=", 1)) for part in sys.argv[1:]]))
"""


def attempt(*attempts: str) -> list[object]:
    """What each of `what=aim` comes to when nobody does it."""
    run = subprocess.run([sys.executable, "-c", ATTACKER, *attempts], capture_output=True, text=True, check=True)
    return list(json.loads(run.stdout))


def refuse_all(attempts: list[str]) -> None:
    ended = dict(zip(attempts, attempt(*attempts), strict=True))
    assert ended == dict.fromkeys(attempts, "PermissionError")


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder / "home"


def postgres_socket(servers: Servers) -> Path:
    return Path(str(make_url(servers.database_url).query["host"])) / ".s.PGSQL.5432"


def valkey_socket(servers: Servers) -> Path:
    return Path(unquote(urlsplit(servers.redis_url).path))


def processes_of(servers: Servers) -> list[int]:
    children = Path(f"/proc/{servers.postgres_pid}/task/{servers.postgres_pid}/children").read_text().split()
    return [servers.postgres_pid, *map(int, children), servers.valkey_pid]


def test_nobody_reaches_no_socket_no_file_and_no_process_of_the_servers(home: Path) -> None:
    with start_servers(home) as servers:
        sockets = [f"ask_postgres={postgres_socket(servers)}", f"ask_valkey={valkey_socket(servers)}"]
        folders = [f"look={home / name}" for name in ("postgres", "valkey", "run", "postgres/data/PG_VERSION")]
        processes = [
            f"{what}={aim.format(pid)}"
            for pid in processes_of(servers)
            for what, aim in (("signal", "{}"), ("trace", "{}"), ("look", "/proc/{}/environ"), ("look", "/proc/{}/fd"))
        ]
        refuse_all([*sockets, *folders, *processes])


def test_postgres_refuses_all_but_root_when_its_folder_does_not(home: Path) -> None:
    with start_servers(home, has_valkey=False) as servers:
        socket = postgres_socket(servers)
        socket.parent.chmod(0o711)
        socket.chmod(0o777)
        (said,) = attempt(f"ask_postgres={socket}")
    assert "FATAL" in str(said)
    assert "eer authentication failed" in str(said)


def test_data_of_a_release_that_ran_as_nobody_is_taken_from_it(home: Path) -> None:
    with start_servers(home):
        pass
    for path in [*home.rglob("*")]:
        if path.parts[len(home.parts)] in ("postgres", "valkey", "run"):
            os.lchown(path, NOBODY, NOBODY)
    (home / "postgres/data/pg_hba.conf").write_text("local all all trust\n")
    assert attempt(f"look={home}/postgres/data/PG_VERSION") == [b"18\n".hex()]
    with start_servers(home) as servers:
        refuse_all([f"look={home}/postgres/data/PG_VERSION", f"ask_postgres={postgres_socket(servers)}"])
        left = [path for path in home.rglob("*") if path.lstat().st_uid == NOBODY]
        assert not left


def test_nobody_cannot_interfere_while_the_data_is_made(home: Path) -> None:
    """initdb asks for the name of its user, so it runs as nobody; what keeps others of that name out is its group."""
    home.mkdir(mode=0o711)
    place = Location(home, home / "run", User(NUMBERS[0], NUMBERS[0]))
    new = place.own(home / "postgres") / "data.new"
    with place.lend(new) as maker:
        assert maker is not None
        sleeper = subprocess.Popen(["sleep", "60"], user=maker.uid, group=maker.gid, extra_groups=[])
        subprocess.run(["touch", new / "file"], user=maker.uid, group=maker.gid, extra_groups=[], check=True)
        refuse_all(
            [f"look={path}" for path in (new, new.parent, f"/proc/{sleeper.pid}/environ", f"/proc/{sleeper.pid}/cwd")]
        )
        refuse_all([f"trace={sleeper.pid}"])
        sleeper.send_signal(signal.SIGKILL)
        sleeper.wait()
    assert {path.stat().st_uid for path in (new.parent, new, new / "file")} == {NUMBERS[0]}
    assert new.parent.stat().st_mode & 0o777 == 0o700


def test_nobody_can_hold_the_lock_of_the_state_folder(home: Path) -> None:
    home.mkdir()
    (home / "lock").touch(0o644)  # as earlier releases made it
    with hold(home):
        refuse_all([f"look={home / 'lock'}"])
    refuse_all([f"look={home / 'lock'}"])
