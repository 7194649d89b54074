"""Complaints by the comparison's windows, each beside the completions that it might as well have been about. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from schemas.enums import Lane
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.tally import CellKey

# A day of windows of five minutes: most reports are about lines that were just heard.
_MAX_WINDOWS: Final = 288


class HeardPair(NamedTuple):
    """Both arms of one cell (window, lane, character, language, band), Chirp first.

    Attributes:
        heard: the completions with audio.
        complaints: the reports about them; as `Tally.complaints`.
        complainers: as `Tally.complainers`.
    """

    character: str
    heard: tuple[int, int]
    complaints: tuple[int, int] = (0, 0)
    complainers: tuple[int, int] = (0, 0)


class _Cell(NamedTuple):
    lane: Lane
    character: str
    language: str
    band: int


class ComplaintWindows:
    """The completions and complaints of one stage, window by window.

    Args:
        counts: of all attempts and complaints.
        stage_revision: completions that an older revision decided don't belong to the stage.
        per_window: the steps of a window.
    """

    def __init__(self, counts: AttemptCounts, stage_revision: int, per_window: int) -> None:
        self._counts = counts
        self._stage_revision = stage_revision
        self._per_window = per_window
        self._heard: dict[int, Mapping[_Cell, tuple[int, int]]] = {}

    def clear(self) -> None:
        """Drop all sums, because some step has changed."""
        self._heard.clear()

    def heard(self, end: datetime) -> list[HeardPair]:
        """Return all completions of the window that ends at a time, by cell."""
        cells = self._heard_in(self._counts.step_at(end) // self._per_window - 1)
        return [HeardPair(cell.character, heard) for cell, heard in cells.items()]

    def complaints(self, end: datetime) -> list[HeardPair]:
        """Return the reports that were published in the window that ends at a time.

        Each is beside the completions of the window and cell that it is about, which may be an earlier window: if both
        models are equally good, Chirp's share of those completions is the probability that it is about Chirp.
        """
        last = self._counts.step_at(end)
        found: defaultdict[tuple[int, _Cell], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for key, step, reports, complainers in self._counts.complaints(last - self._per_window, last):
            if self._belongs(key):
                arms = found[step // self._per_window, _cell(key)]
                arms[key.is_control] += reports
                arms[2 + key.is_control] += complainers
        return [
            HeardPair(cell.character, heard, (arms[0], arms[1]), (arms[2], arms[3]))
            for (window, cell), arms in found.items()
            if (heard := self._heard_in(window).get(cell)) is not None
        ]

    def _heard_in(self, window: int) -> Mapping[_Cell, tuple[int, int]]:
        if window not in self._heard:
            if len(self._heard) >= _MAX_WINDOWS:
                del self._heard[min(self._heard)]
            found: defaultdict[_Cell, list[int]] = defaultdict(lambda: [0, 0])
            for _, cells in self._counts.cells(window * self._per_window, (window + 1) * self._per_window):
                for key, tally in cells.items():
                    if tally.heard and self._belongs(key):
                        found[_cell(key)][key.is_control] += tally.heard
            self._heard[window] = {cell: (chirp, control) for cell, (chirp, control) in found.items()}
        return self._heard[window]

    def _belongs(self, key: CellKey) -> bool:
        return key.revision >= self._stage_revision and (key.is_chirp or key.is_control)


def _cell(key: CellKey) -> _Cell:
    return _Cell(key.lane, key.character, key.language, key.band)
