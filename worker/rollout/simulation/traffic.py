"""Draws a trace's traffic step by step, as tallies of attempts. Pure: its random numbers depend on the seed alone.

It draws counts, not single jobs. For each character and text length these are: the jobs (Poisson); those that the
percentage gives to Chirp, those that a stored take answers, the failures and fallbacks (binomial); each attempt's
duration (log-normal); and the completions that players report (binomial), in the step in which they are heard.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from schemas.enums import DecisionReason, Lane, VoiceModel
from schemas.revision import FULL_PERCENTAGE
from worker.rollout.analysis.durations import Durations
from worker.rollout.analysis.preferences import Outcome
from worker.rollout.analysis.tally import CellKey, Tally
from worker.rollout.decision import DecisionRequest, decide
from worker.rollout.plan.model import Plan
from worker.rollout.plan.units import DAY
from worker.rollout.simulation.trace import Trace
from worker.rollout.state import RolloutState

BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""The begin of each simulation, a Monday."""
LANGUAGE: Final = "en-US"
_BUSIEST: Final = timedelta(hours=18)
_FINE_S, _TENTHS, _FINE_BUCKETS = 10.0, 10, 100
FloatArray = np.ndarray[Any, np.dtype[np.float64]]
CountArray = np.ndarray[Any, np.dtype[np.int64]]


def duration_buckets(seconds: FloatArray) -> CountArray:
    """Return `durations.duration_bucket` of many durations."""
    fine = np.maximum(0, np.ceil(seconds * _TENTHS) - 1)
    return np.where(seconds <= _FINE_S, fine, _FINE_BUCKETS - 1 + np.ceil(seconds - _FINE_S)).astype(np.int64)


@dataclass(frozen=True)
class _Behaviour:
    """A model's behaviour by cell: character and text length."""

    errors: FloatArray
    mean: FloatArray
    sigma: FloatArray
    falls_back: FloatArray
    hits: FloatArray
    complaints: FloatArray


class Traffic:
    """The traffic of one simulation.

    Args:
        trace: the traffic.
        plan: for its length bands.
        catalogue: the keys of all characters.
        seed: of the random numbers.
    """

    def __init__(self, trace: Trace, plan: Plan, catalogue: frozenset[str], seed: int) -> None:
        self._trace = trace
        self._names = sorted(catalogue)
        shares, weight = trace.job_shares(self._names), sum(trace.lengths.values())
        self._cells = [(name, length) for name in self._names for length in trace.lengths]
        self._bands = [plan.length_band(length) for _, length in self._cells]
        self._lengths = np.array([length for _, length in self._cells])
        self._shares = np.array([shares[name] * trace.lengths[length] / weight for name, length in self._cells])
        self._rng = np.random.default_rng(seed)
        # Complaints and votes change no attempt: a seed's attempts are the same with other ones.
        self._complaints_rng = np.random.default_rng([seed, 1])
        self._votes_rng = np.random.default_rng([seed, 2])
        self._reason_cache: tuple[RolloutState, frozenset[str], Mapping[str, DecisionReason | None]] | None = None
        self._behaviour_cache: tuple[timedelta, dict[VoiceModel, _Behaviour], FloatArray] | None = None

    def draw_step(self, begin: datetime, lasts: timedelta, state: RolloutState) -> Iterator[tuple[CellKey, Tally]]:
        """Draw the tallies of a step, by the trace and the state at its begin.

        Args:
            begin: of the step.
            lasts: its length.
            state: the state that workers decide by in it.
        """
        after = begin - BEGIN
        behaviour, job_factors = self._behaviour(after)
        day = 2 * math.pi * ((after - _BUSIEST) / DAY)
        mean = self._trace.jobs_a_day * (lasts / DAY) * (1 + (self._trace.peak - 1) * math.cos(day))
        jobs = self._rng.poisson(mean * self._shares * job_factors)
        reasons = self._wavenet_reasons(state, begin)
        shares = [state.percentage / FULL_PERCENTAGE if reasons[name] is None else 0.0 for name, _ in self._cells]
        to_chirp = self._rng.binomial(jobs, shares)
        chirp_arm = _Arm(VoiceModel.CHIRP3_HD, VoiceModel.CHIRP3_HD, state.revision, first=True)
        fallbacks: CountArray = np.zeros_like(jobs)
        in_rollout = [DecisionReason.IN_ROLLOUT] * len(self._cells)
        if to_chirp.any():
            drawn = self._draw(to_chirp, behaviour[VoiceModel.CHIRP3_HD], fallback=state.fallback)
            fallbacks = drawn.fallbacks
            yield from self._tallies(chirp_arm, drawn, in_rollout)
        outside = [reasons[name] or DecisionReason.OUTSIDE for name, _ in self._cells]
        wavenet = behaviour[VoiceModel.WAVENET]
        control_arm = _Arm(VoiceModel.WAVENET, VoiceModel.WAVENET, state.revision, first=True)
        yield from self._tallies(control_arm, self._draw(jobs - to_chirp, wavenet, fallback=False), outside)
        if fallbacks.any():
            fallback_arm = _Arm(VoiceModel.WAVENET, VoiceModel.CHIRP3_HD, state.revision, first=False)
            # A fallback finds no stored take: the first look-up would have found it.
            drawn = self._draw(fallbacks, wavenet, fallback=False, has_lookup=False)
            yield from self._tallies(fallback_arm, drawn, in_rollout)

    def draw_votes(self, lasts: timedelta, characters: Collection[str]) -> Iterator[tuple[str, Outcome]]:
        """Draw the votes of a step, spread evenly over the characters that get Chirp.

        Args:
            lasts: the step's length.
            characters: those that get Chirp.
        """
        listeners = self._trace.listeners
        if not characters or not listeners.votes_a_day:
            return
        names = sorted(characters)
        count = self._votes_rng.poisson(listeners.votes_a_day * (lasts / DAY))
        for number in self._votes_rng.integers(len(names), size=count).tolist():
            drawn = self._votes_rng.random()
            yield (
                names[number],
                (
                    Outcome.CHIRP
                    if drawn < listeners.chirp
                    else Outcome.EQUAL
                    if drawn < listeners.chirp + listeners.equal
                    else Outcome.WAVENET
                ),
            )

    def _wavenet_reasons(self, state: RolloutState, now: datetime) -> Mapping[str, DecisionReason | None]:
        quarantined = frozenset(name for name in state.quarantined if state.is_quarantined(name, now))
        if self._reason_cache is None or self._reason_cache[:2] != (state, quarantined):
            reasons = {name: self._wavenet_reason(state, name, now) for name in self._names}
            self._reason_cache = (state, quarantined, reasons)
        return self._reason_cache[2]

    @staticmethod
    def _wavenet_reason(state: RolloutState, character: str, now: datetime) -> DecisionReason | None:
        """Return why all jobs of a character go to WaveNet; None if the percentage decides."""
        decision = decide(state, DecisionRequest(character, "", chirp_speaks_language=True), now)
        return None if decision.by_percentage else decision.reason

    def _behaviour(self, after: timedelta) -> tuple[dict[VoiceModel, _Behaviour], FloatArray]:
        """Return each model's behaviour and the job factors by cell; cached until a shift begins or ends."""
        if self._behaviour_cache is None or self._trace.changes_within(self._behaviour_cache[0], after):
            models = {model: self._model_behaviour(after, model) for model in VoiceModel}
            factors = np.array([self._trace.job_factor(after, name) for name, _ in self._cells])
            self._behaviour_cache = (after, models, factors)
        return self._behaviour_cache[1], self._behaviour_cache[2]

    def _model_behaviour(self, after: timedelta, model: VoiceModel) -> _Behaviour:
        by_cell = [self._trace.behaviour(after, model, name) for name, _ in self._cells]
        spread = np.array([each.spread for each in by_cell])
        variance = np.log1p(spread * spread)
        return _Behaviour(
            errors=np.array([each.errors for each in by_cell]),
            mean=np.log([each.seconds for each in by_cell]) - variance / 2,
            sigma=np.sqrt(variance),
            falls_back=np.array([each.falls_back for each in by_cell]),
            hits=np.array([each.hits for each in by_cell]),
            complaints=np.array([each.complaints for each in by_cell]),
        )

    def _draw(self, jobs: CountArray, model: _Behaviour, *, fallback: bool, has_lookup: bool = True) -> "_Drawn":
        hits = self._rng.binomial(jobs, model.hits) if has_lookup and model.hits.any() else np.zeros_like(jobs)
        attempts = jobs - hits
        errors = self._rng.binomial(attempts, model.errors)
        fallbacks = self._rng.binomial(errors, model.falls_back) if fallback else np.zeros_like(jobs)
        seconds = self._rng.lognormal(np.repeat(model.mean, attempts), np.repeat(model.sigma, attempts))
        complaints = self._complaints_rng.binomial(attempts - errors + hits, model.complaints)
        return _Drawn(hits, attempts, errors, fallbacks, seconds, complaints)

    def _tallies(self, arm: "_Arm", drawn: "_Drawn", reasons: list[DecisionReason]) -> Iterator[tuple[CellKey, Tally]]:
        ends = np.cumsum(drawn.attempts)
        sums = np.concatenate(([0.0], np.cumsum(drawn.seconds)))
        squares = np.concatenate(([0.0], np.cumsum(drawn.seconds**2)))
        begins = ends - drawn.attempts
        buckets = duration_buckets(drawn.seconds).tolist()
        columns = zip(
            drawn.hits.tolist(), drawn.attempts.tolist(), drawn.errors.tolist(), drawn.fallbacks.tolist(),
            ((drawn.attempts - drawn.errors) * self._lengths).tolist(),
            (sums[ends] - sums[begins]).tolist(), (squares[ends] - squares[begins]).tolist(),
            begins.tolist(), ends.tolist(), drawn.complaints.tolist(), strict=True,
        )  # fmt: skip
        for number, column in enumerate(columns):
            hits, attempts, errors, fallbacks, billed, seconds, squared, begin, end, complaints = column
            if hits or attempts:
                key = CellKey(
                    Lane.DIALOGUE, self._cells[number][0], LANGUAGE, self._bands[number], arm.voice_model, arm.decided,
                    reasons[number], arm.revision, arm.first,
                )  # fmt: skip
                times = Durations(Counter(buckets[begin:end]))
                yield (
                    key,
                    Tally(
                        attempts,
                        errors,
                        fallbacks,
                        hits,
                        attempts,
                        seconds,
                        squared,
                        billed,
                        times,
                        complaints,
                        complaints,
                    ),
                )


@dataclass(frozen=True)
class _Arm:
    """The voice model of the attempts, and the decision's."""

    voice_model: VoiceModel
    decided: VoiceModel
    revision: int
    first: bool


@dataclass(frozen=True)
class _Drawn:
    """The drawn outcomes by cell; `seconds` has the durations of all attempts, cell after cell."""

    hits: CountArray
    attempts: CountArray
    errors: CountArray
    fallbacks: CountArray
    seconds: FloatArray
    complaints: CountArray
