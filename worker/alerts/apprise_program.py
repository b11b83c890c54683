"""The program in which Apprise runs: a process of its own, without our environment, that forks one child for each message.

Apprise opens its connections by itself. So the child lets Python ask before each of them (an audit hook, which no library can
take away): only the address itself counts, whatever name it came from, and the child neither starts programs nor writes
files. The clock of the kernel ends it when its time is over.

A line of JSON in for each message, a line of JSON out for each that came to an end: worker/alerts/apprise_process.py.
"""

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from types import FrameType
from typing import Any

from common.alerts.addresses import AllowList

ANSWER_BYTES = 3_000
TOLD_BYTES = 1_800  # as JSON less than a pipe takes at once (4,096), so that lines of two children never mix
MEMORY_BYTES = 1_024 * 1_024 * 1_024
PLACES = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"}
NEVER = {
    "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.forkpty", "os.remove",
    "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree",
    "ctypes.dlopen", "ftplib.connect", "telnetlib.Telnet.open", "webbrowser.open",
}  # fmt: skip
DETAILS = "Response Details:"  # what Apprise's log calls the answer
ERROR, DEBUG = logging.ERROR, logging.DEBUG


class Refused(Exception):
    """Apprise was about to do what it may not."""


def make_hook(allow: str, pinned: set[str], note: Callable[[str], None]) -> Callable[[str, tuple[Any, ...]], None]:
    """What Python calls before it does something. `pinned` are addresses that were checked for the host of the URL."""
    allowed = AllowList.parse(allow)

    def refuse(why: str) -> None:
        note(why)
        raise Refused(why)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NEVER:
            refuse(f"Apprise may not do this here: {event}")
        if event == "open" and is_writing(arguments):
            refuse("Apprise may write no files here")
        if event in PLACES and not may_speak_to(arguments[1], allowed, pinned):
            refuse("it leads to an address that is not public: name it in MAYDAY_ALERTS_ALLOW if that is meant")

    return hook


def is_writing(arguments: tuple[Any, ...]) -> bool:
    """Whether a file is opened for writing, as `open` (by its mode) and `os.open` (by its flags) tell it."""
    path, mode, flags = arguments
    writes = any(char in (mode or "") for char in "wax+") or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return writes and path != os.devnull


def may_speak_to(place: Any, allowed: AllowList, pinned: set[str]) -> bool:
    """Whether a socket may be connected to this place: an address, never a name or a file."""
    if place is None:  # a socket that is connected
        return True
    if not isinstance(place, tuple) or not isinstance(place[0], str):
        return False
    try:
        address = ip_address(place[0].partition("%")[0])
    except ValueError:
        return False
    return str(address) in pinned or allowed.allows("", address)


class Told(logging.Handler):
    """Keeps what Apprise says of the answer: its errors, and the beginning of what the service said."""

    def __init__(self) -> None:
        super().__init__(DEBUG)
        self.words: list[str] = []
        self.details = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if DETAILS in text:
            self.details = text.partition(DETAILS)[2].strip()[:ANSWER_BYTES]
        elif record.levelno > DEBUG + 10:
            self.words.append(text[:ANSWER_BYTES])


def notify(request: dict[str, Any]) -> tuple[bool, str]:
    """Whether the service took the message, and what was told of it."""
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(
        app_id="Mayday", app_desc="Mayday", app_url="", storage_mode="memory", http_redirects=False, async_mode=False,
        interpret_escapes=False, interpret_emojis=False, image_url_mask="", image_url_logo="", image_path_mask="",
    )  # fmt: skip
    # `add` would take several URLs with commas between them, and our list of services has seen the first alone
    service = Apprise.instantiate(request["url"], asset=asset)
    if service is None:
        return False, "Apprise knows no service by this URL: see docs/alerts.md for its form"
    with listening_to_apprise() as told:
        sent = Apprise(service, asset=asset).notify(
            title=request["title"], body=request["body"], notify_type=request["type"], body_format="text"
        )
    return bool(sent), " ".join([*told.words[-2:], told.details]).strip() or ("accepted" if sent else "refused")


@contextmanager
def listening_to_apprise() -> Iterator[Told]:
    logger, told = logging.getLogger("apprise"), Told()
    logger.setLevel(DEBUG)
    logger.propagate = False
    logger.addHandler(told)
    try:
        yield told
    finally:
        logger.removeHandler(told)


def send(request: dict[str, Any]) -> tuple[bool, str]:
    """The same, and from now on this process may speak to nobody else: for a child."""
    refusals: list[str] = []
    sys.addaudithook(make_hook(request["allow"], set(request["pinned"]), refusals.append))
    accepted, told = notify(request)
    return (False, refusals[0]) if refusals else (accepted, told)


def answer(request: dict[str, Any]) -> bytes:
    """The line that goes out for it."""
    try:
        accepted, told = send(request)
    except Exception as error:  # noqa: BLE001 - a library's: its text may hold the URL
        accepted, told = False, f"failed: {type(error).__name__}"
    shown = "".join(char if char.isprintable() else " " for char in told)
    cut = shown.encode(errors="ignore")[:TOLD_BYTES].decode(errors="ignore")
    return json.dumps({"id": request["id"], "accepted": accepted, "told": cut}, ensure_ascii=False).encode() + b"\n"


def serve_one(line: bytes) -> None:
    """In a child: send, answer and end, within the time that the request has."""
    request = json.loads(line)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.write(1, answer(request))


def reap(_signal: int, _frame: FrameType | None) -> None:
    """Let children that ended go."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def load() -> None:
    """All of Apprise, once: children have it from here."""
    from apprise import Apprise

    Apprise().add("slack://")  # finds the plugins


def main() -> None:
    """Fork for each line until there are no more; then end those that are left."""
    logging.disable(logging.NOTSET)
    logging.getLogger().addHandler(logging.NullHandler())
    logging.lastResort = None
    load()  # where nobody compiled it yet, compiling takes most of ten seconds: what comes of that is kept
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            try:
                serve_one(line)
            finally:
                os._exit(0)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
