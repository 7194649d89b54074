"""Adds up what several processes export, so that a counter never falls when one of them is started again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

GaugeRule = Literal["sum", "max", "min"]
Key = tuple[str, frozenset[tuple[str, str]]]

_RULES: Final[Mapping[GaugeRule, Callable[[list[float]], float]]] = {"sum": sum, "max": max, "min": min}
_CUMULATIVE: Final = ("counter", "histogram")
_BEGAN: Final = "_created"


@dataclass
class _Process:
    """What one process, with all its runs, has exported.

    Attributes:
        run: the number of the run that `samples` are of.
        ended: what its earlier runs had counted when they were last read.
        samples: the last ones of this run.
        answers: whether they came with the last reading.
    """

    run: int = 0
    ended: dict[Key, float] = field(default_factory=dict)
    samples: dict[Key, Sample] = field(default_factory=dict)
    answers: bool = False


class MetricSum:
    """The sum over processes.

    Counters and histograms are added up over the processes and all their runs. What a process had counted after it was
    last read is missing once it is killed, as with a process that is read without a parent. A gauge is of the
    processes that answered last, by its rule.

    Args:
        rules: of each gauge, by its name; the largest value of a gauge that isn't named.
    """

    def __init__(self, rules: Mapping[str, GaugeRule]) -> None:
        self._rules = rules
        self._families: dict[str, Metric] = {}
        self._family_of: dict[str, str] = {}
        self._processes: dict[int, _Process] = {}

    def update(self, process: int, run: int, families: Iterable[Metric] | None) -> None:
        """Takes a process's metrics in; None if it doesn't answer.

        Args:
            run: how often it has been started. Metrics of a run that isn't the last one's any more are left out.
        """
        of_process = self._processes.setdefault(process, _Process())
        if run > of_process.run:
            self._end_run(of_process)
            of_process.run = run
        of_process.answers = families is not None and run == of_process.run
        if families is None or not of_process.answers:
            return
        samples: dict[Key, Sample] = {}
        for family in families:
            self._families[family.name] = Metric(family.name, family.documentation, family.type)
            samples |= {_key(sample): sample for sample in family.samples}
            self._family_of |= {sample.name: family.name for sample in family.samples}
        of_process.samples = samples

    @property
    def answering(self) -> int:
        """How many processes answered when they were last asked."""
        return sum(each.answers for each in self._processes.values())

    def families(self) -> Iterator[Metric]:
        """The metrics of all processes together."""
        by_family: dict[str, dict[Key, Sample]] = {name: {} for name in self._families}
        for key in self._keys():
            family = self._families[self._family_of[key[0]]]
            if (sample := self._together(key, family)) is not None:
                by_family[family.name][key] = sample
        for name, family in self._families.items():
            whole = Metric(family.name, family.documentation, family.type)
            whole.samples = list(by_family[name].values())
            yield whole

    def _keys(self) -> list[Key]:
        # In the order of the processes' own text: a histogram's buckets have one.
        return list(dict.fromkeys(key for each in self._processes.values() for key in (*each.samples, *each.ended)))

    def _together(self, key: Key, family: Metric) -> Sample | None:
        of_each = [each.samples[key] for each in self._processes.values() if key in each.samples]
        name, labels = key[0], of_each[0].labels if of_each else dict(key[1])
        if family.type not in _CUMULATIVE:
            values = [
                each.samples[key].value for each in self._processes.values() if each.answers and key in each.samples
            ]
            return Sample(name, labels, _RULES[self._rules.get(family.name, "max")](values)) if values else None
        ended = [each.ended[key] for each in self._processes.values() if key in each.ended]
        present = [sample.value for sample in of_each]
        if name.endswith(_BEGAN):
            return Sample(name, labels, min(*ended, *present, float("inf")))
        exemplars = [sample.exemplar for sample in of_each if sample.exemplar is not None]
        newest = max(exemplars, key=lambda exemplar: exemplar.timestamp or 0.0, default=None)
        return Sample(name, labels, sum(ended) + sum(present), None, newest)

    def _end_run(self, process: _Process) -> None:
        for key, sample in process.samples.items():
            if self._families[self._family_of[sample.name]].type not in _CUMULATIVE:
                continue
            before = process.ended.get(key)
            if sample.name.endswith(_BEGAN):
                process.ended[key] = sample.value if before is None else min(before, sample.value)
            else:
                process.ended[key] = sample.value + (before or 0.0)
        process.samples = {}


def _key(sample: Sample) -> Key:
    return sample.name, frozenset(sample.labels.items())
