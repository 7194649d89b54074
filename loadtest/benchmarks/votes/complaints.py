"""Simulated complaints: after how many completions more are detected, and what a flood of one user changes. Pure.

Completions come in windows of five minutes; each is reported with its model's rate by a user who hasn't reported the
model that day. The threshold is that of the production plan's comparisons of all characters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from schemas.enums import DecisionReason, FeedbackKind, FeedbackReason, Lane, VoiceModel
from schemas.feedback import Feedback
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.feedback_counts import FeedbackCounts
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.sequential_test import Arms, SequentialTest
from worker.rollout.plan.conditions import Measure
from worker.rollout.plan.model import Plan, Stage

BEGAN: Final = datetime(2026, 3, 2, tzinfo=UTC)
_DAYS: Final = 28
_A_DAY: Final = 288


@dataclass(frozen=True)
class Case:
    """Complaints at some rates.

    Attributes:
        share: Chirp's share of the completions.
        control: the share of WaveNet's completions that are reported.
        times: Chirp's share over that.
        a_window: completions of both models in five minutes.
    """

    share: float
    control: float
    times: float
    a_window: int = 200


CASES: Final = tuple(
    Case(share, control, times)
    for control in (0.001, 0.005, 0.02)
    for share in (0.1, 0.5)
    for times in (2.0, 3.0, 10.0)
)
HEALTHY: Final = tuple(Case(share, control, 1.0) for control in (0.001, 0.02) for share in (0.1, 0.5))


def threshold(plan: Plan, stage: Stage, catalogue: frozenset[str]) -> float:
    """Return the evidence above which a stage's comparison of all characters alarms."""
    return Comparisons(plan, stage, catalogue).threshold(None)


def windows_until_alarm(case: Case, plan: Plan, limit: float, seed: int, most: int = _DAYS * _A_DAY) -> int | None:
    """Return after how many windows more complaints are detected; None if not within `most`.

    Args:
        case: the rates.
        plan: for its ratios.
        limit: the threshold.
        seed: of the random numbers.
        most: the windows that are simulated.
    """
    rng = np.random.default_rng(seed)
    chirp = round(case.a_window * case.share)
    control = case.a_window - chirp
    of_chirp = rng.binomial(chirp, case.control * case.times, size=most).tolist()
    of_control = rng.binomial(control, case.control, size=most).tolist()
    test = SequentialTest(plan.control.ratios)
    for number, (one, other) in enumerate(zip(of_chirp, of_control, strict=True), 1):
        test.add([Arms(chirp, control, one, other)])
        if test.evidence > limit:
            return number
    return None


def evidence_after_flood(plan: Plan, stage: Stage, catalogue: frozenset[str], seed: int, flood: int) -> float:
    """Return the highest evidence of any comparison after a day, in which one user reports `flood` lines of Chirp.

    It is the controller's own way from the messages to the comparisons: all characters' lines are reported in turn.

    Args:
        plan: for its windows and ratios.
        stage: of the plan; its rules compare complaints.
        catalogue: the keys of all characters.
        seed: of the random numbers.
        flood: the reports of one user; 0 for none. Twenty other users report a line each, of either model.
    """
    rng = np.random.default_rng(seed)
    counts = AttemptCounts(plan.windows.resolution)
    feedback = FeedbackCounts(counts)
    names = sorted(catalogue)
    lines = list(_lines(names, rng))
    for line in lines:
        counts.add(line, 1, line.ended_at)
        feedback.note_completion(line, 1)
    of_chirp = [line for line in lines if line.voice_model is VoiceModel.CHIRP3_HD]
    for number in range(20):
        _report(feedback, lines[int(rng.integers(len(lines)))], f"user-{number}", number)
    for number in range(flood):
        _report(feedback, of_chirp[number % len(of_chirp)], "flood", 1_000 + number)
    until = BEGAN + timedelta(days=1)
    feedback.settle(until)
    measurements = Measurements(counts, BEGAN, 1, plan.windows.short)
    measurements.settle(until)
    comparisons = Comparisons(plan, stage, catalogue)
    comparisons.update(measurements, catalogue, {})
    found = (comparisons.find(Measure.COMPLAINTS_AGAINST_CONTROL, name) for name in (None, *names))
    shares = zip(found, (comparisons.threshold(name) for name in (None, *names)), strict=True)
    return max(each.test.evidence / limit for each, limit in shares if each is not None)


def _lines(names: list[str], rng: np.random.Generator) -> Iterator[Observation]:
    for number in range(3_000):
        is_chirp = number % 10 == 0
        model = VoiceModel.CHIRP3_HD if is_chirp else VoiceModel.WAVENET
        yield Observation(
            id=f"attempt-{number}",
            ended_at=BEGAN + timedelta(seconds=float(rng.uniform(0, 80_000))),
            lane=Lane.DIALOGUE,
            character=names[number // 10 % len(names)],
            language="en-US",
            text_characters=80,
            voice_model=model,
            decided=model,
            reason=DecisionReason.IN_ROLLOUT if is_chirp else DecisionReason.OUTSIDE,
            revision=1,
            first=True,
            seconds=1.0,
            billed=80,
            job_id=f"job-{number}",
        )


def _report(feedback: FeedbackCounts, line: Observation, user: str, number: int) -> None:
    published_at = line.ended_at + timedelta(minutes=1)
    message = Feedback(
        feedback_id=f"report-{number}",
        kind=FeedbackKind.REPORT,
        reason=FeedbackReason.ROBOTIC,
        job_id=line.job_id,
        user_id=user,
        time=published_at.isoformat(),
        source="/benchmark",
    )
    feedback.add(message, published_at)
