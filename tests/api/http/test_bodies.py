"""Request bodies: packed ones are unpacked under the limits, and what is wrong gets its own answer."""

import asyncio
import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import bodies
from common.compression import zstd
from common.settings import Settings
from tests.conftest import Service, run_service

BODY = b'{"errors": [{"service": "s", "severity": "error", "message": "packed"}]}'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", [None, *PACKERS])
def test_what_is_small_and_whole_is_unpacked_at_once(coding: str | None) -> None:
    packed = PACKERS[coding](BODY) if coding else BODY
    name = coding.encode() if coding else None
    assert bodies.unpack_at_once(packed, name, len(BODY)) == BODY
    assert bodies.unpack_at_once(packed, name, len(BODY) - 1) is None
    if coding:
        assert [bodies.unpack_at_once(one, name, 2**20) for one in (packed[:-1], packed + b"x", b"x")] == [None] * 3
        assert bodies.unpack_at_once(PACKERS[coding](bytes(2**22)), name, 2**20) is None


@pytest.mark.parametrize("coding", PACKERS)
async def test_every_coding_is_unpacked(service: Service, coding: str) -> None:
    project = await service.project()
    headers = {"Content-Encoding": coding}
    answer = await project.ingest.post("/api/errors/batch", content=PACKERS[coding](BODY), headers=headers)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("coding", PACKERS)
async def test_a_bomb_is_refused_while_it_is_small(settings: Settings, coding: str) -> None:
    small = settings.model_copy(update={"body_max_decoded_bytes": 100_000})
    async with run_service(small) as service:
        project = await service.project()
        bomb = PACKERS[coding](b" " * 30_000_000)
        assert len(bomb) < 100_000
        answer = await project.ingest.post("/api/errors/batch", content=bomb, headers={"Content-Encoding": coding})
        assert answer.status_code == 413
        assert "after decompression" in answer.json()["detail"]


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b + b"more", lambda _: b"not packed at all"])
async def test_a_body_that_is_not_what_it_says_is_refused(
    service: Service, coding: str, damage: Callable[[bytes], bytes]
) -> None:
    project = await service.project()
    headers = {"Content-Encoding": coding}
    answer = await project.ingest.post("/api/errors/batch", content=damage(PACKERS[coding](BODY)), headers=headers)
    assert answer.status_code == 422, answer.text


async def test_gzip_of_several_members_is_one_body(service: Service) -> None:
    project = await service.project()
    packed = b"".join(gzip.compress(BODY[place : place + 7]) for place in range(0, len(BODY), 7)) + gzip.compress(b"")
    answer = await project.ingest.post("/api/errors/batch", content=packed, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 201, answer.text


@given(st.lists(st.binary(max_size=3_000), min_size=1, max_size=6), st.integers(1, 5_000), st.integers(1, 5_000))
def test_members_are_unpacked_however_they_come_and_are_taken(parts: list[bytes], sent: int, room: int) -> None:
    decoder, unpacked = bodies.GzipDecoder(), b""
    packed = b"".join(map(gzip.compress, parts))
    for place in range(0, len(packed), sent):
        piece = decoder.feed(packed[place : place + sent], room)
        while piece:
            assert len(piece) <= room
            unpacked += piece
            piece = decoder.feed(b"", room)
    assert decoder.is_complete()
    assert unpacked == b"".join(parts)


async def test_members_that_bring_nothing_are_bounded(service: Service) -> None:
    project = await service.project()
    bomb = gzip.compress(b"") * (bodies.MEMBERS_MAX + 1)
    answer = await project.ingest.post("/api/errors/batch", content=bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 422


async def test_a_bomb_in_its_last_member_is_refused(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"body_max_decoded_bytes": 100_000})) as service:
        project = await service.project()
        bomb = gzip.compress(b"{") + gzip.compress(b" " * 30_000_000)
        answer = await project.ingest.post("/api/errors/batch", content=bomb, headers={"Content-Encoding": "gzip"})
        assert answer.status_code == 413


@pytest.mark.parametrize("header", ["compress", "gzip, gzip", "gzip, br", "snappy"])
async def test_unknown_and_doubled_codings_are_refused(service: Service, header: str) -> None:
    project = await service.project()
    headers = {"Content-Encoding": header}
    answer = await project.ingest.post("/api/errors/batch", content=gzip.compress(BODY), headers=headers)
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "gzip, zstd, br"


async def test_a_body_over_the_limit_is_refused(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"body_max_bytes": 1_000})) as service:
        project = await service.project()
        answer = await project.ingest.post("/api/errors/batch", content=b" " * 1_001)
        assert answer.status_code == 413
        assert "1,000 bytes as sent" in answer.json()["detail"]


async def test_another_media_type_is_refused(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.post("/api/errors/batch", content=BODY, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


async def test_what_is_held_of_all_bodies_is_bounded_and_one_alone_always_passes(settings: Settings) -> None:
    error = {"service": "shop", "severity": "error", "message": "m", "context": {"text": "x" * 50_000}}
    body = json.dumps({"errors": [error] * 10}).encode()  # more than the connection takes without the application
    async with run_service(settings.model_copy(update={"bodies_max_bytes": len(body) // 2})) as service:
        project = await service.project()
        path, is_held, half = "/api/errors/batch", asyncio.Event(), asyncio.Event()

        async def slow_body() -> AsyncIterator[bytes]:
            yield body[:-10]
            is_held.set()  # the application asks for more
            await half.wait()
            yield body[-10:]

        async def release() -> None:
            await is_held.wait()
            refused = await project.ingest.post(path, content=body)
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:mayday:problem:overloaded")
            assert "Retry-After" in refused.headers
            half.set()

        alone, _ = await asyncio.gather(project.ingest.post(path, content=slow_body()), release())
        assert alone.status_code == 201
        assert (await project.ingest.post(path, content=body)).status_code == 201


@pytest.mark.parametrize("coding", PACKERS)
async def test_what_a_bomb_unpacks_to_is_unpacked_beside_the_event_loop(
    service: Service, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    """All but its first piece, and that is small."""
    threads: list[threading.Thread] = []
    decoder = type(bodies.DECODERS[coding]())
    feed = decoder.feed

    def note(self: Any, data: bytes, room: int) -> bytes:
        threads.append(threading.current_thread())
        return feed(self, data, room)

    monkeypatch.setattr(decoder, "feed", note)
    project = await service.project()
    bomb = PACKERS[coding](b" " * 10_000_000)
    await project.ingest.post("/api/errors/batch", content=bomb, headers={"Content-Encoding": coding})
    mine = threading.current_thread()
    assert threads[0] is mine
    assert len(threads) > 10
    assert mine not in threads[1:]


@pytest.mark.parametrize("coding", ["identity", *PACKERS])
async def test_a_body_that_is_no_batch_is_refused_beyond_what_it_can_mean(service: Service, coding: str) -> None:
    """It is parsed at one turn of the event loop, whoever has a key."""
    project = await service.project()
    body = b"[" + b"[]," * 100_000 + b"[]]"
    content = PACKERS[coding](body) if coding in PACKERS else body
    for path in ("/api/budgets", "/api/deliverables", "/api/prices/overrides", "/api/prices/reprice"):
        answer = await project.admin.post(
            path, content=content, headers={"Content-Encoding": coding, "Content-Type": "application/json"}
        )
        assert answer.status_code == 413, path
        assert "65,536 bytes" in answer.json()["detail"]


async def test_the_largest_change_of_a_pattern_is_taken(service: Service) -> None:
    project = await service.project()
    note = json.dumps("\N{PILE OF POO}" * 2_000)
    apart = json.dumps([f"{number:016x}" for number in range(1_000)], indent=4)
    body = f'{{"split_off": {apart}, "note": {note}}}'
    answer = await project.admin.patch(
        f"/api/errors/patterns/{uuid4()}", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 404, answer.text
