"""Where a pattern went that no fingerprint is in any more, so that its id still answers."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.grouping.test_patterns import USERS, pattern_ids
from tests.worker.running import delete_old_rollups, fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, now_errors, rows, store
from worker.grouping.moves import find_moves, note_moves
from worker.grouping.patterns import update_patterns


async def moves(engine: AsyncEngine) -> dict[UUID, UUID]:
    found = await rows(engine, "SELECT pattern_id, moved_to FROM pattern_moves")
    return {UUID(str(pattern_id)): UUID(str(moved_to)) for pattern_id, moved_to in found}


async def test_it_is_known_where_a_pattern_went_that_was_swallowed(engine: AsyncEngine) -> None:
    await store(engine, now_errors(*(f"user {name} has no cart" for name in USERS[:2])))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    apart = await pattern_ids(engine)
    await store(engine, now_errors(*(f"user {name} has no cart" for name in USERS)))
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    [(_, home)] = (await pattern_ids(engine)).items()
    known = await moves(engine)
    assert len(known) == len(USERS) - 1  # those that nobody saw for longer than a run, too
    assert set(known.values()) == {home}
    assert set(apart.values()) - {home} <= set(known)


async def test_what_moved_twice_is_found_in_one_step_and_forgotten_with_its_home(engine: AsyncEngine) -> None:
    first, second, third = (UUID(int=number) for number in (1, 2, 3))
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    async with engine.begin() as connection:
        for before, now in ((first, second), (second, third)):
            await note_moves(connection, PROJECT, [(before, now, 1)])
        await note_moves(connection, OTHER_PROJECT, [(third, first, 1)])
    assert await moves(engine) == {first: third, second: third, third: first}
    await delete_old_rollups(engine, [PROJECT], 30)
    assert await moves(engine) == {third: first}  # the other project's; of this one nothing is left in `third`


async def test_a_pattern_that_comes_back_answers_for_itself(engine: AsyncEngine) -> None:
    first, second = UUID(int=1), UUID(int=2)
    async with engine.begin() as connection:
        await note_moves(connection, PROJECT, [(first, second, 1)])
        await note_moves(connection, PROJECT, [(second, first, 1)])
    assert await moves(engine) == {second: first}


def test_a_pattern_went_where_most_of_its_errors_are() -> None:
    old, small, large = (UUID(int=number) for number in (1, 2, 3))
    assert find_moves([(old, small, 4), (old, large, 3), (old, large, 2), (large, large, 9)]) == {old: large}
