"""What the votes have shown: rows, CSV and picture; the bound agrees with the gate's own verdict."""

from __future__ import annotations

import csv
import io

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.opinions import vote
from worker.listening.picture import draw_results
from worker.listening.results import DEFAULT, Criterion, criterion_of, result_rows, results_of, to_csv
from worker.rollout.analysis.preference_bound import lower_bounds
from worker.rollout.analysis.preferences import Decision, Outcome, Preference, Votes
from worker.rollout.plan.parser import parse_plan

SAYS_SOMETHING = st.sampled_from([each for each in Outcome if each is not Outcome.UNUSABLE])
PLAN = """
version: 1
name: listening
stages:
  - {name: few, characters: [ghoul], percentage: 10, at_least: 1h,
     gates: [{measure: preference, limit: 0.4, votes: 80}]}
  - {name: all, characters: all, percentage: 100, at_least: 1h}
"""


def votes_of(**choices: list[str]) -> Votes:
    votes = Votes()
    for character, said in choices.items():
        for number, choice in enumerate(said):
            votes.add(vote(number, choice, character=character))
    return votes


@given(st.lists(SAYS_SOMETHING, max_size=120), st.sampled_from([0.4, 0.45, 0.47]))
def test_the_bound_reaches_the_margin_exactly_when_the_gate_has_passed_and_never_falls(
    outcomes: list[Outcome], margin: float
) -> None:
    bounds = lower_bounds(outcomes, margin, 60)
    preference = Preference(margin, 60)
    highest = 0.0
    for outcome, (share, bound) in zip(outcomes, bounds, strict=True):
        preference.add(outcome)
        assert (bound >= margin) is preference.no_worse.has_passed
        assert bound >= highest
        assert share == preference.share
        highest = bound


def test_votes_that_say_nothing_move_no_bound() -> None:
    assert lower_bounds([Outcome.UNUSABLE] * 3, 0.45, 60) == []


def test_a_row_for_each_character_with_votes_or_pairs() -> None:
    votes = votes_of(ghoul=["wavenet"] * 20, pip_boy=["equal"] * 14 + ["chirp3-hd"])
    found = {each.character: each for each in results_of(votes, ["raider"], DEFAULT)}
    assert [*found] == ["ghoul", "pip_boy", "raider"]
    assert found["ghoul"].decision is Decision.WORSE
    assert found["pip_boy"].decision is Decision.NO_WORSE
    assert (found["pip_boy"].votes, found["pip_boy"].chirp, found["pip_boy"].equal) == (15, 1, 14)
    assert (found["raider"].votes, found["raider"].share, found["raider"].bound) == (0, 0.0, 0.0)
    rows = result_rows(found.values(), DEFAULT)
    assert rows[1]["preferred_or_equal"] == 1.0
    assert rows[1]["lower_bound"] == found["pip_boy"].bound >= DEFAULT.margin
    assert rows[2]["verdict"] == "open"


def test_the_csv_has_the_rows_and_no_formula() -> None:
    votes = votes_of(**{"=cmd()": ["equal"], "pip_boy": ["equal"]})
    read = list(csv.DictReader(io.StringIO(to_csv(results_of(votes, [], DEFAULT), DEFAULT))))
    assert [each["character"] for each in read] == ["'=cmd()", "pip_boy"]
    assert read[1]["votes"] == "1"


@pytest.mark.parametrize("character", ["pip_boy", '<script>alert("x")</script>'])
def test_the_picture_is_well_formed_and_has_no_script_and_no_style(character: str) -> None:
    votes = votes_of(**{character: ["equal", "wavenet"] * 40, "ghoul": ["wavenet"]})
    drawn = draw_results(results_of(votes, [], DEFAULT), DEFAULT)
    root = ElementTree.fromstring(drawn)
    names = {each.tag.rpartition("}")[2] for each in root.iter()}
    assert names <= {"svg", "rect", "g", "text", "path", "polyline", "circle"}
    assert not any({"style", "onload"} & each.attrib.keys() for each in root.iter())
    assert character in [each.text for each in root.iter()]


def test_nothing_is_drawn_for_no_characters() -> None:
    ElementTree.fromstring(draw_results([], DEFAULT))


def test_the_criterion_is_the_stages_gate_else_the_default() -> None:
    plan = parse_plan(PLAN, "listening", frozenset({"ghoul"})).plan
    assert criterion_of(plan, "few") == Criterion(0.4, 80)
    assert criterion_of(plan, "all") == DEFAULT == criterion_of(None, "")
