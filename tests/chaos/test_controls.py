"""With a protection taken away the same harness must find what the protection prevents."""

from cli.embedded import temporary_home
from tests.chaos.run import Report, run_controls
from tests.chaos.stores import Stores


async def test_without_a_protection_the_harness_finds_what_it_prevents() -> None:
    report = Report()
    with temporary_home() as folder:
        async with await Stores.start(folder) as stores:
            await run_controls(stores, folder, report, print)
    assert report.controls["acknowledged before the commit"].lost > 0
    assert report.controls["no unique key"].duplicated > 0
