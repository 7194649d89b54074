"""Percentiles of latencies and of their stages, and the tables of them. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.table import Table

from loadtest.benchmarks.dialogue.load import Received

_PERCENTILES: Final = (50, 90, 99, 100)
_MOST_MS: Final = {50: 15.0, 99: 25.0}
"""The longest way of an idle worker that is wanted, by percentile: from the send on, without Google's time."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of the values don't exceed (nearest rank).

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, int(rank) - 1)]


def stages(google_s: float) -> dict[str, Callable[[Received], float]]:
    """The stages of a dialogue job's way, in order, each with its seconds; they add up to the latency.

    Args:
        google_s: how long Google takes for an answer; its call's stage is told without it.
    """
    return {
        "due → sent": lambda received: received.sent - received.due,
        "sent → work begins": lambda received: _timing(received, "wait"),
        "look-up": lambda received: _timing(received, "look_up"),
        f"Google, over its {1000 * google_s:g} ms": lambda received: _timing(received, "speak") - google_s,
        "store": lambda received: _timing(received, "store"),
        "the rest of the work": lambda received: (
            _timing(received, "total") - sum(_timing(received, name) for name in ("look_up", "speak", "store"))
        ),
        "outcome → completion read": lambda received: (
            received.read - received.sent - _timing(received, "wait") - _timing(received, "total")
        ),
    }


def stage_table(title: str, received: Sequence[Received], google_s: float) -> Table:
    """Milliseconds by stage, and of the own way: from the game server's send, and from when the job was due."""
    table = Table("ms", *_heads(), title=f"{title}: {len(received)} jobs", title_justify="left")
    for name, seconds in stages(google_s).items():
        table.add_row(name, *_cells([seconds(each) for each in received]))
    table.add_section()
    table.add_row("sent → completion read", *_cells([each.read - each.sent - google_s for each in received]))
    table.add_row("due → completion read", *_cells([each.latency_s - google_s for each in received]))
    return table


def idle_verdicts(runs: Sequence[Sequence[float]]) -> list[str]:
    """For each percentile the median of the runs, the least and the most, and whether it is short enough.

    Args:
        runs: the seconds of each job's way, without Google's time.
    """
    lines = []
    for percent, most_ms in _MOST_MS.items():
        found = sorted(1000 * percentile(run, percent) for run in runs)
        middle = statistics.median(found)
        met = "met" if middle <= most_ms else "MISSED"
        lines.append(
            f"idle way, p{percent} of {len(runs)} runs: {middle:.1f} ms ({found[0]:.1f} to {found[-1]:.1f}), "
            f"at most {most_ms:g} wanted: {met}"
        )
    return lines


def latency_table(runs: Mapping[str, tuple[Sequence[float], int]]) -> Table:
    """Milliseconds from when a job was due to its completion, a row a run: its latencies, how many have none."""
    table = Table("ms", "answered", "unanswered", *_heads())
    for name, (latencies, unanswered) in runs.items():
        cells = _cells(latencies) if latencies else ["-"] * len(_PERCENTILES)
        table.add_row(name, str(len(latencies)), str(unanswered), *cells)
    return table


def _timing(received: Received, stage: str) -> float:
    timings = received.completion.timings
    return 0.0 if timings is None else float(getattr(timings, stage))


def _heads() -> list[str]:
    return [*(f"p{percent}" for percent in _PERCENTILES[:-1]), "max"]


def _cells(seconds: Sequence[float]) -> list[str]:
    return [f"{1000 * percentile(seconds, percent):.1f}" for percent in _PERCENTILES]
