"""Bugsink with issues in it and somebody signed in, as its documentation says how to run it on one server.

It is a program of others: installed from PyPI into a venv of its own, started and asked over HTTP, and no part of Mayday.
"""

import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from json import loads
from pathlib import Path
from subprocess import CalledProcessError

import httpx

from dev.bench.curve import tell
from dev.bench.load import get
from dev.bench.processes import Server, free_port, wait_for

PINNED = "bugsink==2.6.2"
DIGEST_SECONDS = 600.0
INSTALL_SECONDS = 600
# What its documentation has done in forms: a project, and somebody who may see it. Prints the DSN's key and a session.
FURNISH = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import get_user_model, login, BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from projects.models import Project, ProjectMembership
from teams.models import Team
user = get_user_model().objects.create_superuser(username='bench', email='bench@example.org', password='bench')
team = Team.objects.create(name='bench')
project = Project.objects.create(name='bench', slug='bench', team=team, retention_max_event_count=10**6)
ProjectMembership.objects.create(project=project, user=user, role=1, accepted=True)
session = import_module(settings.SESSION_ENGINE).SessionStore()
session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                HASH_SESSION_KEY: user.get_session_auth_hash()})
session.create()
print('made', project.pk, project.sentry_key.hex, session.session_key)
"""
COUNT = """
from events.models import Event
from issues.models import Issue
print('has', Issue.objects.count(), Event.objects.count())
"""


@dataclass(frozen=True, slots=True)
class IssueList:
    """The list of issues of a running Bugsink, and the request for it."""

    server: Server
    request: bytes
    version: str
    issues: int
    page_bytes: int


class Bugsink:
    """One installation in a folder."""

    def __init__(self, home: Path, folder: Path, port: int) -> None:
        self.home, self.folder, self.port = home, folder, port
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "PYTHONPATH": str(folder),
            "DJANGO_SETTINGS_MODULE": "bugsink_conf",
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        }

    def run(self, name: str, *arguments: str) -> str:
        """What a command of its own prints. Raises CalledProcessError."""
        return subprocess.run(
            [str(self.home / "bin" / name), *arguments], cwd=self.folder, env=self.environment, check=True, text=True,
            capture_output=True, timeout=INSTALL_SECONDS,
        ).stdout  # fmt: skip

    def ask(self, code: str, word: str) -> list[str]:
        """What a line of its shell says after the word."""
        found = re.search(rf"^{word} (.*)$", self.run("bugsink-manage", "shell", "-c", code), re.MULTILINE)
        if found is None:
            raise SystemExit("Bugsink's shell says nothing")
        return found[1].split()

    def start(self, stack: ExitStack, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [str(self.home / "bin" / name), *arguments], cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(end, process)
        return process


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def install(folder: Path, home: str) -> Path | None:
    """Where it is installed; None, with a line that says so, where it cannot be."""
    place = Path(home).resolve() if home else folder / "venv"
    if not (place / "bin" / "bugsink-manage").exists():
        tell(f"installing {PINNED}")
        venv.create(place, with_pip=True)
        done = subprocess.run(
            [str(place / "bin" / "pip"), "install", "--quiet", PINNED],
            check=False, capture_output=True, timeout=INSTALL_SECONDS,
        )  # fmt: skip
        if done.returncode:
            print(f"Bugsink is left out: {PINNED} does not install here", file=sys.stderr)
            return None
    return place


def open_list(stack: ExitStack, folder: Path, home: str, errors: Sequence[bytes]) -> IssueList | None:
    """Its list of issues, of these errors as a Sentry SDK would send them; it ends with the stack. None where it does not
    install. Exits when it does not store them, or does not show the list."""
    place = install(folder, home)
    if place is None:
        return None
    bugsink = Bugsink(place, folder, free_port())
    try:
        made = furnish(bugsink, stack)
    except CalledProcessError as error:
        raise SystemExit(f"Bugsink: {error.stderr[-2000:]}") from error
    project, key, session = made
    gunicorn = bugsink.start(
        stack, "gunicorn", f"--bind=127.0.0.1:{bugsink.port}", "--workers=1", "--access-logfile", "-", "bugsink.wsgi"
    )
    wait_for(bugsink.port, gunicorn)
    send(bugsink, project, key, errors)
    issues = wait_until_digested(bugsink, len(errors))
    path, cookie = f"/issues/{project}/", f"sessionid={session}"
    headers = {"Cookie": cookie, "X_Forwarded_Proto": "https", "Accept_Encoding": "gzip, deflate, br, zstd"}
    page = look(bugsink, path, {name.replace("_", "-"): value for name, value in headers.items()})
    request = get(path, **headers).replace(b"Host: bench", b"Host: localhost")
    return IssueList(
        Server(gunicorn.pid, bugsink.port), request, bugsink.run("bugsink-show-version").strip(), issues, page
    )


def furnish(bugsink: Bugsink, stack: ExitStack) -> list[str]:
    """Settings, tables, the process that digests; its project, the DSN's key and a session."""
    bugsink.run("bugsink-create-conf", "--template=singleserver", "--host=localhost", f"--base-dir={bugsink.folder}")
    bugsink.run("bugsink-manage", "migrate")
    bugsink.run("bugsink-manage", "migrate", "snappea", "--database=snappea")
    made = bugsink.ask(FURNISH, "made")
    bugsink.start(stack, "bugsink-runsnappea")
    return made


def send(bugsink: Bugsink, project: str, key: str, errors: Sequence[bytes]) -> None:
    """Each error as an event."""
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7", "Host": "localhost"}
    with httpx.Client(base_url=f"http://127.0.0.1:{bugsink.port}", headers=headers, timeout=60) as client:
        for error in errors:
            client.post(f"/api/{project}/store/", json=event_of(loads(error))).raise_for_status()


def event_of(error: Mapping[str, object]) -> dict[str, object]:
    """What a Sentry SDK says of it; what makes it one issue is its type with its message and where it was raised, so that each
    pattern becomes an issue of its own here too."""
    place = re.sub(r"\d+", "0", str(error["message"]))
    frames = [{"filename": f"{error['service']}.py", "function": place, "lineno": 1, "in_app": True}]
    value = {"type": f"{error['error_type']}", "value": place, "stacktrace": {"frames": frames}}
    return {
        "platform": "python", "level": error["severity"], "timestamp": error["timestamp"], "release": error["release"],
        "environment": error["environment"], "exception": {"values": [value]}, "transaction": error["service"],
    }  # fmt: skip


def wait_until_digested(bugsink: Bugsink, events: int) -> int:
    """How many issues there are once all events are in them. Exits when they do not get there."""
    until = time.monotonic() + DIGEST_SECONDS
    while time.monotonic() < until:
        issues, digested = map(int, bugsink.ask(COUNT, "has"))
        if digested >= events:
            return issues
        tell(f"Bugsink has digested {digested:,} of {events:,} events")
        time.sleep(15)  # each look is a program of its own
    raise SystemExit("Bugsink does not digest what it was sent")


def look(bugsink: Bugsink, path: str, headers: Mapping[str, str]) -> int:
    """Bytes of the page on the wire. Exits when it is none of issues."""
    with httpx.stream(
        "GET", f"http://127.0.0.1:{bugsink.port}{path}", headers={**headers, "Host": "localhost"}, timeout=60
    ) as answer:
        size = sum(map(len, answer.iter_raw()))
        if answer.status_code != 200:
            raise SystemExit(f"Bugsink answers {answer.status_code} for its list: {answer.headers}")
    return size
