"""The workers that publish completions, and the newest revision by which each has decided a job. Pure."""

from datetime import datetime, timedelta
from typing import Final

from schemas.enums import DecisionReason
from schemas.rollout_status import WorkerSeen
from worker.rollout.analysis.observations import Observation

_RECENT: Final = timedelta(minutes=10)
# Whoever may write completions may write any name.
_MOST_WORKERS: Final = 500
_LONGEST_NAME: Final = 128


class WorkersSeen:
    """What completions say of their workers: an idle worker says nothing."""

    def __init__(self) -> None:
        self._by_name: dict[str, WorkerSeen] = {}

    def note(self, observation: Observation, published_at: datetime) -> None:
        """Note the worker of an observation, if it is known.

        A worker that decides by an older revision than before still has jobs of that time in work, such as batch jobs
        that waited for quota: it doesn't follow an older one.
        """
        name, before = observation.worker[:_LONGEST_NAME], self._by_name.get(observation.worker[:_LONGEST_NAME])
        if not name or (before is None and len(self._by_name) >= _MOST_WORKERS):
            return
        if before is not None and before.time > published_at:
            return
        self._by_name[name] = WorkerSeen(
            worker=name,
            revision=max(observation.revision, before.revision if before else 0),
            time=published_at,
            braked=observation.reason is DecisionReason.BRAKED,
        )

    def recent(self, now: datetime) -> tuple[WorkerSeen, ...]:
        """Return the workers of the last ten minutes, by name; others are forgotten."""
        self._by_name = {name: each for name, each in self._by_name.items() if now - each.time <= _RECENT}
        return tuple(self._by_name[name] for name in sorted(self._by_name))
