"""A URL says where Redis is and how to log in; by rediss:// the server must show a certificate of its own name, signed by
who the URL trusts."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from common.cache.connecting import make_redis, read_sentinel_url

OPENSSL = shutil.which("openssl") or ""
needs_openssl = pytest.mark.skipif(not OPENSSL, reason="there is no openssl here")


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    certificate, key = folder / "server.pem", folder / "server.key"
    request = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName={name}"
    subprocess.run(
        [OPENSSL, *request.split(), "-out", certificate, "-keyout", key], check=True, capture_output=True, timeout=30
    )
    return certificate, key


async def say_pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """To every command."""
    while data := await reader.read(4096):
        writer.write(b"+PONG\r\n" * data.count(b"*"))
    writer.close()


@asynccontextmanager
async def run_server(folder: Path, name: str) -> AsyncIterator[str]:
    """A TLS server on 127.0.0.1 whose certificate names `name`. Gives the URL that trusts it."""
    certificate, key = await asyncio.to_thread(make_certificate, folder, name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(say_pong, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}/0?ssl_ca_certs={certificate}"


async def ping(url: str) -> bool:
    async with make_redis(url, socket_timeout=5) as redis:
        return bool(await redis.ping())


@needs_openssl
async def test_a_certificate_of_this_name_is_taken(tmp_path: Path) -> None:
    async with run_server(tmp_path, "IP:127.0.0.1") as url:
        assert await ping(url)


@needs_openssl
async def test_one_of_another_name_is_refused_unless_the_url_says_so(tmp_path: Path) -> None:
    async with run_server(tmp_path, "DNS:elsewhere") as url:
        with pytest.raises(RedisConnectionError, match="certificate"):
            await ping(url)
        assert await ping(f"{url}&ssl_check_hostname=false")


@needs_openssl
async def test_one_that_nobody_trusted_signed_is_refused(tmp_path: Path) -> None:
    async with run_server(tmp_path, "IP:127.0.0.1") as url:
        with pytest.raises(RedisConnectionError, match="certificate"):
            await ping(url.partition("?")[0])


def test_the_url_names_sentinels_primary_and_login() -> None:
    assert read_sentinel_url("redis+sentinel://app:p%40ss@one:26380,two,[::1]:26381/main/2") == (
        [("one", 26380), ("two", 26379), ("::1", 26381)],
        "main",
        {"db": 2, "username": "app", "password": "p@ss"},
    )
    assert read_sentinel_url("redis+sentinel://one/main") == ([("one", 26379)], "main", {"db": 0})
