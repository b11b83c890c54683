"""Delivery: what is due is sent once, a receiver that fails keeps no other waiting, what nobody takes is told as dead."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from common.alerts.channels import add_channel, remove_channel
from common.alerts.kinds import webhook
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.rule_rows import add_rule
from common.alerts.rules import RuleTerms
from common.sealing import Sealer, make_secret_key
from common.transitions import Noted, note_transitions
from tests.conftest import Service
from worker.alerts import delivery
from worker.alerts.delivery import Deliverer, wait_seconds

TAKEN = Receipt(True, False, "200")
SEALER = Sealer.of(SecretStr(make_secret_key()))


@dataclass(slots=True)
class Sent:
    """Stands for what sends: it says what a test wants, and notes what it was given."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    messages: list[tuple[str, Message]] = field(default_factory=list)

    async def send(self, channel: OpenedChannel, message: Message, *, attempt: int) -> Receipt:  # noqa: ARG002
        self.messages.append((channel.name, message))
        await asyncio.sleep(0)
        return self.receipts.get(channel.name, TAKEN)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(name, message.kind) for name, message in self.messages]


@dataclass(slots=True)
class Place:
    service: Service
    project_id: UUID
    channels: dict[str, UUID]
    sent: Sent
    deliverer: Deliverer

    async def note(self, *names: str, subject: UUID | None = None) -> None:
        """Changes, each in a transaction."""
        for name in names:
            async with self.service.tools.engine.begin() as connection:
                noted = [Noted("pattern", subject or uuid4(), name, {"title": name})]
                await note_transitions(connection, self.project_id, noted)

    async def deliver(self) -> None:
        """All that is due now."""
        while due := await self.deliverer.find_due():
            for project_id, channel_id in due:
                await self.deliverer.serve(project_id, channel_id)

    async def states(self) -> list[str]:
        return [
            row.state for row in await self.service.execute("SELECT state FROM notifications ORDER BY made_at, due_at")
        ]

    async def pass_time(self, seconds: float) -> None:
        statement = """
            UPDATE notifications SET attempt_at = attempt_at - make_interval(secs => :seconds),
                   due_at = due_at - make_interval(secs => :seconds), ended_at = ended_at - make_interval(secs => :seconds)
        """
        await self.service.execute(statement, seconds=seconds)
        self.deliverer.rests.clear()


@pytest.fixture
async def place(service: Service) -> Place:
    """A project with an armed rule for two channels."""
    project, sent, channels = await service.project(), Sent(), {}
    async with service.tools.engine.begin() as connection:
        for name in ("one", "two"):
            config = webhook.make({"url": f"https://{name}.example"})
            made = await add_channel(
                connection, SEALER, project.id, name=name, kind="webhook", config=config, hint="", max_per_hour=5
            )
            assert made is not None
            channels[name] = made
        terms = RuleTerms.model_validate({"when": ["new", "undelivered"], "throttle_minutes": 0})
        await add_rule(connection, project.id, "rule", terms, channels=list(channels.values()), is_armed=True)
    deliverer = Deliverer(service.tools.engine, sent, SEALER, service.settings)
    return Place(service, project.id, channels, sent, deliverer)


async def test_each_channel_gets_each_message_once_in_order(place: Place) -> None:
    await place.note("new", "new")
    await place.deliver()
    await place.deliver()
    assert sorted(place.sent.kinds) == [("one", "new")] * 2 + [("two", "new")] * 2
    own = [message.happened_at for name, message in place.sent.messages if name == "one"]
    assert own == sorted(own)
    assert place.sent.messages[0][1].project == "default"
    assert place.sent.messages[0][1].lines[-1] == "Rule: rule"


async def test_a_receiver_that_takes_nothing_is_left_alone_and_keeps_no_other_waiting(place: Place) -> None:
    place.sent.receipts["one"] = Receipt(False, True, "503 busy")
    await place.note(*["new"] * 4)
    await place.deliver()
    assert place.sent.kinds.count(("two", "new")) == 4
    assert place.sent.kinds.count(("one", "new")) == delivery.FAILURES_IN_A_ROW
    assert place.channels["one"] in place.deliverer.rests
    place.sent.receipts.clear()
    await place.pass_time(60)
    await place.deliver()
    assert await place.states() == ["sent"] * 8
    [row] = await place.service.execute("SELECT last_failure FROM alert_channels WHERE name = 'one'")
    assert row.last_failure == "503 busy"


async def test_what_a_receiver_refuses_for_good_or_takes_not_in_a_day_is_dead_and_told(place: Place) -> None:
    place.sent.receipts["one"] = Receipt(False, False, "410 gone")
    await place.note("new")
    await place.deliver()
    assert ("two", "undelivered") in place.sent.kinds
    [told] = await place.service.execute("SELECT facts FROM transitions WHERE name = 'undelivered'")
    assert told.facts["told"] == "410 gone"
    place.sent.receipts["one"] = Receipt(False, True, "503 busy")
    await place.note("new")
    await place.deliver()
    await place.pass_time(delivery.DEAD_AFTER_SECONDS + 1)
    await place.deliver()
    assert len(await place.service.execute("SELECT 1 FROM transitions WHERE name = 'undelivered'")) == 2
    left = await place.service.execute("SELECT changes -> 0 ->> 'name' AS name FROM notifications WHERE state = 'due'")
    assert [row.name for row in left] == ["undelivered"]  # to the channel that takes nothing


async def test_beyond_its_hour_a_channel_hears_how_many_were_held_back_even_when_nothing_more_comes(
    place: Place,
) -> None:
    await place.note(*["new"] * 5)
    await place.deliver()
    await place.note("new", "new")
    await place.deliver()
    assert (await place.states()).count("held") == 4
    assert place.sent.kinds.count(("one", "new")) == 5
    await place.pass_time(3_601)
    await place.deliver()
    held = [message for _, message in place.sent.messages if message.kind == "held"]
    assert [message.title for message in held] == ["2 alerts were held back: more than 5 within an hour"] * 2
    assert (await place.states()).count("reported") == 4


async def test_what_was_owed_to_a_channel_that_is_gone_ends(place: Place) -> None:
    await place.note("new")
    async with place.service.tools.engine.begin() as connection:
        await remove_channel(connection, place.project_id, place.channels["one"])
    await place.deliver()
    assert sorted(await place.states()) == ["dead", "sent"]


async def test_what_cannot_be_put_into_words_keeps_no_other_waiting(place: Place) -> None:
    await place.note("new")
    await place.service.execute("""UPDATE notifications SET changes = jsonb_set(changes, '{0,facts}', '{"tags": 7}')""")
    await place.note("new")
    await place.deliver()
    assert sorted(await place.states()) == ["dead", "dead", "sent", "sent"]


async def test_a_channel_whose_secrets_cannot_be_read_waits_for_the_key(place: Place) -> None:
    await place.note("new")
    right, place.deliverer.sealer = place.deliverer.sealer, Sealer([])
    await place.deliver()
    assert await place.states() == ["due", "due"]
    place.deliverer.sealer = right
    await place.pass_time(delivery.LONGEST_WAIT_SECONDS)
    await place.deliver()
    assert await place.states() == ["sent", "sent"]


async def test_what_was_muted_before_it_was_sent_is_not_sent_and_the_rest_of_a_message_is(place: Place) -> None:
    muted, heard = uuid4(), uuid4()
    async with place.service.tools.engine.begin() as connection:
        noted = [Noted("pattern", one, "new", {"title": str(one)}) for one in (muted, heard)]
        await note_transitions(connection, place.project_id, noted)
    statement = """
        INSERT INTO alert_mutes (project_id, mute_id, made_at, until, made_by, subject_id)
        VALUES (:project_id, :mute_id, now(), now() + interval '1 hour', 'key', :subject_id)
    """
    await place.service.execute(statement, project_id=place.project_id, mute_id=uuid4(), subject_id=muted)
    await place.note("new", subject=muted)
    await place.deliver()
    told = [[one["subject_id"] for one in message.facts["changes"]] for _, message in place.sent.messages]
    assert told == [[str(heard)]] * 2
    assert sorted(await place.states()) == ["muted", "muted", "sent", "sent"]


async def test_two_deliverers_send_each_message_once(place: Place) -> None:
    await place.note(*["new"] * 5)
    others = [Deliverer(place.deliverer.engine, place.sent, SEALER, place.service.settings) for _ in range(3)]
    await asyncio.gather(
        *[one.serve(place.project_id, channel) for one in others for channel in place.channels.values()]
    )
    ids = [str(message.notification_id) for _, message in place.sent.messages]
    assert len(ids) == len(set(ids)) == 10


def test_the_wait_doubles_to_its_longest_and_heeds_what_the_receiver_asks() -> None:
    failed: Any = Receipt(False, True, "")
    waits = [wait_seconds(attempts, failed) for attempts in (1, 2, 3, 30)]
    assert 1.6 <= waits[0] <= 2.4
    assert 3.2 <= waits[1] <= 4.8
    assert waits[3] <= delivery.LONGEST_WAIT_SECONDS * 1.2
    assert wait_seconds(1, Receipt(False, True, "", retry_after_seconds=77.0)) == 77.0
