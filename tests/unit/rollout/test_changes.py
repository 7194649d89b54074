"""What can be done to the rollout: nothing that narrows ever adds a user or a character, by the real decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.revision import FULL_PERCENTAGE
from tests.unit.plans import begun
from tests.unit.rollouts import CHARACTERS, HOUR, NOW, TIMES, exposed, names, states
from worker.rollout.changes import ALL, Change, exclude, include, quarantine, set_to, turn_off, widens
from worker.rollout.state import OFF, RolloutState

ON = RolloutState(enabled=True, percentage=5_000, characters=None)
LATER = [time for time in TIMES if time >= NOW]
one = st.sampled_from(CHARACTERS)
narrowing = (
    st.just(turn_off)
    | st.builds(lambda name: partial(exclude, character=name), one)
    | st.builds(lambda name, until: partial(quarantine, character=name, until=until), one, st.sampled_from(TIMES))
    | st.builds(lambda: partial(set_to, enabled=False))
    | st.builds(lambda: partial(set_to, characters=frozenset()))
    | st.builds(lambda: partial(set_to, percentage=0))
)
setting = st.builds(
    lambda **given: partial(set_to, **given),
    enabled=st.none() | st.booleans(),
    percentage=st.none() | st.integers(0, FULL_PERCENTAGE),
    characters=st.none() | st.just(ALL) | names,
    fallback=st.none() | st.booleans(),
)
verbs = narrowing | setting | st.builds(lambda name: partial(include, character=name, now=NOW), one)


@settings(max_examples=300, deadline=None)
@given(states, st.lists(narrowing, max_size=6))
def test_what_narrows_never_adds_anybody_in_whatever_order_and_needs_no_confirmation(
    state: RolloutState, steps: list[Any]
) -> None:
    for verb in steps:
        change = Change(state, verb(state), NOW)
        assert not change.needs_confirmation
        for at in LATER:
            assert exposed(change.after, at) <= exposed(state, at)
        state = change.after


@settings(max_examples=500, deadline=None)
@given(states, st.lists(verbs, min_size=1, max_size=6))
def test_whatever_adds_somebody_at_any_time_from_now_on_is_known_to_widen(
    state: RolloutState, steps: list[Any]
) -> None:
    for verb in steps:
        after = verb(state)
        adds = any(exposed(after, at) - exposed(state, at) for at in LATER)
        if adds:
            assert widens(state, after, NOW)
        state = after


@settings(max_examples=300, deadline=None)
@given(states, states)
def test_widening_is_exact_between_any_two_states_of_one_salt(before: RolloutState, after: RolloutState) -> None:
    after = replace(after, salt=before.salt)
    adds = any(exposed(after, at) - exposed(before, at) for at in LATER)
    assert widens(before, after, NOW) is adds


LISTED = replace(ON, characters=frozenset({"raider"}))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (LISTED, replace(LISTED, characters=frozenset({"raider", "ghoul"}))),
        (exclude(ON, "ghoul"), ON),
        (quarantine(ON, "ghoul", NOW + HOUR), ON),
        # Both keep the character out now: the one that ends sooner exposes it in between.
        (quarantine(ON, "ghoul", NOW + 3 * HOUR), quarantine(ON, "ghoul", NOW + HOUR)),
    ],
    ids=["listed", "excluded", "quarantined", "quarantined for longer"],
)
def test_a_character_that_one_state_alone_keeps_out_widens_in_one_direction_only(
    less: RolloutState, more: RolloutState
) -> None:
    assert widens(less, more, NOW)
    assert not widens(more, less, NOW)


def test_a_quarantine_that_has_ended_changes_nothing() -> None:
    ended = quarantine(ON, "ghoul", NOW)
    assert not widens(ended, ON, NOW)
    assert not widens(ON, ended, NOW)


def test_another_salt_draws_others_and_widens_unless_everybody_had_chirp_or_nobody_gets_it() -> None:
    assert widens(ON, replace(ON, salt="new"), NOW)
    assert widens(ON, replace(ON, salt="new", percentage=1), NOW)
    full = replace(ON, percentage=FULL_PERCENTAGE)
    assert not widens(full, replace(full, salt="new"), NOW)
    assert not widens(ON, replace(ON, salt="new", percentage=0), NOW)


@settings(max_examples=300, deadline=None)
@given(states, st.lists(verbs, max_size=6), st.permutations(CHARACTERS))
def test_taking_the_listed_out_one_by_one_ends_with_chirp_off(
    state: RolloutState, steps: list[Any], order: list[str]
) -> None:
    for verb in steps:
        state = verb(state)
    if state.characters is None:
        return
    for character in order:
        state = exclude(state, character)
    assert not state.enabled
    assert not exposed(state, NOW)
    assert state.characters is not None


@pytest.mark.parametrize(
    "verb", [partial(exclude, character="ghoul"), partial(set_to, characters=frozenset()), turn_off]
)
def test_without_the_last_listed_character_chirp_is_off_and_the_list_is_not_all(verb: Any) -> None:
    before = replace(ON, characters=frozenset({"ghoul"}))
    after = verb(before)
    assert not after.enabled
    assert after.characters is not None
    # The trap of the variables: an empty list, and then "on" again.
    again = set_to(after, enabled=True)
    assert exposed(again, NOW) <= exposed(before, NOW)


def test_a_list_whose_characters_are_all_excluded_turns_chirp_off() -> None:
    before = replace(ON, characters=frozenset({"ghoul", "raider"}), excluded=frozenset({"raider"}))
    assert not exclude(before, "ghoul").enabled
    assert not set_to(before, characters=frozenset({"raider"})).enabled


def test_a_quarantine_of_the_last_listed_ends_by_itself() -> None:
    before = replace(ON, characters=frozenset({"ghoul"}))
    after = quarantine(before, "ghoul", NOW + HOUR)
    assert after.enabled
    assert not exposed(after, NOW)
    assert exposed(after, NOW + HOUR) == exposed(before, NOW + HOUR)


def test_a_quarantine_is_never_shortened() -> None:
    long = quarantine(ON, "ghoul", NOW + 3 * HOUR)
    assert quarantine(long, "ghoul", NOW + HOUR) == long


def test_include_ends_exclusion_and_quarantine_and_puts_on_the_list_and_leaves_off_what_is_off() -> None:
    out = quarantine(exclude(replace(ON, characters=frozenset({"raider"})), "ghoul"), "ghoul", NOW + HOUR)
    back = include(out, "ghoul", NOW)
    assert {character for character, _ in exposed(back, NOW)} == {"raider", "ghoul"}
    assert Change(out, back, NOW).needs_confirmation
    assert not include(turn_off(out), "ghoul", NOW).enabled
    assert include(ON, "ghoul", NOW).characters is None


@pytest.mark.parametrize(("ends", "ended"), [(HOUR, timedelta(0)), (-HOUR, -HOUR)])
def test_when_a_quarantine_ended_is_known_after_the_character_is_included(ends: timedelta, ended: timedelta) -> None:
    back = include(quarantine(ON, "ghoul", NOW + ends), "ghoul", NOW)
    assert back.quarantined == {"ghoul": NOW + ended}
    assert not include(exclude(ON, "ghoul"), "ghoul", NOW).quarantined


def test_set_leaves_what_is_not_given() -> None:
    state = replace(
        ON, characters=frozenset({"ghoul"}), excluded=frozenset({"raider"}), fallback=False, run=begun("2").run
    )
    assert set_to(state) == state
    assert set_to(state, percentage=100) == replace(state, percentage=100)
    assert set_to(state, characters=ALL) == replace(state, characters=None)
    assert set_to(state, fallback=True) == replace(state, fallback=True)


def test_turning_the_fallback_off_needs_confirmation_and_turning_it_on_does_not() -> None:
    without = set_to(ON, fallback=False)
    assert Change(ON, without, NOW).needs_confirmation
    assert not Change(ON, without, NOW).widens
    assert not Change(without, ON, NOW).needs_confirmation


@pytest.mark.parametrize(
    ("verb", "confirmed"),
    [
        (partial(set_to, percentage=5_001), True),
        (partial(set_to, percentage=4_999), False),
        (partial(set_to, characters=frozenset({"ghoul"})), False),
        (partial(set_to, percentage=10_000, enabled=False), False),
        (partial(include, character="ghoul", now=NOW), False),
    ],
)
def test_a_change_needs_confirmation_only_if_more_users_would_get_chirp(verb: Any, confirmed: bool) -> None:
    assert Change(ON, verb(ON), NOW).needs_confirmation is confirmed


@example(state=OFF)
@given(states)
def test_changing_to_the_same_is_no_change(state: RolloutState) -> None:
    change = Change(state, state, NOW)
    assert change.is_noop
    assert not change.needs_confirmation
