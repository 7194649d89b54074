"""Judges one gate or rule by what was counted: verdict, numbers, and a sentence for people. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from worker.rollout.analysis.comparisons import Compared
from worker.rollout.analysis.confidence import mean_bounds, wilson_lower, wilson_upper
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Status, Use, Verdict
from worker.rollout.plan.model import TIMES, Bounds, Condition, Gate, Measure, NoData, Rule

P95_SHARE: Final = 0.05
# Below so many attempts the normal distribution says nothing of a mean.
LEAST_FOR_A_MEAN: Final = 20
LEAST_EVENTS: Final = 7
"""Failures below which no rule about a rate rolls back: Wilson's bound alone takes one of one, or two of three.

Rules are asked every minute for weeks, of each character. In 300 simulated healthy weeks (2 % errors, limit 10 %,
windows of 5 min and 1 h moved on by the minute) one of 14 characters was wrongly quarantined, at 20, 100 and 200 Chirp
attempts in 5 min: by the bound alone in 100, 100, 98 %; from 15 attempts on in 7, 1, 31 %; from 20 in 1.7, 0.3, 1.3 %;
from 7 failures on in 0.3 % each. Half of 20 attempts failing is still seen in one window with 94 %.
"""


@dataclass(frozen=True)
class QueryAnswer:
    """What Prometheus said to a query this round.

    Attributes:
        value: one finite number; None without data.
        error: what went wrong, if it did.
        errors_in_a_row: this round's included.
    """

    value: float | None = None
    error: str | None = None
    errors_in_a_row: int = 0


@dataclass(frozen=True)
class Criterion:
    """What is judged: a condition over a window, of a character or of all, with the sample that it needs.

    `lately` asks whether a short end of a long time is like the rest: it has a tenth of the sample, and by so few a
    rate can't be shown to be low, so that what was measured itself must be below the limit.
    """

    use: Use
    condition: Condition
    window: str
    bounds: Bounds
    sample: int
    character: str | None = None
    lately: bool = False

    def says(self, verdict: Status, sentence: str, **numbers: float | None) -> Verdict:
        """A judgement of it."""
        shown: dict[str, Any] = {"limit": self.condition.limit, **numbers}
        return Verdict(
            self.use, self.condition.title, self.window, verdict, self.character, says=sentence,
            dry_run=self.condition.dry_run, **shown,
        )  # fmt: skip

    @property
    def is_rule(self) -> bool:
        """Whether FAIL means a roll-back."""
        return isinstance(self.condition, Rule)

    def no_data(self, sample: int, needed: int) -> Verdict:
        """What is said below the sample."""
        verdict = {NoData.HOLD: Status.HOLD, NoData.PASS: Status.PASS, NoData.FAIL: Status.FAIL}
        sentence = f"{sample:,} of {needed:,} attempts that it takes"
        return self.says(verdict[self.condition.no_data], sentence, sample=sample)


def evaluate_measure(asked: Criterion, chirp: Tally, control: Callable[[], Tally]) -> Verdict:
    """Judges a rate or a time.

    Args:
        asked: which.
        chirp: Chirp's attempts of the window.
        control: gives WaveNet's of the same window, which only a rate that fails needs. It never falls back: its errors
            are held against Chirp's fallbacks too.
    """
    measure, limit = asked.condition.measure, asked.condition.limit or 0.0
    # A rule's bound and `LEAST_EVENTS` carry its sample.
    needed = asked.sample if not asked.is_rule or asked.condition.min_sample else 1
    if measure is Measure.MEAN_TIME:
        needed = max(needed, LEAST_FOR_A_MEAN)
    sample = chirp.timed if measure in TIMES else chirp.attempts
    if sample < needed:
        return asked.no_data(sample, needed)
    if measure is Measure.MEAN_TIME:
        return _mean(asked, chirp, limit)
    if measure is Measure.P95_TIME:
        return _rate(asked, chirp.over(limit), chirp.timed, P95_SHARE, f"took longer than {limit:g} s")
    events, what = (chirp.fallbacks, "fell back") if measure is Measure.FALLBACK_RATE else (chirp.errors, "failed")
    judgement = _rate(asked, events, chirp.attempts, limit, what)
    if judgement.verdict is Status.FAIL:
        return _with_control(asked, judgement, (events, chirp.attempts), control())
    return judgement


def _rate(asked: Criterion, events: int, attempts: int, limit: float, what: str) -> Verdict:
    lower = wilson_lower(events, attempts, asked.bounds.roll_back_z)
    upper = events / attempts if asked.lately else wilson_upper(events, attempts, asked.bounds.promote_z)
    shown = lower > limit and not (asked.is_rule and events < LEAST_EVENTS)
    verdict = Status.FAIL if shown else Status.PASS if upper < limit else Status.HOLD
    bound = lower if asked.is_rule or verdict is Status.FAIL else upper
    sure = f"{'at least' if bound == lower else 'at most'} {bound:.2%} by the bound; "
    sentence = f"{events / attempts:.2%} of {attempts:,} {what}, {'' if asked.lately else sure}limit {limit:.2%}"
    if lower > limit and not shown:
        sentence += f"; a roll-back takes {LEAST_EVENTS} of them"
    return asked.says(verdict, sentence, value=events / attempts, bound=bound, sample=attempts, limit=limit)


def _mean(asked: Criterion, chirp: Tally, limit: float) -> Verdict:
    n = chirp.timed
    lower, _ = mean_bounds(n, chirp.seconds, chirp.squares, asked.bounds.roll_back_z)
    _, upper = mean_bounds(n, chirp.seconds, chirp.squares, 0.0 if asked.lately else asked.bounds.promote_z)
    verdict = Status.FAIL if lower > limit else Status.PASS if upper < limit else Status.HOLD
    bound = lower if asked.is_rule or verdict is Status.FAIL else upper
    side = "at least" if bound == lower else "at most"
    mean = chirp.seconds / n
    sentence = f"{mean:.2f} s on average over {n:,}, {side} {bound:.2f} s by the bound; limit {limit:g} s"
    return asked.says(verdict, sentence, value=mean, bound=bound, sample=n)


def _with_control(asked: Criterion, judgement: Verdict, chirp: tuple[int, int], control: Tally) -> Verdict:
    """Says so where WaveNet fails as much: then it is hardly Chirp that is ill."""
    if not control.attempts:
        return judgement
    least = wilson_lower(*chirp, asked.bounds.roll_back_z)
    most = wilson_upper(control.errors, control.attempts, asked.bounds.roll_back_z)
    control_least = wilson_lower(control.errors, control.attempts, asked.bounds.roll_back_z)
    limit = asked.condition.limit or 0.0
    if most < least or control_least <= limit:
        return judgement
    rate = control.errors / control.attempts
    says = f"{judgement.says}. WaveNet fails as much: {rate:.2%} of {control.attempts:,}"
    held = isinstance(asked.condition, Rule) and asked.condition.when_control_fails == "hold"
    return replace(judgement, says=says, verdict=Status.HOLD if held else judgement.verdict)


def evaluate_comparison(asked: Criterion, compared: Compared | None, threshold: float) -> Verdict:
    """Judges Chirp against the control; `value` is the evidence and `limit` what it must not pass.

    Args:
        asked: which.
        compared: None while no window is settled.
        threshold: of the evidence.
    """
    if compared is None:
        return asked.no_data(0, asked.sample)
    value, sample = compared.evidence.value, compared.chirp
    rates = (
        f"{_share(compared.chirp_events, compared.chirp)} of Chirp's {compared.chirp:,}, "
        f"{_share(compared.control_events, compared.control)} of WaveNet's {compared.control:,}"
    )
    numbers = {"value": value, "limit": threshold, "sample": sample}
    if value > threshold:
        return asked.says(Status.FAIL, f"Chirp is worse than WaveNet: {rates}", **numbers)
    if not asked.is_rule and sample < asked.sample:
        return asked.no_data(sample, asked.sample)
    if not compared.control:
        return asked.says(Status.PASS, f"WaveNet speaks nothing here that Chirp's {sample:,} compare with", **numbers)
    return asked.says(Status.PASS, f"not worse than WaveNet: {rates}", **numbers)


def evaluate_query(asked: Criterion, answer: QueryAnswer | None) -> Verdict:
    """Judges what Prometheus said; an error never rolls back."""
    limit = asked.condition.limit or 0.0
    if answer is None:
        return asked.says(Status.HOLD, "it wasn't asked yet")
    if answer.error is not None:
        broken = answer.errors_in_a_row > asked.condition.errors_allowed
        times = f", {answer.errors_in_a_row} times in a row" if answer.errors_in_a_row > 1 else ""
        return asked.says(Status.ERROR if broken else Status.HOLD, f"{answer.error}{times}")
    if answer.value is None:
        return replace(asked.no_data(0, 1), says="the query gives no data")
    value = answer.value
    above = isinstance(asked.condition, Gate) and asked.condition.above
    good = value > limit if above else value < limit if not asked.is_rule else value <= limit
    verdict = Status.PASS if good else Status.FAIL
    return asked.says(verdict, f"{value:g}; limit {limit:g}", value=value)


def evaluate_cache(asked: Criterion, early: Tally, late: Tally) -> Verdict:
    """Judges a model's cache hit rate against its own earlier one.

    Args:
        asked: a gate.
        early: its look-ups after the warm-up.
        late: its last ones.
    """
    before, now = early.cached + early.attempts, late.cached + late.attempts
    if min(before, now) < asked.sample:
        return replace(asked.no_data(min(before, now), asked.sample), says=f"{before:,} and {now:,} look-ups so far")
    rate, most = late.cached / now, wilson_upper(late.cached, now, asked.bounds.promote_z)
    drop = asked.condition.drop if isinstance(asked.condition, Gate) else 0.0
    limit = max(0.0, early.cached / before - drop)
    verdict = Status.PASS if most >= limit else Status.FAIL
    sentence = f"{rate:.1%} of {now:,} look-ups were hits, {early.cached / before:.1%} earlier; limit {limit:.1%}"
    return asked.says(verdict, sentence, value=rate, bound=most, limit=limit, sample=now)


def _share(events: int, attempts: int) -> str:
    return f"{events / attempts:.2%}" if attempts else "none"
