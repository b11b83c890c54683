"""Patterns: like messages together, ids that stay, states that age, answers whose sums are exact at every moment."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import worker.grouping.patterns
from common.cache import Cache, answer_key
from common.cache.sealing import form_of
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, composing, counting, load_snapshot, store_snapshot
from common.snapshots.composing import compute_snapshot
from common.snapshots.schema import PatternsAnswer
from common.snapshots.windows import start_of_window
from tests.worker.running import find_patterns, fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, rows, scalar, store
from worker.counting.fingerprints import first_pattern_id
from worker.grouping.patterns import update_patterns
from worker.jobs import Tools
from worker.trends.judging import update_trends

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
NOW = datetime(2026, 11, 23, 14, 33, 20, tzinfo=UTC)


async def snapshot(engine: AsyncEngine, hours: int = 24, *, max_listed: int = 200) -> PatternsAnswer:
    chosen = Settings(database_url="postgresql://", patterns_max_listed=max_listed)
    return await compute_snapshot(engine, PROJECT, hours, chosen)


def assert_adds_up(answer: PatternsAnswer) -> None:
    assert sum(each.count for each in answer.by_severity) == answer.total
    assert sum(each.count for each in answer.by_service) == answer.total
    assert sum(each.count for each in answer.patterns) + answer.other.count == answer.total
    assert sum(each.count for each in answer.trends) == answer.total
    assert sum(each.count for each in answer.series) == answer.total
    for pattern in answer.patterns:
        assert sum(each.count for each in pattern.by_severity) == pattern.count
        assert sum(each.count for each in pattern.services) == pattern.count


async def pattern_ids(engine: AsyncEngine) -> dict[str, UUID]:
    found = await rows(engine, "SELECT title, pattern_id FROM patterns")
    return {str(title): UUID(str(pattern_id)) for title, pattern_id in found}


async def test_messages_that_differ_in_a_word_become_one_pattern(engine: AsyncEngine) -> None:
    await store(engine, now_errors(*(f"user {name} has no cart" for name in USERS), "disk full"))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    assert sorted(await pattern_ids(engine)) == ["disk full", "user <*> has no cart"]
    assert [(each.title, each.count) for each in (await snapshot(engine)).patterns] == [
        ("user <*> has no cart", 10),
        ("disk full", 1),
    ]


async def test_ids_stay_when_a_template_gets_wider(engine: AsyncEngine) -> None:
    await store(engine, now_errors("user alice has no cart", "disk full"))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    before = await pattern_ids(engine)
    await store(engine, now_errors(*(f"user {name} has no cart" for name in USERS)))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    after = await pattern_ids(engine)
    assert after == {
        "disk full": before["disk full"],
        "user <*> has no cart": before["user alice has no cart"],
    }


async def test_a_run_without_news_clusters_nothing_and_changes_nothing(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "no route to host"))
    await fold_deltas(engine, 48)
    assert await update_patterns(engine, PROJECT) == 2
    before = await rows(engine, "SELECT * FROM patterns ORDER BY pattern_id")
    assert await update_patterns(engine, PROJECT) == 0
    assert await rows(engine, "SELECT * FROM patterns ORDER BY pattern_id") == before


async def test_only_kinds_with_something_new_are_clustered_again(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", error_type="OSError") + now_errors("gone", error_type="KeyError"))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    await store(engine, now_errors("missing", error_type="KeyError"))
    await fold_deltas(engine, 48)
    assert await update_patterns(engine, PROJECT) == 2


async def test_a_pattern_is_new_for_a_day(engine: AsyncEngine) -> None:
    await store(engine, [*now_errors("disk full", "disk full", "disk full"), Error("no route to host", ago(hours=30))])
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    await update_trends(engine, PROJECT)
    told = {each.title: (each.state, each.trend) for each in (await snapshot(engine, 168)).patterns}
    assert told == {"disk full": ("new", "new"), "no route to host": ("ongoing", "steady")}


async def test_a_pattern_of_old_errors_is_not_called_new_before_it_is_scored(engine: AsyncEngine) -> None:
    await store(engine, [Error("yesterday", ago(hours=30)), Error("today", ago(hours=2))])
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    assert {(each.title, each.trend) for each in (await snapshot(engine, 168)).patterns} == {
        ("yesterday", "steady"),
        ("today", "new"),
    }


async def test_a_pattern_without_fingerprints_goes(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM fingerprints"))
    await update_patterns(engine, PROJECT)
    assert await scalar(engine, "SELECT count(*) FROM patterns") == 0


async def test_a_fingerprint_without_a_pattern_is_shown_under_the_id_that_it_keeps(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "disk full"))
    await fold_deltas(engine, 48)
    early = (await snapshot(engine)).patterns
    await update_patterns(engine, PROJECT)
    late = (await snapshot(engine)).patterns
    expected = first_pattern_id(PROJECT, Error("disk full").fingerprint)
    assert [(each.id, each.title, each.count, each.state) for each in early] == [(expected, "disk full", 2, "new")]
    assert [each.id for each in late] == [expected]


async def test_an_answer_holds_the_window_and_nothing_else(engine: AsyncEngine) -> None:
    errors = [Error("disk full", ago(hours=hours), severity=4) for hours in (0.2, 3, 20, 100, 300)]
    await store(engine, [*errors, *now_errors("disk full", project_id=OTHER_PROJECT)])
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    answers = [await snapshot(engine, hours) for hours in WINDOWS_HOURS]
    assert [(each.window, each.total) for each in answers] == [("1h", 1), ("6h", 2), ("24h", 3), ("7d", 4)]
    assert [(each.key, each.count) for each in answers[3].by_severity] == [("critical", 4)]
    assert len(answers[2].series) in (25, 26)


async def test_a_cut_list_says_what_it_leaves_out(engine: AsyncEngine) -> None:
    await store(engine, now_errors("a", "b", "b", "c", "c", "c"))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    answer = await snapshot(engine, max_listed=1)
    assert_adds_up(answer)
    assert [(each.title, each.count, each.share) for each in answer.patterns] == [("c", 3, 0.5)]
    assert (answer.other.patterns, answer.other.count) == (2, 3)
    assert [(each.trend, each.patterns, each.count) for each in answer.trends] == [("new", 3, 6)]
    assert [each.title for each in answer.trends[0].top] == ["c", "b", "a"]


async def test_nothing_at_all_is_an_answer(engine: AsyncEngine) -> None:
    answer = await snapshot(engine, 6)
    assert_adds_up(answer)
    assert (answer.total, answer.patterns, answer.lag_seconds) == (0, [], 0.0)


async def test_every_answer_adds_up_while_errors_are_folded(engine: AsyncEngine) -> None:
    stop = asyncio.Event()

    async def keep_folding() -> None:
        for n in range(30):
            await store(engine, now_errors(f"disk {'abcdefgh'[n % 8]} full", "gone", service=f"service-{n % 3}"))
            await fold_deltas(engine, 48)
            if n % 5 == 4:
                await update_patterns(engine, PROJECT)
        stop.set()

    folding = asyncio.create_task(keep_folding())
    totals = []
    while not stop.is_set():
        answer = await snapshot(engine, max_listed=3)
        assert_adds_up(answer)
        totals.append(answer.total)
    await folding
    assert totals == sorted(totals)
    assert (await snapshot(engine)).total == 60


async def test_errors_not_folded_yet_show_as_lag(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full"))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE deltas SET written_at = now() - interval '90 seconds'"))
    assert 85 < (await snapshot(engine)).lag_seconds < 120


def test_windows_begin_where_no_rollup_is_cut() -> None:
    assert start_of_window(NOW, 1) == datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
    assert start_of_window(NOW, 24) == datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    assert start_of_window(NOW, 168) == datetime(2026, 11, 16, 14, 0, tzinfo=UTC)


async def test_a_newer_snapshot_is_never_overwritten(engine: AsyncEngine) -> None:
    new = await snapshot(engine)
    old = new.model_copy(update={"computed_at": new.computed_at - timedelta(minutes=1), "lag_seconds": 60.0})
    async with engine.begin() as connection:
        kept = await store_snapshot(connection, PROJECT, 24, new)
        assert await store_snapshot(connection, PROJECT, 24, old) == kept  # so that the cache gets the newer one too
        assert await load_snapshot(connection, PROJECT, 24) == kept[1] == new.model_dump_json().encode()
        assert await load_snapshot(connection, PROJECT, 6) is None
        assert await load_snapshot(connection, OTHER_PROJECT, 24) is None


class FastClock(datetime):
    """A program's clock that is a day ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(days=1)


async def test_a_program_whose_clock_is_fast_keeps_no_later_answer_out(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of tomorrow was kept for a day, and trends and the longest window waited as long."""
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    with monkeypatch.context() as patch:
        for module in (worker.grouping.patterns, counting, composing):
            patch.setattr(module, "datetime", FastClock, raising=False)
        await find_patterns(tools.engine, tools.cache, tools.settings)
    assert await scalar(tools.engine, "SELECT count(*) FROM snapshots WHERE computed_at > now()") == 0
    await store(tools.engine, now_errors("disk empty"))
    await fold_deltas(tools.engine, 48)
    await find_patterns(tools.engine, tools.cache, tools.settings, slow_seconds=0)
    for hours in WINDOWS_HOURS:
        async with tools.engine.connect() as connection:
            kept = await load_snapshot(connection, PROJECT, hours)
        assert kept is not None
        assert PatternsAnswer.model_validate_json(kept).total == 2


async def test_every_window_is_kept_and_published(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    found = await find_patterns(tools.engine, tools.cache, tools.settings)
    assert (found["projects"], found["clustered"]) == (2, 1)
    generation = await tools.cache.generation(PROJECT, "patterns")
    for hours in WINDOWS_HOURS:
        async with tools.engine.connect() as connection:
            kept = await load_snapshot(connection, PROJECT, hours)
        cached = await tools.cache.get(
            answer_key(PROJECT, generation, "patterns", window_hours=hours, form=form_of(PatternsAnswer)), "identity"
        )
        assert kept is not None
        assert cached is not None
        assert kept == cached[2]
        assert PatternsAnswer.model_validate_json(cached[2]).total == 1


async def test_without_redis_patterns_are_kept_in_postgres(engine: AsyncEngine, settings: Settings) -> None:
    cache = Cache.connect(settings.model_copy(update={"redis_url": "unix:///nowhere/redis.sock"}))
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    await find_patterns(engine, cache, settings)
    assert await scalar(engine, "SELECT count(*) FROM snapshots") == 8
    await cache.close()


@pytest.mark.parametrize(("minutes", "projects"), [(5, 0), (120, 2)])
async def test_quiet_projects_are_looked_at_once_an_hour(tools: Tools, minutes: int, projects: int) -> None:
    await find_patterns(tools.engine, tools.cache, tools.settings)
    async with tools.engine.begin() as connection:
        await connection.execute(text("UPDATE snapshots SET computed_at = :then"), {"then": ago(minutes=minutes)})
    found = await find_patterns(tools.engine, tools.cache, tools.settings)
    assert found["projects"] == projects


KINDS = [
    *((f"disk {name} is full", None) for name in USERS),
    *((f"user {name} has no cart", "KeyError") for name in USERS),
    *((f"step {number} of {name} failed: code {number}", "StepFailed") for number, name in enumerate(USERS)),
    ("payload {} was refused", "ValueError"),
    ('payload {"id": 7} was refused', "ValueError"),
    ("dial tcp db:5432: refused", "NetError"),
    ("dial tcp cache:6379: refused", "NetError"),
    ('level=err msg="conflict" id=3', None),
]


async def test_a_new_version_of_fingerprints_keeps_ids_states_and_decisions(engine: AsyncEngine) -> None:
    """Errors of an older version, which had other fingerprints and texts, and the same errors again with those of today."""
    errors = [Error(message, ago(hours=30), error_type=kind) for message, kind in KINDS]
    await store(engine, errors)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE errors SET fingerprint = fingerprint # 12345"))
        await connection.execute(text("UPDATE deltas SET fingerprint = fingerprint # 12345"))
    await fold_deltas(engine, 48)
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE fingerprints SET version = 1, skeleton = 'old ' || skeleton, grouped_by = 'message'")
        )
        await connection.execute(text("UPDATE fingerprints SET pattern_id = gen_random_uuid()"))
        await connection.execute(WRITE_OLD_PATTERNS, {"project_id": PROJECT})
        pinned = await connection.scalar(text("SELECT pattern_id FROM fingerprints ORDER BY fingerprint LIMIT 1"))
        await connection.execute(PIN_OLD, {"project_id": PROJECT, "pattern_id": pinned})
    before = {one.fingerprint: await pattern_of(engine, one.fingerprint ^ 12345) for one in errors}
    await store(engine, [Error(message, ago(minutes=1), error_type=kind) for message, kind in KINDS])
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    found = await rows(engine, "SELECT pattern_id, moved_to FROM pattern_moves")
    moved: dict[object, object] = {one[0]: one[1] for one in found}
    after = {one.fingerprint: await pattern_of(engine, one.fingerprint) for one in errors}
    kept = sum(moved.get(before[one], before[one]) == after[one] for one in before)
    assert kept >= 0.99 * len(before)
    assert {await pattern_of(engine, one ^ 12345) for one in before} == set(after.values()), (
        "and the old ones are there too"
    )
    titles = await pattern_ids(engine)
    assert {"KeyError: user <*> has no cart", "disk <*> is full"} <= titles.keys()
    assert await scalar(engine, "SELECT count(*) FROM fingerprints WHERE version <> 2") == 0
    assert await scalar(engine, "SELECT count(*) FROM patterns WHERE trend = 'new'") == 0
    assert await update_patterns(engine, PROJECT) == 0, "once"


WRITE_OLD_PATTERNS = text("""
    INSERT INTO patterns (project_id, pattern_id, title, template, grouped_by, trend, first_seen, last_seen)
    SELECT project_id, pattern_id, title, skeleton, grouped_by, 'steady', first_seen, last_seen
    FROM fingerprints WHERE project_id = :project_id
""")
PIN_OLD = text("""
    INSERT INTO pins (project_id, fingerprint, pattern_id, pinned_at)
    SELECT project_id, fingerprint, :pattern_id, now() FROM fingerprints
    WHERE project_id = :project_id AND pattern_id = :pattern_id
""")


async def pattern_of(engine: AsyncEngine, fingerprint: int) -> object:
    return await scalar(engine, "SELECT pattern_id FROM fingerprints WHERE fingerprint = :one", one=fingerprint)
