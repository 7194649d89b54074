"""What is known while a batch hears nothing: jobs before its own, retries that wait, workers in the group. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Backlog:
    """What is still to be done in the batch lane, as the group of the workers has committed it.

    Attributes:
        group: of the workers.
        workers: members of the group; None if Kafka doesn't say it.
        before: jobs in the lane before the batch's first one.
        behind: jobs after it: the batch's own, and those that others sent meanwhile.
        retries: jobs in the lane's retry topics by their delay, where there are any.
    """

    group: str
    workers: int | None
    before: int
    behind: int
    retries: Mapping[str, int] = field(default_factory=dict)
