"""Forecasts a stage at the plan's expected traffic: attempts, quota, cost, and the sample that its gates need. Pure."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.enums import VoiceModel
from schemas.revision import FULL_PERCENTAGE
from worker.pricing.google_terms import TERMS, list_price
from worker.rollout.analysis.confidence import attempts_to_show_below
from worker.rollout.analysis.evaluate import MIN_SAMPLE_FOR_MEAN, P95_SHARE
from worker.rollout.plan.conditions import COMPLAINTS, RATES, Condition, Measure
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.plan.settings import Expects
from worker.rollout.plan.units import DAY

HEALTHY: Final = 0.02
"""The assumed share of failures, fallbacks and slow attempts in a healthy system."""
_MONTH_DAYS: Final = 30


@dataclass(frozen=True)
class StageForecast:
    """A stage at the expected traffic.

    Attributes:
        attempts_a_day: Chirp's, for jobs that the percentage decides.
        control_a_day: WaveNet's, for the same characters.
        by_character: Chirp's attempts a day of each character that gets Chirp.
        peak_a_minute: Chirp requests in the busiest minute.
        dollars_a_month: for both models and all characters, beyond the free tier.
        dollars_without_stored_takes: the same if each job needs a new take, with the free tier, as the budget's gate
            projects it; of the stage's characters.
        needed: the attempts that the gates need while the system is `HEALTHY`; None if they never pass then.
    """

    attempts_a_day: float
    control_a_day: float
    by_character: Mapping[str, float]
    peak_a_minute: float
    dollars_a_month: float
    dollars_without_stored_takes: float
    needed: int | None

    @property
    def rarest(self) -> str | None:
        """The character with the fewest attempts; None if no character gets Chirp."""
        return min(self.by_character, key=lambda name: (self.by_character[name], name), default=None)


def forecast_stage(plan: Plan, stage: Stage, catalogue: Collection[str], *, day: timedelta = DAY) -> StageForecast:
    """Forecast a stage.

    Args:
        plan: rehearsed, if `day` is shorter than 24 hours.
        stage: of the plan.
        catalogue: the keys of all characters.
        day: the length of a day; a day's traffic arrives in it, however short it is.
    """
    expects = plan.expects
    fraction = stage.percentage / FULL_PERCENTAGE if stage.enabled else 0.0
    attempts = expects.jobs_a_day * expects.new_takes
    listed = catalogue if stage.characters is None else stage.characters
    of_listed = {name: share * attempts for name, share in job_shares(expects, catalogue).items() if name in listed}
    chirp = sum(of_listed.values()) * fraction
    return StageForecast(
        attempts_a_day=chirp,
        control_a_day=sum(of_listed.values()) * (1 - fraction),
        by_character={name: each * fraction for name, each in of_listed.items()} if chirp else {},
        peak_a_minute=chirp * expects.peak / (day / timedelta(minutes=1)),
        dollars_a_month=_dollars(chirp, attempts - chirp, expects.text_characters, DAY / day),
        dollars_without_stored_takes=_list_dollars(
            sum(of_listed.values()) / expects.new_takes, fraction, expects.text_characters, DAY / day
        ),
        needed=_attempts_for_all_gates(plan, stage),
    )


def job_shares(expects: Expects, catalogue: Collection[str]) -> dict[str, float]:
    """Return each character's share of the jobs; characters without one share the rest equally."""
    rest = [name for name in catalogue if name not in expects.shares]
    left = max(0.0, 1 - sum(expects.shares.values()))
    return {**expects.shares, **{name: left / len(rest) for name in rest}}


def _dollars(chirp: float, wavenet: float, text_characters: int, days_a_day: float) -> float:
    month = text_characters * _MONTH_DAYS * days_a_day
    billed = {VoiceModel.CHIRP3_HD: chirp * month, VoiceModel.WAVENET: wavenet * month}
    return list_price({model: max(0.0, each - TERMS[model].free_characters) for model, each in billed.items()})


def _list_dollars(attempts: float, fraction: float, text_characters: int, days_a_day: float) -> float:
    characters = attempts * text_characters * _MONTH_DAYS * days_a_day
    return characters * list_price({VoiceModel.CHIRP3_HD: fraction, VoiceModel.WAVENET: 1 - fraction})


def _attempts_for_all_gates(plan: Plan, stage: Stage) -> int | None:
    needed = 0
    for gate in plan.gates_of(stage):
        if gate.dry_run or gate.measure in {Measure.QUERY, Measure.CACHE_HIT_RATE, Measure.PREFERENCE}:
            continue
        each = attempts_to_pass(plan, stage, gate)
        if each is None:
            return None
        needed = max(needed, each)
    return needed


def attempts_to_pass(plan: Plan, stage: Stage, gate: Condition, rate: float = HEALTHY) -> int | None:
    """Return after how many attempts a gate passes at a constant rate of what it counts; None if never.

    Complaints come at the rate that the plan expects, and are counted by completions, with those of stored takes.
    """
    sample = plan.min_sample_of(stage, gate)
    if gate.measure in COMPLAINTS:
        limit, expected = gate.limit, plan.expects.complaints
        needed = 0 if limit is None else attempts_to_show_below(expected, limit, plan.bounds.promote_z)
        return None if needed is None else math.ceil(max(sample, needed) * plan.expects.new_takes)
    most = P95_SHARE if gate.measure is Measure.P95_TIME else gate.limit
    if gate.measure in RATES | {Measure.P95_TIME} and most is not None:
        shown = attempts_to_show_below(rate, most, plan.bounds.promote_z)
        return None if shown is None else max(sample, shown)
    return max(sample, MIN_SAMPLE_FOR_MEAN) if gate.measure is Measure.MEAN_TIME else sample
