"""Chirp against WaveNet at the same time, by a test that may be looked at after every window. Pure.

Given that an attempt failed, it fell on Chirp with probability rho, Chirp's share of the attempts of its cell, if both
models are equally good, and with rho*r / (rho*r + 1 - rho) if Chirp's odds are r times as high (Lindon and Malek,
"Anytime-valid inference for multinomial count data", NeurIPS 2022). The evidence is kept by Shiryaev and Roberts: an
illness that comes after healthy days is seen as soon as one that was there from the start, and the mean time to a false
alarm is at least the threshold. Both the error rate and the traffic may change: the arms share them.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

# Far above any threshold: from here on more evidence says nothing new, and floats end at 1e308.
_MOST: Final = 1e100
_MOST_LOG: Final = 230.0


class Arms(NamedTuple):
    """One cell's events of a window: attempts of both arms, and how many of each had the event."""

    chirp: int
    control: int
    chirp_events: int
    control_events: int


class Evidence:
    """The evidence that Chirp has the event more often than the control, for several odds ratios at once.

    Args:
        ratios: the odds ratios that are looked for, above 1.
    """

    def __init__(self, ratios: Sequence[float]) -> None:
        self._ratios = tuple(ratios)
        self._values = [0.0] * len(self._ratios)

    @property
    def value(self) -> float:
        """The mean over the ratios, to be compared with a threshold of `windows / alpha`."""
        return sum(self._values) / len(self._values)

    def add(self, cells: Iterable[Arms]) -> None:
        """Takes one window; one in which nothing happened counts too."""
        happened = [cell for cell in cells if cell.chirp_events or cell.control_events]
        if not happened:
            self._values = [min(_MOST, value + 1) for value in self._values]
            return
        self._values = [
            min(_MOST, (1 + value) * _likelihood(happened, ratio))
            for value, ratio in zip(self._values, self._ratios, strict=True)
        ]


def _likelihood(cells: Sequence[Arms], ratio: float) -> float:
    """How much likelier a window's events are if the odds are `ratio` times as high."""
    log = 0.0
    log_ratio = math.log(ratio)
    for chirp, control, chirp_events, control_events in cells:
        # A cell with one arm alone says nothing, and here comes to 0 by itself.
        share = chirp / (chirp + control)
        log += chirp_events * log_ratio - (chirp_events + control_events) * math.log(share * ratio + 1 - share)
    return math.exp(min(log, _MOST_LOG))
