"""Refuses what needs Kafka while the process waits for it."""

from worker.console.api.parts import ApiParts
from worker.console.api.problems import unavailable


def check_ready(parts: ApiParts) -> None:
    """Lets a request pass that writes to Kafka.

    Raises:
        ProblemError: the process waits for something first.
    """
    if waiting := parts.waits_for():
        raise unavailable("not-ready", f"waits for {'; '.join(waiting)}")
