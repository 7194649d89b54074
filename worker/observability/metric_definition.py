"""How a metric is defined: its name, its help text, and every value that each of its labels may have."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

UNKNOWN: Final = "unknown"
"""The value of `character_key` for a job with a character outside the catalogue: labels stay bounded."""


OPEN: Final = ()
"""The values of a label that a plan or a setting names, such as a gate: few, and known when they are set."""


@dataclass(frozen=True)
class Label:
    """A label and its closed set of values; None for the catalogue's characters and `unknown`; or `OPEN`."""

    name: str
    values: tuple[str, ...] | None

    def all_values(self, characters: Collection[str]) -> tuple[str, ...]:
        """The values that the label may have, with these characters in the catalogue."""
        return (*sorted(characters), UNKNOWN) if self.values is None else self.values


@dataclass(frozen=True)
class Definition:
    """A metric of the catalogue. Its name is the one in Prometheus without the suffix `_total` of a counter.

    Attributes:
        help: what it counts, and what a high value means.
        from_start: whether all children exist from the start of the process, as `rate()` needs it; it misses the first
            increment of a child that appears later.
    """

    name: str
    help: str
    labels: tuple[Label, ...] = ()
    from_start: bool = True

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels, in the order of the catalogue."""
        return tuple(label.name for label in self.labels)

    def children(self, characters: Collection[str]) -> Iterator[tuple[str, ...]]:
        """All combinations of label values that the metric may have."""
        return product(*(label.all_values(characters) for label in self.labels))

    def _create_children(self, metric: MetricWrapperBase, characters: Collection[str]) -> None:
        if self.labels and self.from_start:
            for values in self.children(characters):
                metric.labels(*values)


@dataclass(frozen=True)
class CounterDefinition(Definition):
    """A metric that only rises."""

    def register(self, registry: CollectorRegistry, characters: Collection[str]) -> Counter:
        """Creates the counter with its children."""
        counter = Counter(self.name, self.help, self.label_names, registry=registry)
        self._create_children(counter, characters)
        return counter


@dataclass(frozen=True)
class GaugeDefinition(Definition):
    """A metric that rises and falls.

    Attributes:
        of_processes: what a parent of several processes says where each of them has a value.
    """

    of_processes: Literal["sum", "max", "min"] = "max"

    def register(self, registry: CollectorRegistry, characters: Collection[str]) -> Gauge:
        """Creates the gauge with its children."""
        gauge = Gauge(self.name, self.help, self.label_names, registry=registry)
        self._create_children(gauge, characters)
        return gauge


@dataclass(frozen=True, kw_only=True)
class HistogramDefinition(Definition):
    """A distribution; `buckets` are upper bounds in seconds, inclusive."""

    buckets: tuple[float, ...]

    def register(self, registry: CollectorRegistry, characters: Collection[str]) -> Histogram:
        """Creates the histogram with its children."""
        histogram = Histogram(self.name, self.help, self.label_names, buckets=self.buckets, registry=registry)
        self._create_children(histogram, characters)
        return histogram
