"""What the neural voices did: sentences spoken and kept ones, seconds of sound, of CPU time."""

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass


@dataclass
class EngineFigures:
    """Of one model. Sound and CPU time are of what was spoken, not of what was kept; in seconds."""

    spoken: int = 0
    kept: int = 0
    sound_s: float = 0.0
    cpu_s: float = 0.0


class Figures:
    """Counts by model; any thread may count."""

    def __init__(self) -> None:
        self._by_model: dict[str, EngineFigures] = defaultdict(EngineFigures)
        self._lock = threading.Lock()

    def count_spoken(self, model: str, sound_s: float, cpu_s: float) -> None:
        """Counts a sentence that the model spoke."""
        with self._lock:
            figures = self._by_model[model]
            figures.spoken += 1
            figures.sound_s += sound_s
            figures.cpu_s += cpu_s

    def count_kept(self, model: str) -> None:
        """Counts a sentence that the cache had."""
        with self._lock:
            self._by_model[model].kept += 1

    def as_json(self) -> dict[str, dict[str, float]]:
        """Returns the counts by model."""
        with self._lock:
            return {model: asdict(figures) for model, figures in self._by_model.items()}
