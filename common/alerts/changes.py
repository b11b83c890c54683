"""What rules of alerts are asked about: changes of state, as `transitions` holds them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Subject = Literal["pattern", "incident", "budget", "service", "agent", "project", "channel", "team", "model"]
Spender = Literal["team", "agent", "model"]  # what spending is looked at by

# What a change is called: that something began, that it got worse, that it is over.
ENDS = frozenset({"over", "resolved"})
# What ends with what: the changes that a condition of this name is told by (worker/alerts/conditions.py).
TOLD_BY: Mapping[str, frozenset[str]] = {
    "trend": frozenset({"spiking", "rising"}),
    "incident": frozenset({"incident", "worse"}),
    "many": frozenset({"many"}),
    "silent": frozenset({"silent"}),
    "breach": frozenset({"breach"}),
    "spend": frozenset({"spend"}),
    "late": frozenset({"late"}),
    "disk": frozenset({"disk"}),
}
# What people end who resolve a pattern.
ENDED_BY_PEOPLE = frozenset({"new", "regressed", "spiking", "rising", "many"})
# Which of two changes of one pattern is the worse one.
RANKS: Mapping[str, float] = {"rising": 1, "new": 2, "many": 2, "regressed": 3, "spiking": 3, "incident": 4}


@dataclass(frozen=True, slots=True)
class Change:
    """The subject (a kind and an id) has become what `name` says at `happened_at`.

    `facts` is what it was told by, as JSON has it. Where the change is one of errors, it has `title`, and `services`,
    `environments`, `severity`, `releases`, `tags`, `count`, `state` as far as these are known: rules ask for them.
    """

    transition_id: UUID
    happened_at: datetime
    subject: str
    subject_id: UUID
    name: str
    facts: Mapping[str, Any]

    @property
    def title(self) -> str:
        return str(self.facts.get("title") or self.name)

    @property
    def incident_id(self) -> str | None:
        """The incident that the pattern is in, or that this is."""
        return str(self.subject_id) if self.subject == "incident" else self.facts.get("incident")

    def rank(self) -> float:
        """How bad it is, among changes of this subject: of budgets the percent, else by its name."""
        if self.subject == "budget":
            return float(self.facts.get("percent") or 0)
        if self.subject == "incident":
            return float(len(self.facts.get("services") or ()))
        return RANKS.get(self.name, 0)

    def ends(self, name: str) -> bool:
        """Whether what was told by a change of this name is over by this one."""
        if self.name == "resolved":
            return name in ENDED_BY_PEOPLE
        return self.name == "over" and name in TOLD_BY.get(str(self.facts.get("of")), frozenset())
