"""What a parent of processes exports: its own metrics and the sum of theirs."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from worker.observability import process_metric_catalogue as catalogue
from worker.observability.metric_catalogue import ALL_METRICS
from worker.observability.metric_definition import GaugeDefinition
from worker.processes.answers import Answers
from worker.processes.metric_sum import MetricSum


class _Together(Collector):
    def __init__(self, metric_sum: MetricSum) -> None:
        self._sum = metric_sum

    def collect(self) -> Iterator[Metric]:
        return self._sum.families()

    def describe(self) -> list[Metric]:
        # Before the first reading nobody knows them.
        return []


class ProcessMetrics:
    """The registry of a parent of so many processes."""

    def __init__(self, wanted: int) -> None:
        self.registry = CollectorRegistry()
        self._sum = MetricSum(
            {each.name: each.of_processes for each in ALL_METRICS if isinstance(each, GaugeDefinition)}
        )
        catalogue.PROCESSES_WANTED.register(self.registry, ()).set(wanted)
        self._answering = catalogue.PROCESSES_ANSWERING.register(self.registry, ())
        self._restarts = catalogue.PROCESS_RESTARTS.register(self.registry, ())
        self.registry.register(_Together(self._sum))

    def count_restart(self, _number: int) -> None:
        """Counts a process that is started again."""
        self._restarts.inc()

    async def read(self, answers: Answers) -> None:
        """Reads the metrics of all processes."""
        await answers.metrics(self._sum.update)
        self._answering.set(self._sum.answering)
