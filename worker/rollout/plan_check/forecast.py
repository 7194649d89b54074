"""What a plan comes to at the traffic that it expects: attempts, time, quota, cost, how soon a breach is seen. Pure."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.revision import FULL_PERCENTAGE
from schemas.words import VoiceModel
from worker.pricing.google_terms import TERMS, list_price
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.confidence import attempts_to_show_above, attempts_to_show_below
from worker.rollout.analysis.evaluate import LEAST_EVENTS, LEAST_FOR_A_MEAN, P95_SHARE
from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.model import AGAINST_CONTROL, DAY, RATES, Condition, Expects, Measure, Plan, Rule, Stage

HEALTHY: Final = 0.02
"""The share of failures, fallbacks and slow attempts that a healthy system is taken to have."""
_MONTH_DAYS: Final = 30
_SLIGHT, _CLEAR = 1.2, 2.0
_HALF: Final = 0.5
# What a comparison is asked about: Chirp's share of failures, or of slow ones, where the control's is HEALTHY.
_WORSE: Final = (0.04, 0.07, _HALF)


def shares(expects: Expects, catalogue: Collection[str]) -> dict[str, float]:
    """Each character's share of the jobs; those without one share equally what the others leave."""
    rest = [name for name in catalogue if name not in expects.shares]
    left = max(0.0, 1 - sum(expects.shares.values()))
    return {**expects.shares, **{name: left / len(rest) for name in rest}}


@dataclass(frozen=True)
class Exposure:
    """What a stage comes to.

    Attributes:
        attempts_a_day: of Chirp, by the percentage.
        control_a_day: of WaveNet among the same characters.
        by_character: Chirp's attempts a day, of those who hear it.
        peak_a_minute: Chirp requests in the busiest minute.
        dollars_a_month: of both models and all characters, past the free tier.
        needed: attempts that its gates need while `HEALTHY`; None if they never pass then.
    """

    attempts_a_day: float
    control_a_day: float
    by_character: Mapping[str, float]
    peak_a_minute: float
    dollars_a_month: float
    needed: int | None

    @property
    def rarest(self) -> str | None:
        """The character with the fewest attempts."""
        return min(self.by_character, key=lambda name: (self.by_character[name], name), default=None)


def exposure(plan: Plan, stage: Stage, catalogue: Collection[str], *, day: timedelta = DAY) -> Exposure:
    """What a stage comes to.

    Args:
        plan: as rehearsed.
        stage: of it.
        catalogue: the keys of all characters.
        day: how long a day lasts; its traffic comes in it, however short it is.
    """
    expects = plan.expects
    fraction = stage.percentage / FULL_PERCENTAGE if stage.enabled else 0.0
    attempts = expects.jobs_a_day * expects.new_takes
    hears = catalogue if stage.characters is None else stage.characters
    heard = {name: share * attempts for name, share in shares(expects, catalogue).items() if name in hears}
    chirp = sum(heard.values()) * fraction
    return Exposure(
        attempts_a_day=chirp,
        control_a_day=sum(heard.values()) * (1 - fraction),
        by_character={name: each * fraction for name, each in heard.items()} if chirp else {},
        peak_a_minute=chirp * expects.peak / (day / timedelta(minutes=1)),
        dollars_a_month=_dollars(chirp, attempts - chirp, expects.text_characters, DAY / day),
        needed=_needed(plan, stage),
    )


def _dollars(chirp: float, wavenet: float, text_characters: int, days_a_day: float) -> float:
    month = text_characters * _MONTH_DAYS * days_a_day
    spoken = {VoiceModel.CHIRP3_HD: chirp * month, VoiceModel.WAVENET: wavenet * month}
    return list_price({model: max(0.0, each - TERMS[model].free_characters) for model, each in spoken.items()})


def _needed(plan: Plan, stage: Stage) -> int | None:
    needed = 0
    for gate in plan.gates_of(stage):
        if gate.dry_run or gate.measure in {Measure.QUERY, Measure.CACHE_HIT_RATE}:
            continue
        each = attempts_for(plan, stage, gate)
        if each is None:
            return None
        needed = max(needed, each)
    return needed


def attempts_for(plan: Plan, stage: Stage, gate: Condition, rate: float = HEALTHY) -> int | None:
    """After how many attempts a gate passes at a rate of what it counts; None if never."""
    sample = plan.sample_of(stage, gate)
    limit = P95_SHARE if gate.measure is Measure.P95_TIME else gate.limit
    if gate.measure in RATES | {Measure.P95_TIME} and limit is not None:
        shown = attempts_to_show_below(rate, limit, plan.bounds.promote_z)
        return None if shown is None else max(sample, shown)
    return max(sample, LEAST_FOR_A_MEAN) if gate.measure is Measure.MEAN_TIME else sample


@dataclass(frozen=True)
class Detection:
    """How soon a breach of a rule is seen.

    Attributes:
        breach: what Chirp has instead, such as "20 % errors".
        slight: a breach by a fifth; a clear one, by twice the limit, should be seen.
        attempts: that it takes; None if it is never shown, for nobody is left to compare with.
        takes: the time until then, with the time that it waits to settle; None likewise or without traffic.
        window: the longest in which they must come together; None for a comparison, which forgets nothing.
    """

    breach: str
    slight: bool
    attempts: int | None
    takes: timedelta | None
    window: timedelta | None

    @property
    def seen(self) -> bool:
        """Whether it is seen at all: the attempts come, and all within the window."""
        return self.takes is not None


def detections(
    plan: Plan, stage: Stage, use: Use, rule: Rule, catalogue: Collection[str], *, day: timedelta = DAY
) -> Iterator[Detection]:
    """How soon breaches of a rule of a stage are seen, the slightest first; of a character's rule, the rarest one's.

    Args:
        plan: as rehearsed.
        stage: of it.
        use: which kind the rule is of. "At once" takes either window, "a step" both, so that the short one decides.
        rule: no query.
        catalogue: the keys of all characters.
        day: how long a day lasts.
    """
    comes = exposure(plan, stage, catalogue, day=day)
    chirp, control = comes.attempts_a_day, comes.control_a_day
    if use == "character" and comes.rarest is not None:
        chirp, control = comes.by_character[comes.rarest], control * comes.by_character[comes.rarest] / chirp
    if rule.measure in AGAINST_CONTROL:
        hears = catalogue if stage.characters is None else stage.characters
        threshold = Comparisons(plan, stage, hears).threshold(comes.rarest if use == "character" else None)
        yield from _against_control(plan, rule, (chirp, control), threshold, day=day)
        return
    window = plan.windows.short if use == "step" else plan.windows.long
    for breach, slight, attempts in _breaches(plan, rule):
        needed = max(attempts, rule.min_sample or 1)
        takes = day * (needed / chirp) if chirp else None
        seen = takes is not None and takes <= window
        yield Detection(breach, slight, needed, takes + plan.windows.settle if takes and seen else None, window)


def _breaches(plan: Plan, rule: Rule) -> Iterator[tuple[str, bool, int]]:
    limit, z = rule.limit or 0.0, plan.bounds.roll_back_z
    if rule.measure is Measure.MEAN_TIME:
        for factor in (_SLIGHT, _CLEAR):
            # Times spread about as widely as they are long: taken here for the limit.
            attempts = math.ceil((z / (factor - 1)) ** 2)
            yield f"{limit * factor:g} s on average", factor == _SLIGHT, max(attempts, LEAST_FOR_A_MEAN)
        return
    what = {Measure.ERROR_RATE: "errors", Measure.FALLBACK_RATE: "fallbacks"}
    told = what.get(rule.measure, f"over {limit:g} s")
    limit = P95_SHARE if rule.measure is Measure.P95_TIME else limit
    clear = min(1.0, limit * _CLEAR)
    for rate in sorted({min(1.0, limit * _SLIGHT), clear, max(_HALF, clear)}):
        shown = attempts_to_show_above(rate, limit, z)
        if shown is not None:
            yield f"{rate:.0%} {told}", rate < clear, max(shown, math.ceil(LEAST_EVENTS / rate))


def _against_control(
    plan: Plan, rule: Rule, a_day: tuple[float, float], threshold: float, *, day: timedelta
) -> Iterator[Detection]:
    windows_a_day = day / plan.windows.short
    chirp, control = (each / windows_a_day for each in a_day)
    what = "errors" if rule.measure is Measure.ERRORS_AGAINST_CONTROL else f"over {plan.control.slow:g} s"
    for rate in _WORSE:
        windows = windows_to_show_worse(chirp, control, rate, plan.control.ratios, threshold)
        takes = None if windows is None else windows * plan.windows.short + plan.windows.settle
        attempts = None if windows is None else math.ceil(windows * chirp)
        yield Detection(f"{rate:.0%} {what}, {HEALTHY:.0%} in WaveNet", rate == _WORSE[0], attempts, takes, None)


def windows_to_show_worse(
    chirp: float, control: float, rate: float, ratios: Sequence[float], threshold: float
) -> int | None:
    """After how many windows a comparison is expected to say that Chirp is worse; None if never.

    The logarithm of a window's likelihood ratio is linear in its failures, so that its mean is had from theirs; the
    evidence of `sequential.py` then grows as a sum of powers of it. At 20 + 180 attempts a window it says 22 for 7 %
    against 2 %, and 8 for 12 %; the simulated medians are 18 and 7.

    Args:
        chirp: its attempts in a window.
        control: WaveNet's.
        rate: Chirp's share of failures; the control's is `HEALTHY`.
        ratios: the odds ratios that are looked for.
        threshold: that their mean must pass.
    """
    if not chirp or not control:
        return None
    share, failed, control_failed = chirp / (chirp + control), chirp * rate, control * HEALTHY
    fewest: int | None = None
    for ratio in ratios:
        log = failed * math.log(ratio) - (failed + control_failed) * math.log(share * ratio + 1 - share)
        if log <= 0:
            continue
        # S(n) = L + L**2 + … + L**n, of one ratio among all.
        windows = max(1, math.ceil(math.log1p(threshold * len(ratios) * -math.expm1(-log)) / log))
        fewest = windows if fewest is None else min(fewest, windows)
    return fewest
