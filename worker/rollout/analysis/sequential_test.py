"""Sequential test of Chirp against the control (WaveNet at the same time): valid after every window. Pure.

If both models are equally good, a failed attempt is Chirp's with probability rho, Chirp's share of the attempts of its
cell; with rho*r / (rho*r + 1 - rho) if Chirp's odds of failing are r times as high (Lindon and Malek, "Anytime-valid
inference for multinomial count data", NeurIPS 2022). The evidence is a Shiryaev–Roberts statistic: a regression after
healthy days is detected as soon as one that was there from the start, and the mean time to a false alarm is at least
the threshold. Error rate and traffic may change over time, as both arms share them.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

# Far above any threshold: more evidence changes nothing, and floats end at 1e308.
_MAX_EVIDENCE: Final = 1e100
_MAX_LOG: Final = 230.0


class Arms(NamedTuple):
    """One cell of a window: the attempts of both arms, and how many of each had the event."""

    chirp: int
    control: int
    chirp_events: int
    control_events: int


class SequentialTest:
    """Collects the evidence that Chirp has an event more often than the control, for several odds ratios at once.

    Args:
        ratios: the odds ratios to look for, above 1.
    """

    def __init__(self, ratios: Sequence[float]) -> None:
        self._ratios = tuple(ratios)
        self._by_ratio = [0.0] * len(self._ratios)
        self._runs = [0.0] * len(self._ratios)

    @property
    def evidence(self) -> float:
        """The mean over the ratios, to be compared with a threshold of `windows / alpha`."""
        return sum(self._by_ratio) / len(self._by_ratio)

    @property
    def runs(self) -> Sequence[float]:
        """For each ratio the logarithm of how much likelier it makes the events since the time that speaks most for it.

        That time is a window from which on the events speak for the ratio (Page's CUSUM); 0: there is none. Above 0,
        Chirp has had more events since than its share of the attempts in each cell: the logarithm is concave, so that
        each cell's term is at most `log(ratio)` times what its events are above that share.
        """
        return self._runs

    def add(self, cells: Iterable[Arms]) -> None:
        """Add one window; a window without events counts too."""
        with_events = [cell for cell in cells if cell.chirp_events or cell.control_events]
        if not with_events:
            self._by_ratio = [min(_MAX_EVIDENCE, evidence + 1) for evidence in self._by_ratio]
            return
        logs = [_log_likelihood_ratio(with_events, ratio) for ratio in self._ratios]
        self._by_ratio = [
            min(_MAX_EVIDENCE, (1 + evidence) * math.exp(min(log, _MAX_LOG)))
            for evidence, log in zip(self._by_ratio, logs, strict=True)
        ]
        self._runs = [max(0.0, run + log) for run, log in zip(self._runs, logs, strict=True)]


def _log_likelihood_ratio(cells: Sequence[Arms], ratio: float) -> float:
    """How much likelier a window's events are if Chirp's odds are `ratio` times as high, as a logarithm."""
    log = 0.0
    log_ratio = math.log(ratio)
    for chirp, control, chirp_events, control_events in cells:
        # A cell with one arm alone is no evidence: its term is 0.
        share = chirp / (chirp + control)
        log += chirp_events * log_ratio - (chirp_events + control_events) * math.log(share * ratio + 1 - share)
    return log
