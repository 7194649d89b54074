"""Forecasts how soon each roll-back rule detects a breach at the plan's expected traffic. Pure."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.confidence import attempts_to_show_above
from worker.rollout.analysis.evaluate import MIN_EVENTS_TO_ROLL_BACK, MIN_SAMPLE_FOR_MEAN, P95_SHARE
from worker.rollout.analysis.verdict import Use
from worker.rollout.plan.conditions import AGAINST_CONTROL, COMPLAINTS, Measure, Rule
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.plan.parser import PlanFile
from worker.rollout.plan.units import DAY
from worker.rollout.plan.yaml import FieldPath
from worker.rollout.plan_check.conditions import conditions_of
from worker.rollout.plan_check.forecast import HEALTHY, forecast_stage

# A slight breach is a fifth above the limit, a clear one twice the limit.
_SLIGHT, _CLEAR = 1.2, 2.0
_HALF: Final = 0.5
_NOT_FORECAST: Final = {Measure.QUERY, Measure.CACHE_HIT_RATE, Measure.PREFERENCE}
# For comparisons: Chirp's share of failed or slow attempts, while the control's is HEALTHY.
_WORSE: Final = (0.04, 0.07, _HALF)
# For complaints: Chirp's rate over the control's.
_TIMES_WORSE: Final = (2, 3, 10)


@dataclass(frozen=True)
class Detection:
    """How soon a rule detects a breach.

    Attributes:
        breach: the breach in words, such as "20 % errors".
        slight: whether it is a slight breach; a clear one should be detected.
        attempts: the attempts needed; None if it is never detected, because no control is left.
        takes: the time until the detection, with the time to settle; None if it is never detected.
        window: the longest window in which the attempts must arrive, unless its rule's `last` holds them; None for a
            comparison, which keeps all evidence.
    """

    breach: str
    slight: bool
    attempts: int | None
    takes: timedelta | None
    window: timedelta | None

    @property
    def is_detected(self) -> bool:
        """Whether the breach is ever detected: enough attempts arrive within the window."""
        return self.takes is not None


@dataclass(frozen=True)
class RuleDetections:
    """A rule with the path where it stands first, and how soon it detects breaches in each stage that it covers."""

    path: FieldPath
    use: Use
    rule: Rule
    by_stage: tuple[tuple[Stage, tuple[Detection, ...]], ...]


def all_detections(file: PlanFile, catalogue: Collection[str], day: timedelta) -> list[RuleDetections]:
    """Forecast the detections of all rules except queries: their values can't be forecast.

    Args:
        file: its plan rehearsed, if `day` is shorter than 24 hours.
        catalogue: the keys of all characters.
        day: the length of a day.
    """
    plan = file.plan
    found: dict[tuple[Use, Rule], tuple[FieldPath, list[tuple[Stage, tuple[Detection, ...]]]]] = {}
    for number, stage in enumerate(plan.stages):
        if not forecast_stage(plan, stage, catalogue, day=day).attempts_a_day:
            continue
        for path, use, rule in conditions_of(plan, number):
            if isinstance(rule, Rule) and rule.measure not in _NOT_FORECAST:
                detections = tuple(rule_detections(plan, stage, use, rule, catalogue, day=day))
                # A stage with rules of its own often has some of the plan's among them.
                found.setdefault((use, rule), (path, []))[1].append((stage, detections))
    return [RuleDetections(path, use, rule, tuple(by_stage)) for (use, rule), (path, by_stage) in found.items()]


def rule_detections(
    plan: Plan, stage: Stage, use: Use, rule: Rule, catalogue: Collection[str], *, day: timedelta = DAY
) -> Iterator[Detection]:
    """Forecast how soon a rule detects breaches in a stage, the slightest first; a character's rule for the rarest one.

    Args:
        plan: rehearsed, if `day` is shorter than 24 hours.
        stage: of the plan.
        use: "at_once" needs either window; "step" needs both, so that the short one decides, or its `last` attempts.
        rule: no query.
        catalogue: the keys of all characters.
        day: the length of a day.
    """
    forecast = forecast_stage(plan, stage, catalogue, day=day)
    chirp, control = forecast.attempts_a_day, forecast.control_a_day
    if use == "character" and forecast.rarest is not None:
        of_rarest = forecast.by_character[forecast.rarest]
        chirp, control = of_rarest, control * of_rarest / chirp
    if rule.measure in COMPLAINTS:
        # Stored takes are heard too.
        chirp, control = (each / plan.expects.new_takes for each in (chirp, control))
    if rule.measure in AGAINST_CONTROL:
        exposed = catalogue if stage.characters is None else stage.characters
        threshold = Comparisons(plan, stage, exposed).threshold(forecast.rarest if use == "character" else None)
        yield from _comparison_detections(plan, rule, (chirp, control), threshold, day=day)
        return
    window = plan.windows.short if use == "step" else plan.windows.long
    for breach, slight, attempts in _breaches(plan, rule):
        needed = max(attempts, rule.min_sample or 1)
        takes = day * (needed / chirp) if chirp else None
        in_window = takes is not None and (takes <= window or needed <= (rule.last or 0))
        yield Detection(breach, slight, needed, takes + plan.windows.settle if takes and in_window else None, window)


def _breaches(plan: Plan, rule: Rule) -> Iterator[tuple[str, bool, int]]:
    """Yield breaches of a fixed limit: in words, whether slight, and the attempts that show it."""
    limit, z = rule.limit or 0.0, plan.bounds.roll_back_z
    if rule.measure is Measure.MEAN_TIME:
        for factor in (_SLIGHT, _CLEAR):
            # The standard deviation of synthesis times is about their mean: assumed to be the limit here.
            attempts = math.ceil((z / (factor - 1)) ** 2)
            yield f"{limit * factor:g} s on average", factor == _SLIGHT, max(attempts, MIN_SAMPLE_FOR_MEAN)
        return
    if rule.measure is Measure.COMPLAINT_RATE:
        for factor in (_SLIGHT, _CLEAR):
            rate = min(1.0, limit * factor)
            if (shown := attempts_to_show_above(rate, limit, z)) is not None:
                needed = max(shown, math.ceil(MIN_EVENTS_TO_ROLL_BACK / rate))
                yield f"{rate * 1000:g} complaints per 1,000", factor == _SLIGHT, needed
        return
    names = {Measure.ERROR_RATE: "errors", Measure.FALLBACK_RATE: "fallbacks"}
    name = names.get(rule.measure, f"over {limit:g} s")
    limit = P95_SHARE if rule.measure is Measure.P95_TIME else limit
    clear = min(1.0, limit * _CLEAR)
    for rate in sorted({min(1.0, limit * _SLIGHT), clear, max(_HALF, clear)}):
        shown = attempts_to_show_above(rate, limit, z)
        if shown is not None:
            yield f"{rate:.0%} {name}", rate < clear, max(shown, math.ceil(MIN_EVENTS_TO_ROLL_BACK / rate))


def _comparison_detections(
    plan: Plan, rule: Rule, a_day: tuple[float, float], threshold: float, *, day: timedelta
) -> Iterator[Detection]:
    windows_a_day = day / plan.windows.short
    chirp, control = (each / windows_a_day for each in a_day)
    for number, (breach, rate, healthy) in enumerate(_worse(plan, rule)):
        windows = windows_until_alarm(chirp, control, rate, plan.control.ratios, threshold, healthy=healthy)
        takes = None if windows is None else windows * plan.windows.short + plan.windows.settle
        attempts = None if windows is None else math.ceil(windows * chirp)
        yield Detection(breach, not number, attempts, takes, None)


def _worse(plan: Plan, rule: Rule) -> Iterator[tuple[str, float, float]]:
    """Yield what a comparison should detect: in words, Chirp's share of events, and the control's."""
    if rule.measure is Measure.COMPLAINTS_AGAINST_CONTROL:
        healthy = plan.expects.complaints
        for factor in _TIMES_WORSE:
            rate = min(1.0, factor * healthy)
            yield f"{rate * 1000:g} complaints per 1,000, {healthy * 1000:g} in WaveNet", rate, healthy
        return
    name = "errors" if rule.measure is Measure.ERRORS_AGAINST_CONTROL else f"over {plan.control.slow:g} s"
    for rate in _WORSE:
        yield f"{rate:.0%} {name}, {HEALTHY:.0%} in WaveNet", rate, HEALTHY


def windows_until_alarm(
    chirp: float,
    control: float,
    rate: float,
    ratios: Sequence[float],
    threshold: float,
    *,
    healthy: float = HEALTHY,
) -> int | None:
    """Return after how many windows the sequential test is expected to raise its alarm; None if never.

    The logarithm of a window's likelihood ratio is linear in its failures, so that its mean follows from theirs. The
    evidence of `sequential_test.py` then grows as a sum of powers of that ratio. With 20 + 180 attempts a window this
    gives 22 windows for 7 % against 2 %, and 8 for 12 %; the simulated medians are 18 and 7.

    Args:
        chirp: Chirp's attempts in a window.
        control: WaveNet's attempts in a window.
        rate: Chirp's share of failures.
        ratios: the odds ratios that the test looks for.
        threshold: that the evidence, their mean, must pass.
        healthy: the control's share of failures.
    """
    if not chirp or not control:
        return None
    share, failed, control_failed = chirp / (chirp + control), chirp * rate, control * healthy
    fewest: int | None = None
    for ratio in ratios:
        log = failed * math.log(ratio) - (failed + control_failed) * math.log(share * ratio + 1 - share)
        if log <= 0:
            continue
        # S(n) = L + L**2 + … + L**n, of one ratio among all.
        windows = max(1, math.ceil(math.log1p(threshold * len(ratios) * -math.expm1(-log)) / log))
        fewest = windows if fewest is None else min(fewest, windows)
    return fewest
