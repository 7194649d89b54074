"""Explains one decision: the rule that decided, in words, for `decide` and `rollout explain`. Pure."""

from dataclasses import dataclass
from datetime import datetime

from schemas.enums import DecisionReason
from schemas.job import Job
from worker.rollout.decision import Decision, DecisionRequest, decide
from worker.rollout.state import RolloutState


@dataclass(frozen=True)
class Explanation:
    """A decision and its reason.

    Attributes:
        sticky_by: the job's field that selects the bucket.
        why: one sentence.
    """

    decision: Decision
    sticky_by: str
    why: str

    def as_row(self) -> dict[str, object]:
        """The explanation as one row of output."""
        return {
            "voice_model": self.decision.voice_model.value,
            "reason": self.decision.reason.value,
            "why": self.why,
            "bucket": self.decision.bucket,
            "percentage": self.decision.percent,
            "sticky_by": self.sticky_by,
            "revision": self.decision.revision,
        }


def explain(state: RolloutState, job: Job, request: DecisionRequest, now: datetime) -> Explanation:
    """Decides as the worker does, and explains the decision.

    Args:
        request: from `decision_request` for this job.
        now: with an offset.
    """
    decision = decide(state, request, now)
    below = f"bucket {decision.bucket} is {{}} {state.percentage}, the percentage in hundredths"
    why = {
        DecisionReason.BRAKED: "CHIRP3_ENABLED=false is this worker's hand brake; it wins over all",
        DecisionReason.FORCED: f"the job forces {job.voice}",
        DecisionReason.DISABLED: f"the rollout is not enabled ({_where(state)})",
        DecisionReason.EXCLUDED: _excluded(state, job.character),
        DecisionReason.NOT_LISTED: f"{job.character} is not among the listed characters",
        DecisionReason.LANGUAGE: f"Chirp 3: HD does not speak {job.language}",
        DecisionReason.IN_ROLLOUT: below.format("below"),
        DecisionReason.OUTSIDE: below.format("not below"),
    }[decision.reason]
    sticky_by = "rollout_key" if job.rollout_key else "user_id" if job.user_id else "the line itself"
    return Explanation(decision, sticky_by, why)


def _where(state: RolloutState) -> str:
    return f"revision {state.revision}" if state.revision else "CHIRP3_ENABLED is unset"


def _excluded(state: RolloutState, character: str) -> str:
    until = state.quarantined.get(character)
    if character in state.excluded or until is None:
        return f"{character} is excluded"
    return f"{character} is quarantined until {until.isoformat(timespec='seconds')}"
