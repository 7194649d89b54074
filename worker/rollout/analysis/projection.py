"""Projects this stage's measurements onto the next stage: its gates for Google's quota and the budget. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from schemas.enums import VoiceModel
from schemas.revision import FULL_PERCENTAGE
from worker.pricing.google_terms import list_price
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.verdict import Status, Verdict
from worker.rollout.analysis.wording import number_beside
from worker.rollout.plan.model import Plan, Stage

_MONTH: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)
_WINDOW: Final = "next stage"


def evaluate_next_stage(measurements: Measurements, plan: Plan, stage: Stage) -> Iterator[Verdict]:
    """Evaluate quota and, if the plan has one, budget of the stage after this one; nothing after the last.

    Args:
        measurements: of this stage.
        plan: rehearsed, if its days are shortened.
        stage: this one.
    """
    number = plan.stage_index(stage.name) + 1
    if number == len(plan.stages):
        return
    following = plan.stages[number]
    yield _evaluate_quota(measurements, plan, following)
    if plan.limits.dollars_a_month is not None:
        yield _evaluate_budget(measurements, following, plan.limits.dollars_a_month)


def _evaluate_quota(measurements: Measurements, plan: Plan, following: Stage) -> Verdict:
    # The busiest short window of a day: the quota is per minute, and the mean over a quiet night would hide the peak.
    jobs = measurements.busiest_window(measurements.until - _DAY, measurements.until, following.characters)
    jobs_a_minute = jobs / (plan.windows.short / timedelta(minutes=1))
    limit = plan.limits.chirp_requests_a_minute
    requests = jobs_a_minute * following.percentage / FULL_PERCENTAGE
    shown_limit, shown_requests = number_beside(limit, requests)
    message = f"{shown_requests} Chirp requests a minute at the busiest, in the next stage; quota {shown_limit}"
    status = Status.PASS if requests <= limit else Status.HOLD
    if status is Status.HOLD:
        message += "; once Google has raised it, start the plan with a higher limits.chirp_requests_a_minute"
    return Verdict("gate", "quota", _WINDOW, status, value=requests, limit=limit, wording=message)


def _evaluate_budget(measurements: Measurements, following: Stage, limit: float) -> Verdict:
    time = measurements.until - measurements.since
    if not time:
        return Verdict("gate", "budget", _WINDOW, Status.HOLD, limit=limit, wording="nothing is measured yet")
    jobs = measurements.jobs(measurements.since, measurements.until, following.characters)
    characters = jobs.billed * (_MONTH / time)
    share = following.percentage / FULL_PERCENTAGE
    dollars = characters * list_price({VoiceModel.CHIRP3_HD: share, VoiceModel.WAVENET: 1 - share})
    shown_limit, shown_dollars = number_beside(limit, dollars, decimals=2)
    message = f"{shown_dollars} USD a month in the next stage, without the free tier; budget {shown_limit} USD"
    status = Status.PASS if dollars <= limit else Status.HOLD
    if status is Status.HOLD:
        message += "; a plan with a higher limits.dollars_a_month would go on"
    return Verdict("gate", "budget", _WINDOW, status, value=dollars, limit=limit, wording=message)
