"""How a metric is declared: once, with its text, the programs that tell it, and what each label may say.

The only module that makes metrics. A label says one of the values that were declared for it, anything else counts as
`other`: no request can make series without end, and no project's id becomes one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

OTHER = "other"
READY_SERIES = 16  # so many are there from the start, at 0: a rate needs a first value

Program = Literal["api", "worker"]
OverProcesses = Literal["livesum", "livemax"]
Metric = TypeVar("Metric", bound=MetricWrapperBase)


@dataclass(frozen=True, slots=True)
class Few:
    """Label values that only the running program knows, such as routes: the first `at_most` of them, then `other`."""

    what: str
    at_most: int


Values = tuple[str, ...] | Few


class Family(Generic[Metric]):
    """A declared metric with all its series."""

    def __init__(
        self, metric: Metric, name: str, help_text: str, programs: tuple[Program, ...], labels: dict[str, Values]
    ) -> None:
        self.metric = metric
        self.name = name
        self.kind = type(metric).__name__.lower()
        self.help_text = help_text
        self.programs = programs
        self.labels = labels
        self.series: dict[tuple[str, ...], Metric] = {}
        self.seen: dict[str, set[str]] = {name: set() for name in labels}
        self.make_ready()

    def of(self, *values: str) -> Metric:
        """The series whose labels say this, in the order in which they were declared."""
        found = self.series.get(values)
        return found if found is not None else self.find(values)

    def find(self, values: tuple[str, ...]) -> Metric:
        """The series of values that were not asked for before; only what was declared is remembered."""
        said = tuple(self.bound(name, value) for name, value in zip(self.labels, values, strict=True))
        if said not in self.series:
            self.series[said] = self.metric.labels(*said) if said else self.metric
        return self.series[said]

    def bound(self, label: str, value: str) -> str:
        allowed = self.labels[label]
        if isinstance(allowed, tuple):
            return value if value in allowed else OTHER
        seen = self.seen[label]
        if value not in seen and len(seen) >= allowed.at_most:
            return OTHER
        seen.add(value)
        return value

    def make_ready(self) -> None:
        """Make the series that are known beforehand, where they are few."""
        known = [values for values in self.labels.values() if isinstance(values, tuple)]
        if len(known) == len(self.labels) and len(combinations := list(product(*known))) <= READY_SERIES:
            for values in combinations:
                self.of(*values)


class Catalog:
    """The metrics that there are, in the order of their declaration, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nothing here reads
        self.registry = CollectorRegistry()
        self.families: list[Family[Counter] | Family[Gauge] | Family[Histogram]] = []

    def counter(self, name: str, help_text: str, *programs: Program, **labels: Values) -> Family[Counter]:
        """What only grows; its name ends in `_total`."""
        metric = Counter(name, help_text, [*labels], registry=self.registry)
        family = Family(metric, name, help_text, programs, labels)
        self.families.append(family)
        return family

    def gauge(
        self, name: str, help_text: str, *programs: Program, over_processes: OverProcesses, **labels: Values
    ) -> Family[Gauge]:
        """What goes up and down; over the processes of one program the sum or the largest is told."""
        metric = Gauge(name, help_text, [*labels], registry=self.registry, multiprocess_mode=over_processes)
        family = Family(metric, name, help_text, programs, labels)
        self.families.append(family)
        return family

    def histogram(
        self, name: str, help_text: str, *programs: Program, buckets: Iterable[float], **labels: Values
    ) -> Family[Histogram]:
        """How often what was measured was at most each of the buckets' bounds."""
        metric = Histogram(name, help_text, [*labels], registry=self.registry, buckets=tuple(buckets))
        family = Family(metric, name, help_text, programs, labels)
        self.families.append(family)
        return family
