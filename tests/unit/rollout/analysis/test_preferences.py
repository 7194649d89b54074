"""Votes by character: which count, what each says of Chirp, and what they show."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.opinions import vote
from worker.rollout.analysis.preferences import Decision, Outcome, Preference, Votes, outcome_of

CHIRP, EQUAL, WAVENET = Outcome.CHIRP, Outcome.EQUAL, Outcome.WAVENET
MARGIN, PLANNED = 0.45, 60


def shown(*outcomes: Outcome) -> Preference:
    preference = Preference(MARGIN, PLANNED)
    for each in outcomes:
        preference.add(each)
    return preference


def preference(votes: Votes, character: str = "pip_boy") -> Preference:
    return votes.preference(character, MARGIN, PLANNED)


@pytest.mark.parametrize("chirp_first", [True, False])
@pytest.mark.parametrize(
    ("choice", "fault", "outcome"),
    [
        ("chirp3-hd", None, CHIRP),
        ("wavenet", None, WAVENET),
        ("equal", None, EQUAL),
        ("cannot_use", "chirp3-hd", WAVENET),
        ("cannot_use", "wavenet", CHIRP),
        ("cannot_use", "both", Outcome.UNUSABLE),
    ],
)
def test_a_vote_says_the_same_of_chirp_whichever_take_was_played_first(
    chirp_first: bool, choice: str, fault: str | None, outcome: Outcome
) -> None:
    side = {"chirp3-hd": "first" if chirp_first else "second", "wavenet": "second" if chirp_first else "first"}
    given_fault = None if fault is None else {"side": side.get(fault, fault), "reason": "noise"}
    assert outcome_of(vote(1, choice, chirp_first=chirp_first, fault=given_fault)) is outcome


def test_a_listener_votes_once_on_a_pair_in_whatever_order_it_is_played() -> None:
    votes = Votes()
    assert votes.add(vote(1, "wavenet"))
    assert not votes.add(vote(1, "chirp3-hd", chirp_first=False, session="another"))
    assert votes.add(vote(1, "chirp3-hd", listener_id="listener-2"))
    assert votes.add(vote(2, "chirp3-hd"))
    assert (votes.counted, votes.repeated) == (3, 1)
    assert preference(votes).counts == {WAVENET: 1, CHIRP: 2}


@given(st.integers(1, 300))
def test_a_listener_who_votes_on_one_pair_for_ever_changes_nothing(times: int) -> None:
    votes = Votes()
    for number in range(times):
        votes.add(vote(1, "wavenet", vote_id=f"v{number}"))
    assert preference(votes).votes == 1
    assert preference(votes).decision is Decision.OPEN


def test_two_readings_of_one_model_say_nothing_about_the_models() -> None:
    one = {"audio": "a.ogg", "voice_model": "chirp3-hd", "voice": "en-US-Chirp3-HD-Puck"}
    votes = Votes()
    assert not votes.add(vote(1, "first", first=one, second={**one, "audio": "b.ogg"}))
    assert (votes.counted, votes.others, preference(votes).votes) == (0, 1, 0)


def test_votes_are_counted_by_character_and_go_on_where_they_were() -> None:
    votes = Votes()
    votes.add(vote(1, "chirp3-hd"))
    before = preference(votes)
    votes.add(vote(2, "equal"))
    votes.add(vote(3, "wavenet", character="ghoul"))
    assert preference(votes) is before
    assert before.counts == {CHIRP: 1, EQUAL: 1}
    assert preference(votes, "ghoul").counts == {WAVENET: 1}
    assert preference(votes, "raider").votes == 0
    assert votes.preference("pip_boy", 0.5, PLANNED).votes == 2


def test_a_recast_voice_starts_anew_in_its_language_alone() -> None:
    votes = Votes()
    votes.add(vote(1, "wavenet"))
    votes.add(vote(2, "equal", language="cmn-TW", chirp_voice="cmn-TW-Chirp3-HD-Puck"))
    assert preference(votes).counts == {WAVENET: 1, EQUAL: 1}
    votes.add(vote(3, "chirp3-hd", chirp_voice="en-US-Chirp3-HD-Charon"))
    assert preference(votes).counts == {EQUAL: 1, CHIRP: 1}
    votes.add(vote(4, "chirp3-hd", chirp_voice="en-US-Chirp3-HD-Charon"))
    assert preference(votes).counts == {EQUAL: 1, CHIRP: 2}
    votes.add(vote(5, "wavenet", chirp_voice="en-US-Chirp3-HD-Charon", wavenet_voice="en-US-Wavenet-B"))
    assert preference(votes).counts == {EQUAL: 1, WAVENET: 1}
    assert votes.outcomes("pip_boy") == (EQUAL, WAVENET)
    assert (votes.outcomes("ghoul"), votes.characters) == ((), ["pip_boy"])


def test_equal_counts_as_preferred_and_not_as_a_difference() -> None:
    found = shown(*[EQUAL] * 10, CHIRP, *[WAVENET] * 2, Outcome.UNUSABLE)
    assert (found.votes, found.share) == (13, 11 / 13)
    assert (found.no_worse.yes, found.worse.votes, found.worse.yes) == (11, 3, 2)
    assert shown().share == 0.0


@pytest.mark.parametrize(
    ("outcomes", "decision", "after"),
    [
        ([CHIRP, EQUAL] * 7, Decision.NO_WORSE, 11),
        ([EQUAL] * 100, Decision.NO_WORSE, 11),
        ([WAVENET] * 20, Decision.WORSE, 14),
        ([CHIRP, WAVENET] * 30, Decision.OPEN, 0),
        ([CHIRP, EQUAL, WAVENET] * 20, Decision.NO_WORSE, 32),
        # What is shown first decides, whatever comes later.
        ([EQUAL] * 20 + [WAVENET] * 100, Decision.NO_WORSE, 11),
        ([WAVENET] * 20 + [EQUAL] * 300, Decision.WORSE, 14),
    ],
)
def test_what_votes_show(outcomes: list[Outcome], decision: Decision, after: int) -> None:
    found = shown(*outcomes)
    assert (found.decision, found.decided_after) == (decision, after)


def decisions(weights: tuple[float, float, float], seeds: int = 300) -> Counter[Decision]:
    found: Counter[Decision] = Counter()
    for seed in range(seeds):
        drawn = random.Random(seed).choices((CHIRP, EQUAL, WAVENET), weights, k=PLANNED)
        found[shown(*drawn).decision] += 1
    return found


def test_equal_voices_pass_within_sixty_votes_if_a_third_hears_no_difference() -> None:
    found = decisions((1, 1, 1))
    assert found[Decision.NO_WORSE] >= 0.9 * 300
    assert found[Decision.WORSE] <= 0.02 * 300


def test_equal_voices_rarely_fail_however_many_hear_a_difference() -> None:
    assert decisions((1, 0, 1))[Decision.WORSE] <= 0.03 * 300


def test_voices_that_seven_in_ten_votes_are_against_fail_and_never_pass() -> None:
    assert decisions((0.073, 0.227, 0.7))[Decision.WORSE] >= 0.95 * 300
    without_ties = decisions((0.3, 0.0, 0.7))
    assert without_ties[Decision.WORSE] >= 0.8 * 300
    assert without_ties[Decision.NO_WORSE] == 0
