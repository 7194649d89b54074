"""Draws what a trace's jobs come to, step by step, as the ledger counts it. Pure; its randomness is a seed's.

Drawn are counts, not single jobs: of each character and length how many jobs come (Poisson), how many of them the
percentage gives to Chirp, a stored take answers, fail and fall back (binomial), and how long each attempt takes
(log-normal).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from schemas.revision import FULL_PERCENTAGE
from schemas.words import DecisionReason, FailureClass, Lane, VoiceModel
from worker.rollout.analysis.tally import CellKey, Tally
from worker.rollout.decision import DecisionRequest, decide
from worker.rollout.plan.model import DAY, Plan
from worker.rollout.simulation.trace import Trace
from worker.rollout.state import RolloutState

BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""When each simulation begins: a Monday."""
LANGUAGE: Final = "en-US"
_BUSIEST: Final = timedelta(hours=18)
_FINE_S, _TENTHS, _FINE_STEPS = 10.0, 10, 100
Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]


def time_steps(seconds: Floats) -> Counts:
    """`tally.time_step` of many durations."""
    fine = np.maximum(0, np.ceil(seconds * _TENTHS) - 1)
    return np.where(seconds <= _FINE_S, fine, _FINE_STEPS - 1 + np.ceil(seconds - _FINE_S)).astype(np.int64)


@dataclass(frozen=True)
class _Conditions:
    """How a model does, by cell: character and length."""

    errors: Floats
    mean: Floats
    sigma: Floats
    falls_back: Floats
    hits: Floats


class Traffic:
    """The jobs of one simulation.

    Args:
        trace: what comes.
        plan: names the length bands.
        catalogue: the keys of all characters.
        seed: of all that is drawn.
    """

    def __init__(self, trace: Trace, plan: Plan, catalogue: frozenset[str], seed: int) -> None:
        self._trace = trace
        self._names = sorted(catalogue)
        shares, weight = trace.share_of(self._names), sum(trace.lengths.values())
        self._cells = [(name, length) for name in self._names for length in trace.lengths]
        self._bands = [plan.band_of(length) for _, length in self._cells]
        self._lengths = np.array([length for _, length in self._cells])
        self._shares = np.array([shares[name] * trace.lengths[length] / weight for name, length in self._cells])
        self._rng = np.random.default_rng(seed)
        self._decided: tuple[RolloutState, frozenset[str], Mapping[str, DecisionReason | None]] | None = None
        self._known: tuple[timedelta, dict[VoiceModel, _Conditions], Floats] | None = None

    def step(self, begin: datetime, lasts: timedelta, state: RolloutState) -> Iterator[tuple[CellKey, Tally]]:
        """What comes in a step, by what holds at its begin.

        Args:
            begin: of the step.
            lasts: how long it is.
            state: that workers decide by in it.
        """
        after = begin - BEGIN
        conditions, jobs = self._conditions(after)
        day = 2 * math.pi * ((after - _BUSIEST) / DAY)
        mean = self._trace.jobs_a_day * (lasts / DAY) * (1 + (self._trace.peak - 1) * math.cos(day))
        came = self._rng.poisson(mean * self._shares * jobs)
        reasons = self._reasons(state, begin)
        shares = [state.percentage / FULL_PERCENTAGE if reasons[name] is None else 0.0 for name, _ in self._cells]
        to_chirp = self._rng.binomial(came, shares)
        for_chirp = _Arm(VoiceModel.CHIRP3_HD, VoiceModel.CHIRP3_HD, state.revision, first=True)
        fell: Counts = np.zeros_like(came)
        by_percentage = [DecisionReason.IN_ROLLOUT] * len(self._cells)
        if to_chirp.any():
            drawn = self._drawn(to_chirp, conditions[VoiceModel.CHIRP3_HD], fallback=state.fallback)
            fell = drawn.fell
            yield from self._tallies(for_chirp, drawn, by_percentage)
        outside = [reasons[name] or DecisionReason.OUTSIDE for name, _ in self._cells]
        wavenet = conditions[VoiceModel.WAVENET]
        for_wavenet = _Arm(VoiceModel.WAVENET, VoiceModel.WAVENET, state.revision, first=True)
        yield from self._tallies(for_wavenet, self._drawn(came - to_chirp, wavenet, fallback=False), outside)
        if fell.any():
            instead = _Arm(VoiceModel.WAVENET, VoiceModel.CHIRP3_HD, state.revision, first=False)
            # Of a fallback no stored take is there yet: Chirp would have been asked before.
            drawn = self._drawn(fell, wavenet, fallback=False, looked_up=False)
            yield from self._tallies(instead, drawn, by_percentage)

    def _reasons(self, state: RolloutState, now: datetime) -> Mapping[str, DecisionReason | None]:
        out = frozenset(name for name in state.quarantined if state.is_quarantined(name, now))
        if self._decided is None or self._decided[:2] != (state, out):
            self._decided = (state, out, {name: self._reason(state, name, now) for name in self._names})
        return self._decided[2]

    @staticmethod
    def _reason(state: RolloutState, character: str, now: datetime) -> DecisionReason | None:
        """Why a character's jobs all go to WaveNet; None where the percentage decides."""
        decision = decide(state, DecisionRequest(character, "", chirp_speaks_language=True), now)
        return None if decision.by_percentage else decision.reason

    def _conditions(self, after: timedelta) -> tuple[dict[VoiceModel, _Conditions], Floats]:
        if self._known is None or self._trace.changes_within(self._known[0], after):
            models = {model: self._speaking(after, model) for model in VoiceModel}
            self._known = (after, models, np.array([self._trace.jobs(after, name) for name, _ in self._cells]))
        return self._known[1], self._known[2]

    def _speaking(self, after: timedelta, model: VoiceModel) -> _Conditions:
        each = [self._trace.speaking(after, model, name) for name, _ in self._cells]
        spread = np.array([of.spread for of in each])
        variance = np.log1p(spread * spread)
        return _Conditions(
            errors=np.array([of.errors for of in each]),
            mean=np.log([of.seconds for of in each]) - variance / 2,
            sigma=np.sqrt(variance),
            falls_back=np.array([of.falls_back for of in each]),
            hits=np.array([of.hits for of in each]),
        )

    def _drawn(self, jobs: Counts, of: _Conditions, *, fallback: bool, looked_up: bool = True) -> "_Drawn":
        hits = self._rng.binomial(jobs, of.hits) if looked_up and of.hits.any() else np.zeros_like(jobs)
        attempts = jobs - hits
        errors = self._rng.binomial(attempts, of.errors)
        fell = self._rng.binomial(errors, of.falls_back) if fallback else np.zeros_like(jobs)
        seconds = self._rng.lognormal(np.repeat(of.mean, attempts), np.repeat(of.sigma, attempts))
        return _Drawn(hits, attempts, errors, fell, seconds)

    def _tallies(self, arm: "_Arm", drawn: "_Drawn", reasons: list[DecisionReason]) -> Iterator[tuple[CellKey, Tally]]:
        ends = np.cumsum(drawn.attempts)
        sums = np.concatenate(([0.0], np.cumsum(drawn.seconds)))
        squares = np.concatenate(([0.0], np.cumsum(drawn.seconds**2)))
        begins = ends - drawn.attempts
        steps = time_steps(drawn.seconds).tolist()
        columns = zip(
            drawn.hits.tolist(), drawn.attempts.tolist(), drawn.errors.tolist(), drawn.fell.tolist(),
            ((drawn.attempts - drawn.errors) * self._lengths).tolist(),
            (sums[ends] - sums[begins]).tolist(), (squares[ends] - squares[begins]).tolist(),
            begins.tolist(), ends.tolist(), strict=True,
        )  # fmt: skip
        for number, (hits, attempts, errors, fell, billed, seconds, squared, begin, end) in enumerate(columns):
            if hits or attempts:
                key = CellKey(
                    Lane.DIALOGUE, self._cells[number][0], LANGUAGE, self._bands[number], arm.voice_model, arm.decided,
                    reasons[number], arm.revision, arm.first,
                )  # fmt: skip
                failures = {FailureClass.TRANSIENT: errors} if errors else {}
                times = Counter(steps[begin:end])
                yield key, Tally(attempts, errors, fell, hits, attempts, seconds, squared, billed, failures, times)


@dataclass(frozen=True)
class _Arm:
    """Who spoke, who was to speak."""

    voice_model: VoiceModel
    decided: VoiceModel
    revision: int
    first: bool


@dataclass(frozen=True)
class _Drawn:
    """What came of jobs, by cell; the seconds of all attempts, one cell's after the other's."""

    hits: Counts
    attempts: Counts
    errors: Counts
    fell: Counts
    seconds: Floats
