"""nginx, Caddy and HAProxy in front of a port, as they are usually set up, with connections that are kept for all."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

SECONDS_MAX = 20
# Debian puts nginx and HAProxy where only root's path leads
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(name: str) -> str:
    """Its path; the test is skipped where it is missing."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def nginx(folder: Path, port: int, upstream: int) -> list[str]:
    """With the lines that its documentation gives for WebSocket, and connections that are kept."""
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""}
        daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
        events {{ worker_connections 128; }}
        http {{
            access_log off; {temporary}
            map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            upstream mayday {{ server 127.0.0.1:{upstream}; keepalive 1; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://mayday; proxy_http_version 1.1;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
                }}
            }}
        }}""")
    return [find_program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "Caddyfile").write_text(f"""{{
        admin off
        auto_https off
        log {{
            level ERROR
        }}
    }}
    http://:{port} {{
        bind 127.0.0.1
        reverse_proxy 127.0.0.1:{upstream}
    }}""")
    return [find_program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def haproxy(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "haproxy.cfg").write_text(f"""
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    http-reuse always
frontend front
    bind 127.0.0.1:{port}
    default_backend mayday
backend mayday
    server one 127.0.0.1:{upstream}
""")
    return [find_program("haproxy"), "-db", "-q", "-f", str(folder / "haproxy.cfg")]


Proxy = Callable[[Path, int, int], list[str]]
PROXIES: list[Proxy] = [nginx, caddy, haproxy]


@asynccontextmanager
async def in_front(proxy: Proxy, folder: Path, upstream: int) -> AsyncIterator[int]:
    """The proxy in front of this port. Gives its own."""
    port = free_port()
    command = proxy(folder, port, upstream)
    home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=os.environ | home)
    try:
        await until_open(port, process)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until_open(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            assert process.returncode is None, "the proxy did not start"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
