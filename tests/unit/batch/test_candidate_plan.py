"""Which candidates a run makes: those that are missing, as many as the budget allows, the wanted lines' first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.batch.test_takes_of_line import TAKES, made
from tests.unit.batches import line, plan
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.candidate_plan import missing_candidates, within_budget
from worker.batch.candidates import candidate
from worker.batch.entry import ManifestEntry
from worker.batch.known_takes import KnownTakes
from worker.batch.price_estimate import estimate_price
from worker.batch.scripts.model import MOST_TAKES, Line


def chosen(which: Line, number: int) -> Line:
    return replace(which, job=which.job.model_copy(update={"take": number}), first_take=which.job.take)


def missing(
    lines: Sequence[Line], *known: ManifestEntry, own: Sequence[ManifestEntry] = (), per_line: int
) -> list[str]:
    takes = KnownTakes({each.line: each for each in own}, {each.line: each for each in known}, TAKES)
    return [each.id for each in missing_candidates(lines, plan(*lines), takes, per_line)]


def test_lines_with_a_number_of_their_own_come_first_each_in_the_scripts_order() -> None:
    lines = [line("l-1"), replace(line("l-2"), takes=2), replace(line("l-3"), takes=1), line("l-4")]
    assert missing(lines, per_line=1) == ["l-2.t2"]
    assert missing(lines, per_line=3) == ["l-2.t2", "l-1.t2", "l-1.t3", "l-4.t2", "l-4.t3"]


def test_takes_count_from_the_scripts_own_number_whatever_is_chosen() -> None:
    assert missing([line("l-1", take=4)], per_line=3) == ["l-1.t5", "l-1.t6"]
    assert missing([chosen(line("l-1", take=4), 5)], per_line=3) == ["l-1.t4", "l-1.t6"]
    assert missing([chosen(line("l-1"), 9)], per_line=2) == ["l-1.t1", "l-1.t2"]
    assert missing([line("l-1", take=MOST_TAKES - 1)], per_line=5) == [f"l-1.t{MOST_TAKES}"]


def test_what_is_made_of_the_present_text_is_not_missing_and_of_an_earlier_text_it_is() -> None:
    now, before = line("l-1", text="As it is."), line("l-1", text="As it was.")
    known = [made(candidate(now, 2, CHIRP)), made(candidate(before, 3, CHIRP))]
    assert missing([now], *known, per_line=3) == ["l-1.t3"]


@pytest.mark.parametrize("model", [CHIRP, WAVENET])
def test_a_candidate_gets_the_voice_model_that_was_decided_for_the_lines_take(model: object) -> None:
    spoken = line("l-1")
    own = made(spoken).model_copy(update={"decided": model})
    known = KnownTakes({"l-1": own}, {}, TAKES)
    (wanted,) = missing_candidates([spoken], plan(spoken, voice_model=CHIRP), known, 2)
    assert wanted.job.voice == model
    # Without a take of the present text it is what the run decides for the line.
    edited = line("l-1", text="Edited.")
    (wanted,) = missing_candidates([edited], plan(edited, voice_model=WAVENET), known, 2)
    assert wanted.job.voice == "wavenet"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 200)), max_size=12), st.integers(0, 40_000), st.data())
def test_a_budget_allows_the_first_candidates_and_their_price_never_passes_it(
    texts: list[tuple[int, int]], budget: int, data: st.DataObject
) -> None:
    lines = [
        line(f"l-{number}", text=f"{which}" + "a" * length, take=1 + number % 2)
        for number, (which, length) in enumerate(texts)
    ]
    planned = plan(*lines, voice_model=CHIRP)
    own, candidates = planned[: len(planned) // 2], planned[len(planned) // 2 :]
    stored = set(data.draw(st.sets(st.sampled_from([each.key for each in planned]))) if planned else ())
    limit = max(budget / 1e6, estimate_price(own, stored).dollars)
    allowed = within_budget(own, candidates, stored, limit)
    assert not estimate_price([*own, *allowed], stored).exceeds(limit)
    # Those that are left out cost something, and the first of them didn't fit.
    left_out = [each for each in candidates if each not in allowed]
    free = {*stored, *(each.key for each in (*own, *allowed))}
    assert not any(each.key in free for each in left_out)
    if left_out:
        before = candidates[: candidates.index(left_out[0])]
        assert estimate_price([*own, *before, left_out[0]], stored).exceeds(limit)
    assert within_budget(own, candidates, stored, None) == candidates


def test_a_chosen_candidate_is_asked_of_the_voice_model_that_was_heard() -> None:
    spoken = line("l-1")
    known = KnownTakes({}, {"l-1.t2": made(candidate(spoken, 2, WAVENET))}, TAKES)
    assert known.as_heard(chosen(spoken, 2)).job.voice == "wavenet"
    assert known.as_heard(chosen(spoken, 3)).job.voice is None
    assert known.as_heard(replace(spoken, job=chosen(spoken, 2).job)).job.voice is None
    edited = chosen(line("l-1", text="Edited."), 2)
    assert known.as_heard(edited) == edited


def test_a_take_that_a_choice_replaces_is_kept_once_as_a_candidate() -> None:
    spoken = line("l-1")
    own = made(spoken)
    known = KnownTakes({"l-1": own}, {}, TAKES)
    assert list(known.replaced([spoken])) == []
    (kept,) = known.replaced([chosen(spoken, 2)])
    assert (kept.line, kept.take, kept.key) == ("l-1.t1", 1, own.key)
    assert list(KnownTakes({"l-1": own}, {kept.line: kept}, TAKES).replaced([chosen(spoken, 2)])) == []
    assert list(known.replaced([chosen(line("l-1", text="Edited."), 2)])) == []
