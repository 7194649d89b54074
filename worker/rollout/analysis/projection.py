"""What the next stage will ask of Google's quota and of the budget, by what this one measured. Pure."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from schemas.words import VoiceModel
from worker.pricing.google_terms import list_price
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.verdict import Status, Verdict
from worker.rollout.plan.model import Plan, Stage

_MONTH: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)


def projected(readings: Measurements, plan: Plan, stage: Stage) -> Iterator[Verdict]:
    """Judges the quota and, where the plan has one, the budget of the stage that follows.

    Args:
        readings: of this stage.
        plan: as rehearsed.
        stage: this one; of the last nothing is asked.
    """
    number = plan.number(stage.name) + 1
    if number == len(plan.stages):
        return
    following = plan.stages[number]
    yield _quota(readings, plan, following)
    if plan.limits.dollars_a_month is not None:
        yield _budget(readings, following, plan.limits.dollars_a_month)


def _quota(readings: Measurements, plan: Plan, following: Stage) -> Verdict:
    # The busiest short window of a day: a quota is by the minute, and a quiet night's mean would hide it.
    busiest = readings.busiest(readings.until - _DAY, readings.until, following.characters)
    peak = busiest / (plan.windows.short / timedelta(minutes=1))
    limit = plan.limits.chirp_requests_a_minute
    asked = peak * following.percentage / FULL_PERCENTAGE
    says = f"{asked:,.0f} Chirp requests a minute at the busiest, in the next stage; quota {limit:,}"
    return Verdict(
        "gate",
        "quota",
        "next stage",
        Status.PASS if asked <= limit else Status.HOLD,
        value=asked,
        limit=limit,
        says=says,
    )


def _budget(readings: Measurements, following: Stage, limit: float) -> Verdict:
    time = readings.until - readings.since
    if not time:
        return Verdict("gate", "budget", "next stage", Status.HOLD, limit=limit, says="nothing is measured yet")
    characters = readings.jobs(readings.since, readings.until, following.characters).billed * (_MONTH / time)
    share = following.percentage / FULL_PERCENTAGE
    dollars = characters * list_price({VoiceModel.CHIRP3_HD: share, VoiceModel.WAVENET: 1 - share})
    says = f"{dollars:,.2f} USD a month in the next stage, without the free tier; budget {limit:,.2f} USD"
    return Verdict(
        "gate", "budget", "next stage", Status.PASS if dollars <= limit else Status.HOLD, value=dollars, limit=limit,
        says=says,
    )  # fmt: skip
