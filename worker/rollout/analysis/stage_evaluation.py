"""Canary analysis: evaluates all gates and roll-back rules of a stage in one round, by window and character. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.enums import VoiceModel
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.evaluate import (
    evaluate_cache,
    evaluate_comparison,
    evaluate_measure,
)
from worker.rollout.analysis.evaluate_preference import evaluate_preference
from worker.rollout.analysis.evaluate_query import QueryResult, evaluate_query
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.preferences import Votes
from worker.rollout.analysis.projection import evaluate_next_stage
from worker.rollout.analysis.tally import Tally, sum_tallies
from worker.rollout.analysis.verdict import Criterion, Evaluation, Status, Use, Verdict
from worker.rollout.plan.conditions import AGAINST_CONTROL, RATES, TIMES, Condition, Gate, Measure, Rule
from worker.rollout.plan.model import Plan, Stage
from worker.rollout.plan.units import format_duration

STAGE = "stage"
LAST_TENTH = "last tenth"
VOTES = "votes"
Window = tuple[str, tuple[datetime, datetime]]
"""Its name, its begin and its end."""


@dataclass(frozen=True)
class Round:
    """What one round evaluates.

    Attributes:
        plan: rehearsed, if its days are shortened.
        stage: of the plan.
        measurements: of the stage, settled.
        comparisons: updated with the measurements.
        votes: listeners'.
        query_results: Prometheus's, by query.
        exposed: the characters that get Chirp now.
        resumed_at: when a character got Chirp again after a quarantine; its rules look no further back.
        isolated: the characters that step rules leave out, because they are in quarantine or about to be.
        with_gates: whether gates are evaluated too.
    """

    plan: Plan
    stage: Stage
    measurements: Measurements
    comparisons: Comparisons
    votes: Votes
    query_results: Mapping[str, QueryResult]
    exposed: Collection[str]
    resumed_at: Mapping[str, datetime]
    isolated: frozenset[str] = frozenset()
    with_gates: bool = True

    def criterion(
        self, use: Use, condition: Condition, window: str, character: str | None = None, *, suffices: bool = False
    ) -> Criterion:
        """Make the criterion of a condition over a window."""
        sample = self.plan.min_sample_of(self.stage, condition)
        is_tail = window == LAST_TENTH
        # A tenth of the time has a tenth of the attempts.
        min_sample = -(-sample // 10) if is_tail else sample
        return Criterion(use, condition, window, self.plan.bounds, min_sample, character, is_tail, suffices)

    def last(self, length: timedelta) -> tuple[datetime, datetime]:
        """Return the window of a length that ends now; no longer than the stage."""
        until = self.measurements.until
        return max(self.measurements.since, until - length), until


def evaluate_stage(current: Round) -> Evaluation:
    """Evaluate a stage's gates and rules; while Chirp is off there is nothing that a gate could measure."""
    return Evaluation(
        gates=tuple(_evaluate_gates(current)) if current.stage.enabled and current.with_gates else (),
        rules=tuple(_evaluate_rules(current)),
        braked=current.measurements.braked(*current.last(current.plan.windows.short)),
    )


def violated_rules(verdicts: Collection[Verdict], use: Use) -> tuple[Verdict, ...]:
    """Return the verdicts of a kind that cause a roll-back now; dry runs cause none.

    For "at_once" and "character" one window is enough. A step back is no emergency: it needs both windows, or the last
    attempts that its rule asks for.
    """
    deciding = [each for each in verdicts if each.use == use and not each.dry_run]
    failed = [each for each in deciding if each.status is Status.FAIL]
    if use != "step":
        return tuple(failed)
    not_failed = {each.title for each in deciding if each.status is not Status.FAIL and not each.suffices}
    return tuple(each for each in failed if each.suffices or each.title not in not_failed)


def failing_characters(verdicts: Collection[Verdict]) -> frozenset[str]:
    """Return the characters that fail a rule of their own; none if all do, since the cause is no character then."""
    failing = {each.character for each in violated_rules(verdicts, "character") if each.character}
    evaluated = {each.character for each in verdicts if each.use == "character"}
    return frozenset() if failing == evaluated else frozenset(failing)


def _evaluate_rules(current: Round) -> Iterator[Verdict]:
    rules = current.plan.rules_of(current.stage)
    lengths = (current.plan.windows.short, current.plan.windows.long)
    windows = [(format_duration(each), current.last(each)) for each in lengths]
    of_characters = [
        verdict
        for rule in rules.character
        for character in sorted(current.exposed)
        for verdict in _evaluate_condition(current, "character", rule, windows, character)
    ]
    for rule in rules.at_once:
        yield from _evaluate_condition(current, "at_once", rule, windows)
    # One character's failures are no reason to take Chirp from the others.
    others = replace(current, isolated=current.isolated | failing_characters(of_characters))
    for rule in rules.step:
        yield from _evaluate_condition(others, "step", rule, windows)
    yield from of_characters


def _evaluate_condition(
    current: Round, use: Use, condition: Condition, windows: Collection[Window], character: str | None = None
) -> Iterator[Verdict]:
    """Evaluate a gate or rule: a comparison and a query once, a rate or time in each window and over its `last`."""
    if condition.measure in AGAINST_CONTROL:
        criterion = current.criterion(use, condition, STAGE, character)
        comparison = current.comparisons.find(condition.measure, character)
        yield evaluate_comparison(criterion, comparison, current.comparisons.threshold(character))
    elif condition.query is not None:
        criterion = current.criterion(use, condition, "now", character)
        yield evaluate_query(criterion, current.query_results.get(condition.query))
    else:
        for name, window in windows:
            yield _evaluate_window(current, current.criterion(use, condition, name, character), window)
        if isinstance(condition, Rule) and condition.last is not None:
            yield _evaluate_last(current, use, condition, condition.last, character)


def _evaluate_last(current: Round, use: Use, rule: Rule, attempts: int, character: str | None) -> Verdict:
    """Evaluate a rule over the last attempts of the stage; fewer while there aren't as many."""
    criterion = current.criterion(use, rule, f"last {attempts:,}", character, suffices=True)
    measurements = current.measurements
    window = (measurements.start_of_last(attempts, character), measurements.until)
    return _evaluate_window(current, criterion, window)


def _evaluate_window(current: Round, criterion: Criterion, window: tuple[datetime, datetime]) -> Verdict:
    start, end = window
    character = criterion.character
    if character is not None:
        start = min(max(start, current.resumed_at.get(character, start)), end)
    chirp = (
        _chirp_of_the_others(current, start, end)
        if criterion.use == "step"
        else current.measurements.chirp(start, end, character)
    )
    return evaluate_measure(criterion, chirp, lambda: current.measurements.control(start, end, character))


def _chirp_of_the_others(current: Round, start: datetime, end: datetime) -> Tally:
    """Return Chirp's attempts without those of isolated characters, and without those before a quarantine ended."""
    resumed = {name: at for name, at in current.resumed_at.items() if at > start and name not in current.isolated}
    measurements = current.measurements
    others = measurements.chirp_without(start, end, current.isolated | resumed.keys())
    return sum_tallies([others, *(measurements.chirp(min(at, end), end, name) for name, at in resumed.items())])


def _evaluate_gates(current: Round) -> Iterator[Verdict]:
    measurements = current.measurements
    whole = (measurements.since, measurements.until)
    tail = current.last((measurements.until - measurements.since) / 10)
    for gate in current.plan.gates_of(current.stage):
        if gate.measure is Measure.CACHE_HIT_RATE:
            yield from _evaluate_cache_gate(current, gate, tail)
            continue
        if gate.measure is Measure.PREFERENCE:
            yield from _evaluate_preferences(current, gate)
            continue
        yield from _evaluate_condition(current, "gate", gate, ((STAGE, whole), (LAST_TENTH, tail)))
        if gate.measure in RATES | TIMES:
            yield from _failing_characters(current, gate, whole)
    yield from evaluate_next_stage(measurements, current.plan, current.stage)


def _failing_characters(current: Round, gate: Gate, window: tuple[datetime, datetime]) -> Iterator[Verdict]:
    """Evaluate a gate for each character, and yield failures only: one with few lines must not hold all others."""
    for character in sorted(current.exposed):
        verdict = _evaluate_window(current, current.criterion("gate", gate, STAGE, character), window)
        if verdict.status is Status.FAIL:
            yield verdict


def _evaluate_preferences(current: Round, gate: Gate) -> Iterator[Verdict]:
    """Evaluate the votes on each character that gets Chirp: all votes that were read, whenever they were cast."""
    for character in sorted(current.exposed):
        criterion = current.criterion("gate", gate, VOTES, character)
        yield evaluate_preference(criterion, current.votes.preference(character, gate.margin, gate.votes))


def _evaluate_cache_gate(current: Round, gate: Gate, tail: tuple[datetime, datetime]) -> Iterator[Verdict]:
    """Evaluate the cache hit rate of each model with look-ups; without any, the gate's no-data policy decides."""
    warm = current.measurements.since + gate.warm_up
    has_lookups = False
    for voice_model in VoiceModel:
        early = current.measurements.lookups(voice_model, warm, max(warm, tail[0]))
        late = current.measurements.lookups(voice_model, max(warm, tail[0]), tail[1])
        if early.cached + early.attempts + late.cached + late.attempts:
            has_lookups = True
            yield evaluate_cache(current.criterion("gate", gate, f"{LAST_TENTH}, {voice_model}"), early, late)
    if not has_lookups:
        yield evaluate_cache(current.criterion("gate", gate, LAST_TENTH), Tally(), Tally())
