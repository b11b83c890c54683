"""deploy/nginx/mayday.conf in a real nginx: TLS, and no request is lost while one API after the other is started again."""

import asyncio
import json
import os
import re
import ssl
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from common.settings import ROOT, Settings
from tests.attacks.proxies import find_program, free_port, until_open
from tests.conftest import Service
from tests.fleet.programs import make_key, running_api

CONFIGURATION = (ROOT / "deploy/nginx/mayday.conf").read_text()
NAME = "mayday.example.org"
ERROR = {"service": "shop", "severity": "error", "message": "payment failed"}


def make_certificate(folder: Path) -> None:
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    command = [find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)


def fill_in(folder: Path, port: int, upstreams: list[int]) -> str:
    """The file with these ports, and the certificate of `folder`."""
    text = CONFIGURATION.replace("/etc/ssl/mayday", str(folder)).replace("listen 443", f"listen 127.0.0.1:{port}")
    for place, upstream in enumerate(upstreams, 1):
        text = text.replace(f"127.0.0.1:800{place} ", f"127.0.0.1:{upstream} ")
    assert not re.search(r"127\.0\.0\.1:800\d", text)
    return text


@asynccontextmanager
async def nginx(folder: Path, upstreams: list[int]) -> AsyncIterator[int]:
    """nginx with the file in its `http`, as conf.d is. Gives its port."""
    make_certificate(folder)
    port = free_port()
    (folder / "mayday.conf").write_text(fill_in(folder, port, upstreams))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; worker_processes 1; pid {folder}/pid;"
        f" error_log stderr crit; events {{}} http {{ {temporary} include {folder}/mayday.conf; }}"
    )
    command = [find_program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await until_open(port, process)
        yield port
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def client_through(folder: Path, port: int, key: str) -> AsyncIterator[httpx.AsyncClient]:
    trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    headers = {"Authorization": f"Bearer {key}"}
    base = f"https://localhost:{port}"
    async with httpx.AsyncClient(base_url=base, verify=trust, headers=headers, timeout=30, trust_env=False) as client:
        yield client


async def post_until(client: httpx.AsyncClient, ended: asyncio.Event) -> Counter[int]:
    seen: Counter[int] = Counter()
    while not ended.is_set():
        batch = {"errors": [{**ERROR, "event_id": str(uuid4())}]}
        seen[(await client.post("/api/errors/batch", json=batch)).status_code] += 1
    return seen


async def test_no_request_fails_while_each_api_is_started_again(service: Service, tmp_path: Path) -> None:
    find_program("nginx")
    key = await make_key(service)
    for name in ("one", "two", "nginx"):
        (tmp_path / name).mkdir()
    async with (
        running_api(service, tmp_path / "one", shutdown_delay_seconds=1) as one,
        running_api(service, tmp_path / "two", shutdown_delay_seconds=1) as two,
        nginx(tmp_path / "nginx", [one.port, two.port]) as port,
        client_through(tmp_path / "nginx", port, key) as client,
    ):
        ended = asyncio.Event()
        posting = [asyncio.create_task(post_until(client, ended)) for _ in range(3)]
        for api in (one, two):
            await asyncio.sleep(0.5)
            await api.terminate()
            api.start()
            await api.wait_until_ready()
        ended.set()
        seen = sum(await asyncio.gather(*posting), Counter())
    assert seen.keys() == {201}
    assert seen[201] > 20
    assert await service.execute("SELECT count(*) FROM errors") == [(seen[201],)]


async def test_bodies_may_be_as_large_as_the_api_takes_and_no_larger(service: Service, tmp_path: Path) -> None:
    find_program("nginx")
    [limit] = re.findall(r"client_max_body_size (\d+)m;", CONFIGURATION)
    assert int(limit) * 2**20 == Settings.model_construct().body_max_bytes
    key = await make_key(service)
    async with (
        running_api(service, tmp_path) as api,
        nginx(tmp_path, [api.port, api.port]) as port,
        client_through(tmp_path, port, key) as client,
    ):
        for extra, status in ((0, 422), (1, 413)):  # as large as may be, and no JSON
            answer = await client.post("/api/errors/batch", content=b"x" * (int(limit) * 2**20 + extra))
            assert answer.status_code == status, answer.text


def test_a_connection_is_not_kept_longer_than_the_api_keeps_it() -> None:
    [kept] = re.findall(r"keepalive_timeout (\d+)s;", CONFIGURATION)
    assert int(kept) < Settings.model_construct().keep_alive_seconds


def test_only_what_is_stored_once_however_often_it_comes_may_be_sent_again() -> None:
    [pattern] = re.findall(r"location ~ (\S+) \{[^}]*non_idempotent;", CONFIGURATION)
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    posts = sorted(path for path, methods in paths.items() if "post" in methods and re.match(pattern, path))
    assert posts == ["/api/errors/batch", "/api/errors/log", "/api/usage/batch"]
    assert CONFIGURATION.count("non_idempotent;") == 1
