"""What a rule tells of changes: the one evaluator, for what is sent and for what a preview says would have been. Pure.

Changes come in batches, those of one transaction together, in the order in which they happened. What the rule told before
is in its threads, one a subject: they are read, and changed, by each batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID, uuid5

from common.alerts.changes import Change
from common.alerts.gathering import Thread, Threads, end_of_windows, windows_of
from common.alerts.rules import Rule
from common.budgets.periods import find_zone


@dataclass(frozen=True, slots=True)
class Firing:
    """One message that the rule owes each of its channels, due at `due_at`. Where that is later than now, it is gathered:
    all firings of the rule that are due at that time are one message."""

    rule: Rule
    changes: tuple[Change, ...]
    fired_at: datetime
    due_at: datetime

    @property
    def is_gathered(self) -> bool:
        return self.due_at > self.fired_at

    def id_for(self, channel_id: UUID) -> UUID:
        """The id of the notification for this channel: the same whoever works it out, and however often."""
        what = self.due_at.isoformat() if self.is_gathered else str(self.changes[0].transition_id)
        return uuid5(self.rule.rule_id, f"{channel_id} {what}")


def evaluate(rule: Rule, batch: Sequence[Change], threads: Threads) -> Firing | None:
    """What the rule tells of a batch, if anything; changes the threads. `batch`: changes of one moment, at least one."""
    told = [change for change in order(batch) if is_told(rule, change, threads)]
    if not told:
        return None
    fired_at = batch[0].happened_at
    return Firing(
        rule, tuple(told), fired_at, find_due(rule, end_of_windows(told, fired_at, rule.gather_minutes, threads))
    )


def replay(rule: Rule, changes: Iterable[Change], threads: Threads) -> Iterator[Firing]:
    """All that the rule tells of changes, oldest first; those with one time came in one transaction."""
    for _, batch in groupby(changes, key=lambda change: change.happened_at):
        if firing := evaluate(rule, list(batch), threads):
            yield firing


def order(batch: Iterable[Change]) -> list[Change]:
    """Incidents before the patterns in them, else by their ids, which grow with time."""
    return sorted(batch, key=lambda change: (change.subject != "incident", change.transition_id))


def is_told(rule: Rule, change: Change, threads: Threads) -> bool:
    """Whether this change is told: the rule wants it, and has not just told of its subject or of the incident that it is
    part of; or it follows up on what was told."""
    thread = threads.get(change.subject_id)
    if change.facts.get("rule") not in (None, str(rule.rule_id)):
        return False
    if thread is not None and thread.is_open and change.ends(thread.name):
        threads[change.subject_id] = Thread(thread.fired_at, thread.name, thread.rank, is_open=False)
        return rule.follow_up or rule.wants(change)
    if thread is not None and thread.is_open and change.name == "worse":
        return rule.follow_up and is_worse(change, thread, threads)
    if not rule.wants(change) or is_part_of_told(change, threads):
        return False
    if thread is not None and is_throttled(rule, change, thread):
        return False
    threads[change.subject_id] = Thread(change.happened_at, change.name, change.rank(), is_open=True)
    return True


def is_throttled(rule: Rule, change: Change, thread: Thread) -> bool:
    """Whether the rule told of the subject too lately to tell of it again, when it is no worse than then."""
    is_alike = change.subject == "pattern" or change.name == thread.name
    is_late = change.happened_at >= thread.fired_at + timedelta(minutes=rule.throttle_minutes)
    return is_alike and not is_late and not (rule.follow_up and change.rank() > thread.rank)


def is_worse(change: Change, thread: Thread, threads: Threads) -> bool:
    """Whether an incident grew beyond what was told of it; then that is told now."""
    if change.rank() <= thread.rank:
        return False
    threads[change.subject_id] = Thread(thread.fired_at, thread.name, change.rank(), is_open=True)
    return True


def is_part_of_told(change: Change, threads: Threads) -> bool:
    """Whether a pattern is in an incident that was told and is not over: one incident is one thread."""
    if change.subject != "pattern" or change.incident_id is None:
        return False
    incident = threads.get(UUID(change.incident_id))
    return incident is not None and incident.is_open


def find_due(rule: Rule, at: datetime) -> datetime:
    """When what is to be sent at this moment is sent: then, at the digest's next time, after the quiet hours."""
    due = at
    if rule.digest is not None:
        due = next_local(due, rule.digest.timezone, rule.digest.at)
    if rule.quiet is not None and rule.quiet.holds(due.astimezone(find_zone(rule.quiet.timezone)).time()):
        due = next_local(due, rule.quiet.timezone, rule.quiet.to)
    return due


def next_local(after: datetime, timezone: str, clock_time: str) -> datetime:
    """The next moment after this one at which clocks of the zone show the time, in UTC."""
    zone = find_zone(timezone)
    hour, minute = map(int, clock_time.split(":"))
    day = after.astimezone(zone).date()
    for ahead in range(3):
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone) + timedelta(days=ahead)
        if (moment := local.astimezone(UTC)) > after:
            return moment
    raise AssertionError("clocks show every time within two days")


def subjects_of(changes: Iterable[Change]) -> set[UUID]:
    """Whose threads are needed to evaluate these changes: those of their subjects, of the incidents that they are in, and the
    windows of their services."""
    found = set[UUID]()
    for change in changes:
        found |= {change.subject_id, *windows_of(change)}
        if change.incident_id is not None:
            found.add(UUID(change.incident_id))
    return found


@dataclass(frozen=True, slots=True)
class Owed:
    """One message as it is sent: what firings of one due time told together, or one firing."""

    changes: tuple[Change, ...]
    fired_at: datetime
    due_at: datetime


def gather(firings: Iterable[Firing]) -> list[Owed]:
    """The messages that firings of one rule come to, in the order in which they are due."""
    owed: list[Owed] = []
    waiting: dict[datetime, list[Firing]] = {}
    for firing in firings:
        if firing.is_gathered:
            waiting.setdefault(firing.due_at, []).append(firing)
        else:
            owed.append(Owed(firing.changes, firing.fired_at, firing.due_at))
    for due_at, some in waiting.items():
        changes = tuple(change for firing in some for change in firing.changes)
        owed.append(Owed(changes, some[0].fired_at, due_at))
    return sorted(owed, key=lambda one: (one.due_at, one.fired_at))
