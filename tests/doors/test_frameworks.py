"""What docs/frameworks.md says to write, as it stands there, under the real frameworks: what fails is stored once, titled by
its own message.

A program and FastAPI in every run; `./mayday test doors` adds Flask, Django, Celery and Express.
"""

import asyncio
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from common.settings import ROOT
from tests.doors.conftest import Door
from tests.doors.installing import environment_of, install_javascript, only_in_long_form, run
from tests.flow.test_sending import read_block

SECONDS = 60
# What each program below does, whatever its framework: type, message, and what was logged with it.
FAILED = ("OrderFailed", "order 4711 has no total")
IN_BACKGROUND = ("MailRefused", "mail to ann was refused")
LOGGED = ("KeyError", "'total'", "could not read order 4711")
AT_THE_END = ("StockLost", "stock could not be saved")

WAYS = """
import logging


class OrderFailed(Exception): ...
class MailRefused(Exception): ...
class StockLost(Exception): ...


def fail(): raise OrderFailed("order 4711 has no total")
def fail_in_background(): raise MailRefused("mail to ann was refused")
def fail_at_the_end(): raise StockLost("stock could not be saved")
def log_failure():
    try:
        {}["total"]
    except KeyError:
        logging.getLogger("shop.orders").exception("could not read order %d", 4711)
"""


def recipe_of(framework: str) -> str:
    """The program under this heading of the page."""
    page = (ROOT / "docs/frameworks.md").read_text()
    [found] = re.findall(rf"^## {framework}\n.*?^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the sender, and the ways to fail."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "mayday_handler.py").write_text(read_block("python"))
    (folder / "mayday.mjs").write_text(read_block("javascript"))
    (folder / "ways.py").write_text(WAYS)
    return folder


def keys_of(door: Door) -> dict[str, str]:
    return {"MAYDAY_URL": door.url, "MAYDAY_INGEST_KEY": door.ingest_key}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def program(*command: object, folder: Path, door: Door) -> AsyncIterator[asyncio.subprocess.Process]:
    """It runs, and is told to end, which it does by itself."""
    environment = environment_of(**keys_of(door))
    process = await asyncio.create_subprocess_exec(*map(str, command), cwd=folder, env=environment)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ask(port: int, *paths: str) -> list[int]:
    """The statuses, of a server that may be about to start."""
    transport = httpx.AsyncHTTPTransport(retries=30, limits=httpx.Limits(max_keepalive_connections=0))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=SECONDS, transport=transport
    ) as client:
        return [(await client.get(path)).status_code for path in paths]


async def check(door: Door, *expected: tuple[str, ...]) -> None:
    """Each of them is there once, with its trace, and nothing else."""
    errors = await door.errors()
    assert sorted((one["error_type"], one["message"]) for one in errors) == sorted(one[:2] for one in expected)
    assert all(one["stack_trace"] and one["service"] == "shop" and one["release"] == "1.2" for one in errors)
    by_type = {one["error_type"]: one for one in errors}
    for kind, _, *logged in expected:
        assert not logged or [by_type[kind]["context"]["logged"]] == logged


async def test_a_program_tells_what_is_logged_what_ends_a_thread_and_what_ends_it(door: Door, shop: Path) -> None:
    (shop / "app.py").write_text(
        recipe_of("A program")
        + "import threading, ways\n"
        + "ways.log_failure()\n"
        + "logging.getLogger('shop').error('%d of them', 'none')\n"
        + "thread = threading.Thread(target=ways.fail_in_background); thread.start(); thread.join()\n"
        + "if os.fork() == 0:\n    try: ways.fail()\n    except ways.OrderFailed: logging.exception('in a child')\n"
        + "    mayday.close(); os._exit(0)\n"
        + "os.wait()\n"
        + "ways.fail_at_the_end()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "app.py", cwd=shop, env=environment_of(**keys_of(door)), stderr=asyncio.subprocess.PIPE
    )
    _, shown = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 1
    assert b"StockLost: stock could not be saved" in shown
    assert b"MailRefused: mail to ann was refused" in shown
    assert b"mayday:" not in shown
    errors = await door.errors()
    assert {(one["error_type"], one["message"]) for one in errors} == {
        LOGGED[:2], (None, "%d of them"), IN_BACKGROUND, FAILED, AT_THE_END
    }  # fmt: skip
    assert len(errors) == 5
    severities = {one["error_type"]: one["severity"] for one in errors}
    assert (severities["StockLost"], severities["KeyError"]) == ("critical", "error")


FASTAPI = """
import asyncio, ways
from fastapi import BackgroundTasks

@app.get("/fail")
def fail(): ways.fail()

@app.get("/background")
def background(tasks: BackgroundTasks): tasks.add_task(ways.fail_in_background)

@app.get("/logged")
def logged(): ways.log_failure()
"""
SERVER = ("-m", "uvicorn", "app:app", "--port")
IN_PROCESS = "import uvicorn\nif __name__ == '__main__': uvicorn.run(app, port={port}, log_config=None)\n"


@pytest.mark.parametrize("way", ["by its command", "in a program, with its loggers left alone"])
async def test_fastapi_tells_what_fails_in_a_request_and_after_it_and_when_it_ends(
    door: Door, shop: Path, way: str
) -> None:
    port = free_port()
    recipe, at_the_end = recipe_of("FastAPI"), "# what the app does at its end"
    assert at_the_end in recipe
    program_of = recipe.replace(at_the_end, "import ways; ways.fail_at_the_end()") + FASTAPI
    command: tuple[object, ...] = (*SERVER, port)
    if way != "by its command":
        command, program_of = ("app.py",), program_of + IN_PROCESS.format(port=port)
    (shop / "app.py").write_text(program_of)
    async with program(sys.executable, *command, folder=shop, door=door):
        assert await ask(port, "/fail", "/background", "/logged") == [500, 200, 200]
    errors = [(one["error_type"], one["message"]) for one in await door.errors()]
    # uvicorn may say the trace of what failed at the end once more, as a text
    assert sorted(one for one in errors if one[0]) == sorted([FAILED, IN_BACKGROUND, LOGGED[:2], AT_THE_END])


FLASK = """
import threading, ways

@app.route("/fail")
def fail(): ways.fail()

@app.route("/background")
def background():
    thread = threading.Thread(target=ways.fail_in_background); thread.start(); thread.join()
    return "ok"

@app.route("/logged")
def logged():
    ways.log_failure()
    return "ok"

client = app.test_client()
for path in ("/fail", "/background", "/logged"):
    client.get(path)
"""
DJANGO = """
import threading, ways
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import Client
from django.urls import path

def fail(_request): ways.fail()

def background(_request):
    thread = threading.Thread(target=ways.fail_in_background); thread.start(); thread.join()
    return HttpResponse("ok")

def logged(_request):
    ways.log_failure()
    return HttpResponse("ok")

urlpatterns = [path("fail", fail), path("background", background), path("logged", logged)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="unused", LOGGING=LOGGING, DEBUG=False)
application = get_wsgi_application()
import logging
logging.getLogger().handlers[0].catch_unhandled()
client = Client(raise_request_exception=False)
for path_asked in ("/fail", "/background", "/logged"):
    client.get(path_asked)
"""
AT_EXIT = "ways.fail_at_the_end()\n"


@only_in_long_form
@pytest.mark.parametrize(("framework", "routes"), [("Flask", FLASK), ("Django", DJANGO)])
async def test_flask_and_django_tell_what_fails_in_a_request_beside_it_and_at_the_end(
    door: Door, shop: Path, installed_python: Path, framework: str, routes: str
) -> None:
    (shop / "app.py").write_text(recipe_of(framework) + routes + AT_EXIT)
    with pytest.raises(AssertionError, match="StockLost"):
        await run([installed_python, "app.py"], shop, **keys_of(door))
    await check(door, FAILED, IN_BACKGROUND, LOGGED, AT_THE_END)


CELERY = """
import ways
app.conf.update(broker_url="filesystem://", broker_transport_options={
    "data_folder_in": "queue", "data_folder_out": "queue", "processed_folder": "done"}, task_ignore_result=True)

@app.task(name="fail")
def fail(): ways.fail()

@app.task(name="mail")
def mail(): ways.fail_in_background()

@app.task(name="logged")
def logged(): ways.log_failure()
"""


@only_in_long_form
async def test_a_worker_of_celery_tells_what_fails_in_its_tasks(door: Door, shop: Path, installed_python: Path) -> None:
    for folder in ("queue", "done"):
        (shop / folder).mkdir()
    (shop / "app.py").write_text(recipe_of("Celery") + CELERY)
    sent = "import app; [task.delay() for task in (app.fail, app.mail, app.logged)]"
    await run([installed_python, "-c", sent], shop, **keys_of(door))
    worker = (installed_python, "-m", "celery", "-A", "app", "worker", "--concurrency", "2", "--pool", "prefork")
    async with program(*worker, folder=shop, door=door):
        until = asyncio.get_running_loop().time() + SECONDS
        while len(await door.errors()) < 3 and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.5)
    await check(door, FAILED, IN_BACKGROUND, LOGGED)


EXPRESS_ROUTES = """
class OrderFailed extends Error { name = "OrderFailed"; }
class MailRefused extends Error { name = "MailRefused"; }
class StockLost extends Error { name = "StockLost"; }
app.get("/fail", () => { throw new OrderFailed("order 4711 has no total"); });
app.get("/later", async () => { throw new MailRefused("mail to ann was refused"); });
"""
EXPRESS_END = """
app.use((error, _request, response, _next) => response.status(500).send("failed"));
const server = app.listen(0, "127.0.0.1", async () => {
  for (const path of ["fail", "later"]) await fetch(`http://127.0.0.1:${server.address().port}/${path}`);
  setTimeout(() => { throw new StockLost("stock could not be saved"); }, 10);
});
"""


@only_in_long_form
async def test_express_tells_what_fails_in_a_request_and_what_ends_it(door: Door, shop: Path, tmp_path: Path) -> None:
    folder = await install_javascript(tmp_path / "javascript")
    shutil.copy(shop / "mayday.mjs", folder)
    (folder / "app.mjs").write_text(recipe_of("Express").replace("// the routes\n", EXPRESS_ROUTES) + EXPRESS_END)
    with pytest.raises(AssertionError, match="StockLost"):
        await run(["node", "app.mjs"], folder, **keys_of(door))
    await check(door, FAILED, IN_BACKGROUND, AT_THE_END)
