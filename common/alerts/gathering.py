"""What waits for others of its kind: after a rule told of a service, what else it tells of it goes together. Pure.

A deployment breaks things one after the other, for minutes. The first is told at once and opens a window; what comes in it is one
message at its end, unless it is worse than what opened it. Windows are threads of the rule, one a service.
"""

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from common.alerts.changes import ENDS, Change
from common.severities import Severity

WINDOWS = UUID("5a0e8f5e-6e0d-5f43-8f0b-6d1f6a1c2b11")


@dataclass(frozen=True, slots=True)
class Thread:
    """What a rule told last of a subject: when, by a change of which name and rank, and whether that is over."""

    fired_at: datetime
    name: str
    rank: float
    is_open: bool


Threads = MutableMapping[UUID, Thread]


def name_window(service: str) -> UUID:
    """The subject under which a rule keeps the window of a service."""
    return uuid5(WINDOWS, service)


def windows_of(change: Change) -> list[UUID]:
    """Those of its services; of what is no pattern, none: it waits for nothing."""
    return [name_window(str(one)) for one in change.facts.get("services") or ()] if change.subject == "pattern" else []


def end_of_windows(told: Sequence[Change], at: datetime, minutes: int, threads: Threads) -> datetime:
    """When a message of these changes is sent: now (`at`), or at the end of a window where all of them are in one. Opens the
    windows of what is sent now."""
    length = timedelta(minutes=minutes)
    ends = [end for change in told for end in list_ends(change, at, length, threads)]
    if minutes and None not in ends:
        return min(end for end in ends if end is not None)
    if minutes:
        open_windows(told, at, threads)
    return at


def list_ends(change: Change, at: datetime, length: timedelta, threads: Threads) -> Iterator[datetime | None]:
    """The end of the window of each of its services; None where there is none, or it would be worse than what opened it."""
    windows = windows_of(change)
    for window in map(threads.get, windows):
        is_inside = window is not None and at < window.fired_at + length
        yield window.fired_at + length if window and is_inside and not is_worse(change, window) else None
    if not windows:
        yield None


def is_worse(change: Change, window: Thread) -> bool:
    return change.rank() > window.rank or weigh_severity(change) > Severity[window.name]


def open_windows(told: Iterable[Change], at: datetime, threads: Threads) -> None:
    """From now on, for the worst that is told of each service."""
    for change in told:
        for window in windows_of(change) if change.name not in ENDS else ():
            known = threads.get(window)
            others = [known] if known is not None and known.fired_at == at else []
            severity = max([weigh_severity(change), *(Severity[one.name] for one in others)])
            rank = max([change.rank(), *(one.rank for one in others)])
            threads[window] = Thread(at, severity.name, rank, is_open=True)


def weigh_severity(change: Change) -> Severity:
    return Severity.__members__.get(str(change.facts.get("severity")), Severity.debug)
