"""What the controller counts for a plan: attempts, players' reports about their lines, and listeners' votes. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.feedback import Feedback
from schemas.vote import Vote
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.feedback_counts import FeedbackCounts
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.preferences import Votes
from worker.rollout.controller.workers_seen import WorkersSeen
from worker.rollout.plan.conditions import COMPLAINTS, Measure
from worker.rollout.plan.model import Plan

ObserveAttempt = Callable[[Observation, datetime], None]
"""Called with each attempt and the time at which its record was published."""


@dataclass(frozen=True)
class Observers:
    """Who gets what is read.

    Attributes:
        attempt: called with each attempt.
        feedback: called with each message of players, and the time of its record; None: their topic isn't read.
        vote: called with each vote in the topic, also those from before; None: the topic isn't read.
    """

    attempt: ObserveAttempt
    feedback: Callable[[Feedback, datetime], None] | None = None
    vote: Callable[[Vote], None] | None = None


class Evidence:
    """The evidence for one plan's gates and rules.

    Args:
        plan: rehearsed, if its days are shortened.
        workers: notes which workers publish completions.

    Attributes:
        counts: of attempts and complaints.
        feedback: attributes players' reports.
        votes: listeners' votes.
    """

    def __init__(self, plan: Plan, workers: WorkersSeen) -> None:
        self.counts = AttemptCounts(plan.windows.resolution)
        self.feedback = FeedbackCounts(self.counts)
        self.votes = Votes()
        self._plan = plan
        self._workers = workers
        measures = {each.measure for stage in plan.stages for each in plan.conditions_of(stage)}
        self._counts_feedback = bool(measures & COMPLAINTS)
        self._counts_votes = Measure.PREFERENCE in measures

    def observers(self) -> Observers:
        """Return who gets what is read. A plan that counts no feedback or no votes needs neither topic nor right."""
        return Observers(
            self._observe_attempt,
            self.feedback.add if self._counts_feedback else None,
            self._observe_vote if self._counts_votes else None,
        )

    def opinions(self) -> dict[str, Any]:
        """Return the status report's fields about feedback and votes; empty where the plan counts none."""
        feedback = {fate.value: count for fate, count in sorted(self.feedback.fates.items())}
        votes = {"counted": self.votes.counted, "repeated": self.votes.repeated, "others": self.votes.others}
        return {
            "feedback": feedback if self._counts_feedback else {},
            "votes": votes if self._counts_votes else {},
        }

    def _observe_attempt(self, observation: Observation, published_at: datetime) -> None:
        band = self._plan.length_band(observation.text_characters)
        self._workers.note(observation, published_at)
        self.counts.add(observation, band, published_at)
        if self._counts_feedback:
            self.feedback.note_completion(observation, band)

    def _observe_vote(self, vote: Vote) -> None:
        self.votes.add(vote)
