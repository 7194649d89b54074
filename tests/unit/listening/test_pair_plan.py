"""Pairs of the same lines in both models: what is left out, what is paid for, and that a second plan is the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import VoiceModel
from schemas.errors import UsageError
from schemas.job import Job
from tests.unit.rollouts import NOW
from worker.batch.voice_selection import VoiceSelector
from worker.listening.pair_maker import check_limit, jobs_of_text
from worker.listening.pair_plan import LABEL, PairPlan, plan_pairs
from worker.pricing.google_terms import TERMS
from worker.rollout.state import RolloutState
from worker.speech.catalogue_file import load_catalogue

CATALOGUE = load_catalogue()
STATE = RolloutState(enabled=False, percentage=0, characters=None)


def line(number: int, **changes: Any) -> Job:
    return Job.model_validate({"job_id": f"l-{number}", "character": "ghoul", "text": f"Line {number}.", **changes})


def planned(*lines: Job, per_character: int = 20, characters: tuple[str, ...] = ("ghoul", "pip_boy")) -> PairPlan:
    return plan_pairs(
        lines,
        CATALOGUE,
        VoiceSelector(CATALOGUE, STATE, NOW, "takes"),
        characters=characters,
        per_character=per_character,
        time=NOW,
        source="/test",
    )


def test_each_line_is_spoken_by_both_models_whatever_voice_and_user_it_had() -> None:
    deadline = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=9)
    said = line(1, voice="wavenet", user_id="u-1", rollout_key="s", reply_topic="r", labels={"a": "b"}, take=3)
    (made,) = planned(said.model_copy(update={"deadline": deadline})).pairs
    assert [each.voice.voice_model for each in made.lines] == [VoiceModel.CHIRP3_HD, VoiceModel.WAVENET]
    assert made.pair.takes == {each.key for each in made.lines}
    assert (made.pair.first.audio, made.pair.line, made.pair.first.take) == (made.chirp.key, "l-1", 3)
    for each in made.lines:
        job = each.job
        assert job.voice == each.voice.voice_model
        assert (job.user_id, job.rollout_key, job.reply_topic, job.deadline) == (None, None, None, None)
        assert job.labels == {LABEL: made.pair.pair_id}
        assert job.take == 3


def test_the_same_words_are_one_pair_and_a_second_plan_makes_the_same() -> None:
    first = planned(line(1), line(2, text="Line 1."), line(3, text="Line 1.", character="pip_boy"))
    assert [each.pair.character for each in first.pairs] == ["ghoul", "pip_boy"]
    again = planned(line(7, text="Line 1."), line(3, text="Line 1.", character="pip_boy"))
    assert [each.pair.pair_id for each in again.pairs] == [each.pair.pair_id for each in first.pairs]
    assert [job.job_id for job in again.missing()] == [job.job_id for job in first.missing()]


@pytest.mark.parametrize(
    "left_out",
    [
        line(9, language="cmn-TW", text="早安。"),
        line(9, character="pip_boy", text="A long one, as you know. " * 300),
        line(9, character="nobody"),
        line(9, character="raider"),
    ],
    ids=["Chirp doesn't speak it", "several calls", "unknown", "not chosen"],
)
def test_what_cannot_be_compared_is_left_out(left_out: Job) -> None:
    assert [each.pair.line for each in planned(left_out, line(1)).pairs] == ["l-1"]


def test_the_first_lines_of_each_character_are_taken() -> None:
    lines = [line(n, character=("ghoul", "pip_boy")[n % 2]) for n in range(10)]
    found = planned(*lines, per_character=2)
    assert [each.pair.line for each in found.pairs] == ["l-0", "l-1", "l-2", "l-3"]


@given(st.sets(st.integers(0, 9)))
def test_what_is_stored_is_neither_paid_for_nor_made(stored: set[int]) -> None:
    plan = planned(*(line(n) for n in range(5)))
    keys = [each.key for made in plan.pairs for each in made.lines]
    with_stored = PairPlan(plan.pairs, frozenset(keys[n] for n in stored))
    jobs = list(with_stored.missing())
    assert len(jobs) == 10 - len(stored)
    characters = dict.fromkeys(VoiceModel, 0)
    for index, key in enumerate(keys):
        if index not in stored:
            (each,) = [each for made in plan.pairs for each in made.lines if each.key == key]
            characters[each.voice.voice_model] += each.billed
    dollars = sum(TERMS[model].dollars_per_character * count for model, count in characters.items())
    assert with_stored.price.dollars == pytest.approx(dollars)
    (row,) = with_stored.by_character([plan.pairs[0].pair])
    assert (row.before, row.after, row.new) == (1, 5, len(jobs))


def test_a_plan_above_its_limit_is_refused_and_exactly_the_price_is_enough() -> None:
    plan = planned(line(1))
    dollars = round(plan.price.dollars, 6)
    check_limit(plan, dollars)
    with pytest.raises(UsageError, match=r"limit=.*list price"):
        check_limit(plan, dollars - 0.000001)


@pytest.mark.parametrize(
    "script", ['{"job_id": "a", "character": "ghoul", "text": "Hi."}', "job_id,character,text\na,ghoul,Hi."]
)
def test_lines_are_pasted_as_csv_or_json_lines(script: str) -> None:
    (job,) = jobs_of_text(script, 50_000)
    assert (job.job_id, job.text) == ("a", "Hi.")


def test_a_wrong_line_is_named_by_its_place() -> None:
    with pytest.raises(UsageError, match="script:2:B"):
        jobs_of_text("job_id,character,text\na,,Hi.", 50_000)
