"""A run's cap: whatever jobs turn out to cost, nothing is sent that would pass it by what is known then."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import Attempt, Completion
from schemas.enums import AttemptResult, VoiceModel
from schemas.job import Job
from tests.unit.batches import NOW, InstantLane, done, failed, line, plan, selector
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.line_status import LineStatus, next_job
from worker.batch.manifest import read_manifest
from worker.batch.runner import BatchRunner, RunPlan
from worker.batch.spending import Spending
from worker.batch.state import open_state
from worker.batch.voice_selection import PlannedLine
from worker.lifecycle.clock import Clock

MICROS = {CHIRP: 30, WAVENET: 4}
"""Millionths of a US dollar for a character, as Google lists them."""
OUTCOMES = ("as listed", "stored", "fallback", "fallback, both billed", "failed", "failed, billed")


def attempt(number: int, model: VoiceModel, billed: int) -> Attempt:
    return Attempt(
        id=f"a-{number}-{model.value}",
        voice_model=model,
        voice="v",
        result=AttemptResult.SUCCESS,
        code="OK",
        calls=1,
        seconds=1,
        billed_characters=billed,
        ended_at=NOW,
    )


@dataclass
class Till(InstantLane):
    """Ends some of the jobs in flight at each reading, with what they really cost, and notes what was known before."""

    prices: dict[str, int] = field(default_factory=dict)
    characters: dict[str, int] = field(default_factory=dict)
    outcomes: list[str] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    cap: int = 0
    spent: int = 0
    extra: int = 0

    async def send(self, jobs: Sequence[Job]) -> None:
        await super().send(jobs)
        assert self.spent + sum(self.prices[each.text or ""] for each in self._pending) <= self.cap

    async def completions(self, job_ids: Container[str]) -> list[Completion]:
        count = self.turns.pop() if self.turns else len(self._pending)
        ended, self._pending = self._pending[:count], self._pending[count:]
        return [self.completion(each) for each in ended if each.job_id in job_ids]

    def completion(self, each: Job) -> Completion:
        text = each.text or ""
        outcome = self.outcomes.pop() if self.outcomes else "as listed"
        billed = {
            "as listed": {CHIRP: 1},
            "stored": {},
            "fallback": {WAVENET: 1},
            "fallback, both billed": {CHIRP: 1, WAVENET: 1},
            "failed": {},
            "failed, billed": {CHIRP: 1},
        }[outcome]
        characters = self.characters[text]
        cost = sum(MICROS[model] * characters for model in billed)
        self.spent += cost
        self.extra += max(0, cost - self.prices[text])
        attempts = tuple(attempt(len(self.sent), model, characters) for model in billed)
        ended = failed(each.job_id) if "failed" in outcome else done(each.job_id, self.key_of(each.job_id))
        return ended.model_copy(update={"attempts": attempts})


def chirp_lines(lengths: Sequence[int]) -> list[PlannedLine]:
    lines = (line(f"l-{n}", text=f"{n:04}" + "a" * length) for n, length in enumerate(lengths))
    return plan(*lines, voice_model=CHIRP)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=25),
    st.integers(0, 40_000),
    st.lists(st.sampled_from(OUTCOMES), max_size=25),
    st.lists(st.integers(0, 4), max_size=25),
)
async def test_the_cap_is_passed_by_nothing_but_what_fallbacks_cost_on_top(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], cap: int, outcomes: list[str], turns: list[int]
) -> None:
    planned = chirp_lines(lengths)
    manifest = tmp_path_factory.mktemp("cap") / "script.csv.manifest.jsonl"
    characters = {each.job.text or "": each.billed for each in planned}
    with open_state(manifest) as state:
        till = Till(
            lambda job_id: state.in_flight[job_id].key,
            prices={text: count * MICROS[CHIRP] for text, count in characters.items()},
            characters=characters,
            outcomes=outcomes,
            turns=turns,
            cap=cap,
        )
        spending = Spending(cap / 1e6)
        runner = BatchRunner(state, RunPlan(planned, selector(), {LineStatus.NEW}), Clock(), spending)
        await runner.run(till, lambda _: None)
        state.write([each.line.id for each in planned])
    assert till.spent <= cap + till.extra
    assert round(spending.spent * 1e6) == till.spent
    assert len({each.text for each in till.sent}) == len(till.sent)
    # Whoever stops early stops for want of room alone, and nothing that was sent is left behind.
    assert len(read_manifest(manifest)) == len(till.sent) == len(planned) - runner.unsent
    if runner.unsent:
        assert till.spent + planned[len(till.sent)].billed * MICROS[CHIRP] > cap


async def test_what_ends_for_less_than_its_price_leaves_room_and_the_next_run_makes_the_rest(tmp_path) -> None:
    planned = chirp_lines([6, 6, 6])
    price = planned[0].billed * MICROS[CHIRP] / 1e6
    manifest = tmp_path / "script.csv.manifest.jsonl"
    run_plan = RunPlan(planned, selector(), {LineStatus.NEW})
    with open_state(manifest) as state:
        lane = InstantLane(lambda job_id: state.in_flight[job_id].key)
        runner = BatchRunner(state, run_plan, Clock(), Spending(2 * price))
        await runner.run(lane, lambda _: None)
        # The lane bills nothing, so that each end makes room for another job.
        assert (len(lane.sent), runner.unsent, lane.most_in_flight) == (3, 0, 2)


async def test_jobs_in_flight_from_an_earlier_run_count_with_their_price(tmp_path) -> None:
    before, after = chirp_lines([10, 10])
    job, sent = next_job(before, None)
    price = before.billed * MICROS[CHIRP] / 1e6
    with open_state(tmp_path / "script.csv.manifest.jsonl") as state:
        state.record_sent([sent])
        lane = InstantLane(lambda job_id: state.in_flight[job_id].key)
        spending = Spending(1.5 * price)
        runner = BatchRunner(state, RunPlan([before, after], selector(), {LineStatus.NEW}), Clock(), spending)
        assert spending.promised == pytest.approx(price)
        sent_while = []
        lane._pending.append(job)
        await runner.run(lane, lambda _: sent_while.append(len(lane.sent)))
        # Only once the earlier job has ended, for nothing, is there room for the other one.
        assert sent_while == [0, 0, 1]


@pytest.mark.parametrize(("cap", "allowed"), [(None, True), (0.000029, False), (0.00003, True), (0.000031, True)])
def test_exactly_the_cap_is_allowed_and_a_millionth_less_is_not(cap: float | None, allowed: bool) -> None:
    spending = Spending(cap)
    spending.spent = 0.00001
    assert spending.allows(0.00002) is allowed


async def test_a_take_that_is_stored_costs_nothing_and_is_sent_under_a_cap_of_zero(tmp_path) -> None:
    planned = chirp_lines([10, 10])
    with open_state(tmp_path / "script.csv.manifest.jsonl") as state:
        lane = InstantLane(lambda job_id: state.in_flight[job_id].key)
        stored = RunPlan(planned, selector(), {LineStatus.NEW}, stored={planned[0].key})
        runner = BatchRunner(state, stored, Clock(), Spending(0))
        await runner.run(lane, lambda _: None)
        assert ([each.job_id.partition(":")[0] for each in lane.sent], runner.unsent) == (["l-0"], 1)
