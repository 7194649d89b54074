"""The sides that a round compares, in an order that changes from round to round, and what is wanted of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtest.benchmarks.throughput.figures import Demand


@dataclass(frozen=True)
class Side:
    """One way to do the jobs.

    Attributes:
        gather: the module of a bounded gather without Kafka; None for a worker.
        settings: variables that differ from those of the other sides.
        tree: the folder of the sources that are run; None for these.
    """

    name: str
    gather: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    tree: Path | None = None


PLAIN: Final = Side("plain", gather="library_gather")
OWN: Final = Side("own", gather="worker_gather")
WORKER: Final = Side("worker")
EXACTLY_ONCE: Final = Side(
    "exactly-once",
    settings={"DELIVERY": "exactly-once", "KAFKA_GROUP_INSTANCE_ID": "bench-1", "KAFKA_IDEMPOTENCE": "true"},
)
BY_NAME: Final = {side.name: side for side in (PLAIN, OWN, WORKER, EXACTLY_ONCE)}

_LEAST_RATE: Final = 1.6
_LEAST_RATE_SLOW: Final = 1.5
_MOST_CPU: Final = 0.6
_LEAST_RATE_EXACTLY_ONCE: Final = 0.95


def other_tree(number: int, tree: Path) -> Side:
    """The worker of other sources, such as those before a change: `git worktree add` makes such a folder."""
    return Side(f"tree {number}", tree=tree.resolve())


def turned(sides: Sequence[Side], number: int) -> list[Side]:
    """The sides in the order of a round: each is the first one in its turn."""
    start = number % len(sides)
    return [*sides[start:], *sides[:start]]


def demands(sides: Sequence[Side], *, slow: bool) -> list[Demand]:
    """What is told of these sides.

    Args:
        slow: 1 % of Google's answers are slow.
    """
    names = {side.name for side in sides}
    wanted = [
        Demand(WORKER.name, PLAIN.name, _LEAST_RATE_SLOW, None) if slow
        else Demand(WORKER.name, PLAIN.name, _LEAST_RATE, _MOST_CPU),
        Demand(WORKER.name, OWN.name),
        Demand(EXACTLY_ONCE.name, WORKER.name, _LEAST_RATE_EXACTLY_ONCE),
        *(Demand(WORKER.name, side.name) for side in sides if side.tree is not None),
    ]  # fmt: skip
    return [each for each in wanted if {each.side, each.base} <= names]
