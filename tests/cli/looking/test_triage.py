"""`mayday resolve`, `ignore`, `reopen`: decided with an admin key, said with the pattern's title, and taken back."""

from datetime import UTC, datetime, timedelta

from tests.cli.conftest import ERROR, Mayday


async def test_a_pattern_is_resolved_ignored_and_reopened(mayday: Mayday) -> None:
    await mayday.project.send(ERROR | {"release": "1.2"})
    await mayday.service.run_worker()
    [pattern] = (await mayday.project.get("/api/errors/patterns"))["patterns"]
    name = pattern["id"][-8:]

    done = await mayday.run("resolve", name, "--in-next-release", "--note", "PR 812")
    assert done.stdout == f"resolved\t{pattern['id']}\t{pattern['title']}\n"
    assert done.stderr == f"taken back by: ./mayday reopen {name}\n"
    [decided] = await mayday.service.execute("SELECT decision, known_releases, note FROM decisions")
    assert tuple(decided) == ("resolved", ["1.2"], "PR 812")

    assert (await mayday.run("reopen", name)).stdout.startswith("open\t")
    assert (await mayday.run("ignore", name, "--for", "7d", "--errors", "100")).returncode == 0
    [decided] = await mayday.service.execute("SELECT decision, until, until_more FROM decisions")
    assert (decided.decision, decided.until_more) == ("ignored", 100)
    assert abs(decided.until - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=2)


async def test_a_key_that_may_not_and_what_goes_not_together_are_said_in_a_sentence(mayday: Mayday) -> None:
    await mayday.project.send(ERROR)
    await mayday.service.run_worker()
    [pattern] = (await mayday.project.get("/api/errors/patterns"))["patterns"]
    key = mayday.project.read.headers["Authorization"].removeprefix("Bearer ")
    status, said = await mayday.fail("resolve", pattern["id"], "--key", key)
    assert (status, "a key with the scope triage may" in said) == (1, True)
    status, said = await mayday.fail("resolve", pattern["id"], "--in-release", "1.3")
    assert (status, "no error of this project names its release" in said) == (1, True)
    status, said = await mayday.fail("ignore", pattern["id"], "--for", "soon")
    assert (status, "write 30min, 12h, 90d or 4w" in said) == (2, True)
