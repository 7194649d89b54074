"""The process-wide objects that every component of the worker is built from."""

from dataclasses import dataclass

from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import Tracer
from worker.speech.catalogue import Catalogue


@dataclass(frozen=True)
class ProcessParts:
    """The settings, catalogue, metrics, clock and tracer; one of each in a process."""

    settings: Settings
    catalogue: Catalogue
    metrics: Metrics
    clock: Clock
    tracer: Tracer
