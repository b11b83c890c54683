"""The guarded client speaks to nobody whom it may not speak to: a listener hears nothing, whatever the URL looks like."""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from common.alerts.addresses import AllowList
from common.alerts.targets import Target, read_web_url
from tests.worker.alerts.receiving import MESSAGE, OK, Authority, make_channel, names, receiving, sender_to
from worker.alerts.guarded_client import AddressRefused, Guard, GuardedBackend, GuardedClient, make_tls

# How an attacker writes this machine and its neighbours. {port} is that of a listener on 127.0.0.1.
FORMS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fd00::1]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://public.example@127.0.0.1:{port}/",
    "http://public.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@public.example/",
    "http://127.0.0.1:{port}#@public.example/",
    "http://127.0.0.1:{port}%23@public.example/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://localhost\u00ad:{port}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http://\t127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\r\nHost: public.example\r\n\r\n",
    "gopher://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "HTTP://127.0.0.1:{port}/",
    "http://a.rebinding.example:{port}/",
]


@pytest.mark.parametrize("form", FORMS)
async def test_no_form_of_a_private_address_is_spoken_to(form: str) -> None:
    resolve = names({"a.rebinding.example": [["127.0.0.1"]]})
    async with receiving() as local:
        url = form.format(port=local.port)
        for resolver in (None, resolve):
            try:
                channel = make_channel("webhook", url=url)
            except ValueError:
                continue
            receipt = await sender_to("", resolver).send(channel, MESSAGE, attempt=1)
            assert not receipt.accepted
        assert local.connections == 0


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.169.254", "168.63.129.16", "fd00:ec2::254"],
)  # fmt: skip
async def test_a_name_that_leads_to_a_private_network_is_refused(address: str) -> None:
    guard = Guard(AllowList(), names({"hooks.example": [address]}))
    with pytest.raises(AddressRefused, match="MAYDAY_ALERTS_ALLOW"):
        await guard.pin("hooks.example", 443)


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """A name that leads elsewhere when it is asked again is not asked again."""
    async with receiving() as first, receiving(host="127.0.0.2") as second:
        resolve = names({"hooks.example": [["127.0.0.1"], ["127.0.0.2"]]})
        channel = make_channel("webhook", url=f"http://hooks.example:{first.port}/")
        assert (await sender_to("127.0.0.1", resolve).send(channel, MESSAGE, attempt=1)).accepted
        assert first.headers()["host"] == f"hooks.example:{first.port}"
        assert second.connections == 0


async def test_a_name_that_turns_private_between_two_messages_is_refused_the_second_time() -> None:
    async with receiving() as local:
        resolve = names({"hooks.example": [["127.0.0.1"], ["127.0.0.2"]]})
        sender = sender_to("127.0.0.1", resolve)
        channel = make_channel("webhook", url=f"http://hooks.example:{local.port}/")
        assert (await sender.send(channel, MESSAGE, attempt=1)).accepted
        assert "not public" in (await sender.send(channel, MESSAGE, attempt=2)).told
        assert local.connections == 1


async def test_of_several_addresses_only_those_that_are_allowed_are_tried() -> None:
    async with receiving() as local, receiving(host="127.0.0.2") as other:
        resolve = names({"hooks.example": ["127.0.0.2", "127.0.0.1"]})
        channel = make_channel("webhook", url=f"http://hooks.example:{local.port}/")
        assert (await sender_to("127.0.0.1", resolve).send(channel, MESSAGE, attempt=1)).accepted
        assert other.connections == 0


async def test_an_address_that_takes_no_connections_gives_way_to_the_next() -> None:
    async with receiving() as local:
        resolve = names({"hooks.example": ["127.0.0.9", "127.0.0.1"]})
        channel = make_channel("webhook", url=f"http://hooks.example:{local.port}/")
        assert (await sender_to("127.0.0.0/24", resolve).send(channel, MESSAGE, attempt=1)).accepted


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with receiving() as elsewhere:
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        async with receiving(answer.encode()) as local:
            channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
            receipt = await sender_to().send(channel, MESSAGE, attempt=1)
            assert (receipt.accepted, elsewhere.connections, local.connections) == (False, 0, 1)
            assert "redirects are not followed" in receipt.told


async def test_tls_asks_for_the_name_and_checks_its_certificate_though_the_address_is_connected_to(
    tmp_path: Path,
) -> None:
    authority = Authority.make(tmp_path)
    resolve = names({"hooks.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    async with receiving(tls=authority.server("hooks.example")) as local:
        sender = sender_to("127.0.0.1", resolve, authority.client())
        good, wrong = (
            make_channel("webhook", url=f"https://{name}:{local.port}/") for name in ("hooks.example", "other.example")
        )
        assert (await sender.send(good, MESSAGE, attempt=1)).accepted
        assert local.names == ["hooks.example"]
        refused = await sender.send(wrong, MESSAGE, attempt=1)
        assert "certificate" in refused.told
        assert len(local.requests) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with receiving(tls=authority.server("hooks.example")) as local:
        sender = sender_to("127.0.0.1", names({"hooks.example": ["127.0.0.1"]}), make_tls())
        channel = make_channel("webhook", url=f"https://hooks.example:{local.port}/")
        assert "certificate" in (await sender.send(channel, MESSAGE, attempt=1)).told
        assert local.requests == []


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as local:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        assert (await sender_to().send(channel, MESSAGE, attempt=1)).accepted
        assert (proxy.connections, local.connections) == (0, 1)


async def post(answer: bytes, *, seconds: float = 5.0) -> tuple[int, bytes]:
    async with receiving(answer) as local:
        client = GuardedClient(Guard(AllowList.parse("127.0.0.1")), make_tls)
        got = await client.post(read_web_url(f"http://127.0.0.1:{local.port}/"), b"{}", {}, seconds=seconds)
        return got.status, got.body


async def test_of_an_answer_without_end_only_the_beginning_is_taken() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 5_000_000
    assert await post(endless) == (200, b"x" * 4_096)


async def test_a_packed_answer_is_not_unpacked() -> None:
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    assert await post(packed) == (200, b"\x1f\x8b\x08\x00")


async def test_an_answer_that_comes_a_byte_at_a_time_ends_at_the_deadline() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            while not writer.is_closing():
                writer.write(b".")
                with suppress(ConnectionError):
                    await writer.drain()
                await asyncio.sleep(0.05)
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        client = GuardedClient(Guard(AllowList.parse("127.0.0.1")), make_tls)
        target = read_web_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await client.post(target, b"{}", {}, seconds=0.2)
        assert time.monotonic() - began < 1.5


async def test_a_name_service_that_hangs_ends_at_the_deadline() -> None:
    async def hang(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    client = GuardedClient(Guard(AllowList(), hang), make_tls)
    with pytest.raises(TimeoutError):
        await client.post(Target("http", "hooks.example", 80, "/"), b"{}", {}, seconds=0.1)


async def test_sockets_of_this_machine_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AddressRefused):
        await GuardedBackend(Guard(AllowList.parse("127.0.0.1"))).connect_unix_socket(str(tmp_path / "socket"))


async def test_other_protocols_get_a_socket_to_a_checked_address_alone() -> None:
    async with receiving() as local:
        allowed, strict = (
            Guard(AllowList.parse(allow), names({"mail.example": ["127.0.0.1"]})) for allow in ("127.0.0.1", "")
        )
        connection = await allowed.connect("mail.example", local.port)
        assert connection.getpeername() == ("127.0.0.1", local.port)
        connection.close()
        before = local.connections
        with pytest.raises(AddressRefused):
            await strict.connect("mail.example", local.port)
        assert local.connections == before


async def test_the_system_is_asked_where_no_test_says_otherwise() -> None:
    assert "127.0.0.1" in await Guard(AllowList.parse("127.0.0.1")).pin("localhost", 80)
    with pytest.raises(socket.gaierror):
        await Guard(AllowList()).pin("no-such-name.invalid", 80)


async def test_control_without_the_guard_the_listener_hears_the_attacker() -> None:
    """That nobody connected proves something only where somebody would have."""
    async with receiving(OK) as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        assert (await sender_to("127.0.0.1").send(channel, MESSAGE, attempt=1)).accepted
        assert local.connections == 1
