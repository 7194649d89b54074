"""Judges all gates and rules of a stage in one round, over their windows and characters. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.words import VoiceModel
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.evaluate import (
    Criterion,
    QueryAnswer,
    evaluate_cache,
    evaluate_comparison,
    evaluate_measure,
    evaluate_query,
)
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.projection import projected
from worker.rollout.analysis.tally import Tally
from worker.rollout.analysis.verdict import Evaluation, Status, Use, Verdict
from worker.rollout.plan.model import (
    AGAINST_CONTROL,
    RATES,
    TIMES,
    Condition,
    Gate,
    Measure,
    Plan,
    Rule,
    Stage,
    spelled,
)

STAGE = "stage"
LAST_TENTH = "last tenth"
Window = tuple[str, tuple[datetime, datetime]]
"""Its name, its begin and its end."""


@dataclass(frozen=True)
class Round:
    """What one round judges by.

    Attributes:
        plan: as rehearsed.
        stage: of it.
        readings: of the stage, settled.
        comparisons: up to date with them.
        answers: Prometheus's, by query.
        hears: the characters that hear Chirp now.
        starts: since when a character is heard again after a quarantine.
    """

    plan: Plan
    stage: Stage
    readings: Measurements
    comparisons: Comparisons
    answers: Mapping[str, QueryAnswer]
    hears: Collection[str]
    starts: Mapping[str, datetime]

    def asked(self, use: Use, condition: Condition, window: str, character: str | None = None) -> Criterion:
        """One question of it."""
        sample = self.plan.sample_of(self.stage, condition)
        lately = window == LAST_TENTH
        # A tenth of the time has a tenth of the attempts.
        return Criterion(
            use, condition, window, self.plan.bounds, -(-sample // 10) if lately else sample, character, lately
        )


def evaluate_stage(of: Round) -> Evaluation:
    """Judges a stage's gates and rules."""
    recent = _window(of, of.plan.windows.short)
    return Evaluation(
        gates=tuple(_gates(of)) if of.stage.enabled else (),
        rules=tuple(_rules(of)),
        braked=of.readings.braked(*recent),
    )


def broken(judgements: Collection[Verdict], use: Use) -> tuple[Verdict, ...]:
    """The rules of a kind that roll back now, of those that aren't dry runs.

    "At once" and a character's take either window; a step takes both, for it is no emergency.
    """
    decide = [each for each in judgements if each.use == use and not each.dry_run]
    failed = [each for each in decide if each.verdict is Status.FAIL]
    if use != "step":
        return tuple(failed)
    held = {each.title for each in decide if each.verdict is not Status.FAIL}
    return tuple(each for each in failed if each.title not in held)


def _window(of: Round, length: timedelta) -> tuple[datetime, datetime]:
    until = of.readings.until
    return max(of.readings.since, until - length), until


def _rules(of: Round) -> Iterator[Verdict]:
    rules = of.plan.rules_of(of.stage)
    windows = [(spelled(each), _window(of, each)) for each in (of.plan.windows.short, of.plan.windows.long)]
    uses: tuple[tuple[Use, tuple[Rule, ...]], ...] = (("at_once", rules.at_once), ("step", rules.step))
    for use, conditions in uses:
        for rule in conditions:
            yield from _judged(of, use, rule, windows)
    for rule in rules.character:
        for character in sorted(of.hears):
            yield from _judged(of, "character", rule, windows, character)


def _judged(
    of: Round, use: Use, condition: Condition, windows: Collection[Window], character: str | None = None
) -> Iterator[Verdict]:
    """A gate or rule: a comparison and a query once, what is counted in each window."""
    if condition.measure in AGAINST_CONTROL:
        compared = of.comparisons.of(condition.measure, character)
        yield evaluate_comparison(
            of.asked(use, condition, STAGE, character), compared, of.comparisons.threshold(character)
        )
    elif condition.query is not None:
        yield evaluate_query(of.asked(use, condition, "now", character), of.answers.get(condition.query))
    else:
        for name, window in windows:
            yield _measured(of, of.asked(use, condition, name, character), window)


def _measured(of: Round, asked: Criterion, window: tuple[datetime, datetime]) -> Verdict:
    start, end = window
    character = asked.character
    if character is not None:
        start = min(max(start, of.starts.get(character, start)), end)
    chirp = of.readings.chirp(start, end, character)
    return evaluate_measure(asked, chirp, lambda: of.readings.control(start, end, character))


def _gates(of: Round) -> Iterator[Verdict]:
    readings = of.readings
    tenth = (readings.until - readings.since) / 10
    windows = ((STAGE, (readings.since, readings.until)), (LAST_TENTH, _window(of, tenth)))
    for gate in of.plan.gates_of(of.stage):
        if gate.measure is Measure.CACHE_HIT_RATE:
            yield from _cache(of, gate, windows[1][1])
            continue
        yield from _judged(of, "gate", gate, windows)
        if gate.measure in RATES | TIMES:
            for character in sorted(of.hears):
                judgement = _measured(of, of.asked("gate", gate, STAGE, character), windows[0][1])
                # A character with few lines must not hold the others for ever: only what is shown to be bad counts.
                if judgement.verdict is Status.FAIL:
                    yield judgement
    yield from projected(readings, of.plan, of.stage)


def _cache(of: Round, gate: Gate, last: tuple[datetime, datetime]) -> Iterator[Verdict]:
    """Of each model that anybody asked for, and of none by the gate's policy: a model without jobs holds nobody."""
    warm = of.readings.since + gate.warm_up
    judged = False
    for voice_model in VoiceModel:
        early = of.readings.looked_up(voice_model, warm, max(warm, last[0]))
        late = of.readings.looked_up(voice_model, max(warm, last[0]), last[1])
        if early.cached + early.attempts + late.cached + late.attempts:
            judged = True
            yield evaluate_cache(of.asked("gate", gate, f"{LAST_TENTH}, {voice_model}"), early, late)
    if not judged:
        yield evaluate_cache(of.asked("gate", gate, LAST_TENTH), Tally(), Tally())
