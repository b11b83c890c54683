"""How much smaller answers are in the codings that clients ask for, and that they are made once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from api.reads import answer_cache, http
from common import cache
from common.compression import Encoding, compress_as
from common.settings import Settings
from dev.bench.error_samples import make_error, make_templates
from tests.conftest import Project, run_service

CODINGS = ("gzip", "br", "zstd")
LISTED, ERRORS = 600, 3_000


@pytest.fixture
async def project(settings: Settings) -> AsyncIterator[Project]:
    """One with hundreds of patterns, all of them listed."""
    async with run_service(settings.model_copy(update={"patterns_max_listed": LISTED})) as service:
        project = await service.project()
        rng, kinds = random.Random(7), [*make_templates(7), *make_templates(8)]
        errors = [make_error(rng, kinds[n % len(kinds)], datetime.now(UTC)) for n in range(ERRORS)]
        for start in range(0, ERRORS, 1_000):
            await project.send(*errors[start : start + 1_000])
        await service.run_worker()
        yield project


async def read_coded(project: Project, path: str, coding: str) -> tuple[int, bytes]:
    """Bytes on the wire, and the body that they unpack to."""
    async with project.read.stream("GET", path, headers={"Accept-Encoding": coding}) as answer:
        assert answer.headers.get("Content-Encoding", "identity") == coding
        wire = b"".join([piece async for piece in answer.aiter_raw()])
    return len(wire), httpx.Response(200, headers=answer.headers, content=wire).content


async def test_patterns_shrink_by_three_quarters_and_recent_errors_by_two_thirds_and_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, least, least_bytes in (("/api/errors/patterns", 0.75, 250_000), ("/api/errors/recent", 0.65, 4_000)):
        plain, body = await read_coded(project, path, "identity")
        assert plain > least_bytes
        for coding in CODINGS:
            coded, unpacked = await read_coded(project, path, coding)
            print(f"{path}: {plain:,} bytes, as {coding} {1 - coded / plain:.1%} fewer")  # noqa: T201
            assert json.loads(unpacked) == json.loads(body)
            assert 1 - coded / plain >= least
    for module, name in ((cache, "compress"), (http, "compress"), (answer_cache, "compress_as")):
        monkeypatch.setattr(module, name, None)  # whoever calls it again fails
    for path in ("/api/errors/patterns", "/api/errors/recent"):
        for coding in CODINGS:
            assert (await read_coded(project, path, coding))[0] > 0


async def test_an_answer_is_made_in_the_codings_that_are_asked_for_and_in_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []

    def note(encoding: Encoding, body: bytes) -> bytes:
        made.append((encoding, len(body)))
        return compress_as(encoding, body)

    monkeypatch.setattr(answer_cache, "compress_as", note)
    small, large = "/api/errors/recent?limit=3", "/api/errors/patterns?window=6h&order=new"
    for path in (small, large):
        plain, _ = await read_coded(project, path, "identity")
        assert (plain > answer_cache.LARGE_BYTES) is (path == large)
        await asyncio.gather(*[read_coded(project, path, coding) for coding in ("br", "br", "zstd") * 3])
        assert sorted(made) == [("br", plain), ("zstd", plain)]
        made.clear()
