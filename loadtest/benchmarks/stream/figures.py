"""The table of first and whole audio: how long after Google's first audio a client hears, by way and length. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from loadtest.benchmarks.dialogue.figures import percentile

GOAL_MS: Final = 40
"""From Google's first audio to the client's, whatever the line's length."""


@dataclass(frozen=True)
class Heard:
    """When a client heard one line, by the clock that the emulator has too: seconds since 1970.

    Attributes:
        text: the line's, which no other line has.
        sent: when the client sent it.
        first: when its first audio came.
        whole: when the stream's end came, once the take was stored.
    """

    text: str
    sent: float
    first: float
    whole: float


@dataclass(frozen=True)
class Way:
    """Lines of one length, heard in one way.

    Attributes:
        after_google_s: from Google's first audio to the client's, of each line.
    """

    name: str
    characters: int
    after_google_s: Sequence[float]
    heard: Sequence[Heard]

    @property
    def is_met(self) -> bool:
        """Whether the median is within the goal."""
        return 1000 * percentile(self.after_google_s, 50) <= GOAL_MS


def streams_table(ways: Sequence[Way]) -> Table:
    """Milliseconds after Google's first audio; and, since the request, the first audio beside the whole take."""
    title = f"first audio at the client, ms after Google's first (goal: {GOAL_MS}); and since its request, s"
    columns = ("way", "characters", "lines", "p50", "p99", "max", "first, p50", "whole take, p50")
    table = Table(*columns, title=title, title_justify="left")
    for way in ways:
        after = [f"{1000 * percentile(way.after_google_s, each):.1f}" for each in (50, 99, 100)]
        first = percentile([each.first - each.sent for each in way.heard], 50)
        whole = percentile([each.whole - each.sent for each in way.heard], 50)
        table.add_row(way.name, str(way.characters), str(len(way.heard)), *after, f"{first:.2f}", f"{whole:.2f}")
    return table
