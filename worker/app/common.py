"""What every part of the worker is built with."""

from dataclasses import dataclass

from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.catalogue import Catalogue


@dataclass(frozen=True)
class Common:
    """The process's one set of each."""

    settings: Settings
    catalogue: Catalogue
    metrics: Metrics
    clock: Clock
