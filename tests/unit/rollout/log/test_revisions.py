"""The log of revisions: the first writer on a base wins, the others learn the winner, rubbish is skipped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.rollouts import NOW, revision, states, value
from worker.rollout.log.codec import Provenance, current_state, to_revision, to_state
from worker.rollout.log.revisions import Accepted, RevisionLog, Superseded, Unreadable
from worker.rollout.state import OFF, RolloutState


def folded(*values: bytes | None) -> RevisionLog:
    fold = RevisionLog()
    for each in values:
        fold.add(each)
    return fold


def test_an_empty_log_says_off() -> None:
    assert folded().current is None
    assert folded().revision == 0
    assert current_state(folded()) == OFF


def test_each_record_that_changes_the_current_revision_is_the_next_one() -> None:
    fold = folded(value(revision(0)), value(revision(1, "two", percentage=2_000)))
    assert fold.revision == 2
    assert current_state(fold) == RolloutState(enabled=True, percentage=2_000, characters=None, revision=2)
    assert [each.id for each in fold.accepted] == ["one", "two"]


def test_the_second_writer_on_a_base_is_superseded_by_a_known_winner() -> None:
    fold = RevisionLog()
    first, second = revision(0, "a", "anna"), revision(0, "b", "bert")
    assert fold.add(value(first)) == Accepted(first)
    assert fold.add(value(second)) == Superseded(second, winner=first)
    # Also when the winner isn't the current one any more.
    fold.add(value(revision(1, "c")))
    assert fold.add(value(revision(0, "d"))) == Superseded(revision(0, "d"), winner=first)
    assert fold.current is not None
    assert fold.current.id == "c"


def test_a_base_that_was_never_seen_has_no_winner() -> None:
    assert folded().add(value(revision(7))) == Superseded(revision(7), winner=None)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from("abc")), max_size=30))
def test_whatever_is_written_the_history_has_no_revision_twice_and_no_gap(writes: list[tuple[int, str]]) -> None:
    fold = folded(*(value(revision(base, f"{number}", actor)) for number, (base, actor) in enumerate(writes)))
    assert [each.revision for each in fold.accepted] == list(range(1, len(fold.accepted) + 1))
    assert len(fold.accepted) + len(fold.superseded) == len(writes)
    assert all(lost.winner is None or lost.winner.base == lost.revision.base for lost in fold.superseded)


GOOD: dict[str, Any] = json.loads(value(revision(1, "two")))


@pytest.mark.parametrize(
    "change",
    [
        *({"percentage": wrong} for wrong in (-1, 10_001, "1000", 10.5, None)),
        *({"enabled": wrong} for wrong in ("true", 1, None)),
        *({"characters": wrong} for wrong in ("", "pip_boy", [1], {"a": 1})),
        *({"revision": wrong} for wrong in (1, 3, "2", 2.0, None)),
        *({"time": wrong} for wrong in ("yesterday", "2026-01-31T12:00:00", None)),
        {"quarantined": {"pip_boy": "soon"}},
        {"actor": ""},
        {"reason": "a\x00b"},
        {"base": -1},
    ],
    ids=str,
)
def test_a_field_that_is_wrong_makes_it_no_revision(change: dict[str, Any]) -> None:
    fold = folded(value(revision(0)))
    entry = fold.add(json.dumps({**GOOD, **change}).encode())
    assert isinstance(entry, Unreadable)
    assert entry.why
    assert (fold.revision, fold.unreadable) == (1, 1)


RUN = {
    "plan": "one",
    "text": "version: 1",
    "stage": "few",
    "phase": "running",
    "since": "2026-01-31T12:00:00Z",
    "stage_revision": 2,
}


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"time": time}
            for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T00:00:00Z")
        ),
        {"quarantined": {"ghoul": "9999-12-31T23:59:59Z"}},
        *(
            {"run": {**RUN, "since": time}}
            for time in ("0001-01-01T00:00:00Z", "2200-01-02T00:00:00Z", "2026-01-31T12:00:00")
        ),
        {"run": {**RUN, "serving_since": "0001-01-01T00:00:00Z"}},
        *({"run": {**RUN, "day_s": number}} for number in (1e-300, 0.5, 86_401, 1e308, float("inf"), float("nan"))),
        *({"run": {**RUN, "served_s": number}} for number in (-1, 1e10, float("inf"), float("nan"))),
        *({"run": {**RUN, "stage_revision": number}} for number in (0, 2**53, 10**400)),
        {"revision": 10**400, "base": 10**400 - 1},
    ],
    ids=lambda change: str(change)[-60:],
)
def test_a_number_or_a_time_out_of_its_range_makes_it_no_revision(change: dict[str, Any]) -> None:
    fold = folded(value(revision(0)))
    assert isinstance(folded(value(revision(0))).add(json.dumps({**GOOD, "run": RUN}).encode()), Accepted)
    entry = fold.add(json.dumps({**GOOD, **change}).encode())
    assert isinstance(entry, Unreadable)
    assert (fold.revision, fold.unreadable) == (1, 1)


DECIDES = ["revision", "base", "enabled", "percentage", "characters", "excluded", "quarantined", "fallback", "salt"]


@pytest.mark.parametrize("field", DECIDES)
def test_a_field_that_is_left_out_never_widens_it_makes_it_no_revision(field: str) -> None:
    left = {name: said for name, said in GOOD.items() if name != field}
    assert isinstance(folded(value(revision(0))).add(json.dumps(left).encode()), Unreadable)


def test_a_field_of_a_later_version_does_not_cut_an_older_worker_off() -> None:
    entry = folded(value(revision(0))).add(json.dumps({**GOOD, "weather": {"in": "Boston"}}).encode())
    assert isinstance(entry, Accepted)


@pytest.mark.parametrize("rubbish", [None, b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"revision": 1}', b"[" * 100_000])
def test_rubbish_is_passed_over(rubbish: bytes | None) -> None:
    fold = folded(value(revision(0)), rubbish, value(revision(1, "two")))
    assert (fold.revision, fold.unreadable) == (2, 1)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_passed_over_or_taken(noise: bytes) -> None:
    folded(noise)


@settings(deadline=None)
@given(states, states)
def test_a_state_comes_back_from_its_record_as_it_was(before: RolloutState, after: RolloutState) -> None:
    made = to_revision(before, after, Provenance("anna"), time=NOW, identity="x")
    entry = folded().add(value(made))
    assert isinstance(entry, Accepted)
    assert to_state(entry.revision) == RolloutState(**{**vars(after), "revision": 1})


def test_a_record_says_in_words_what_it_changes() -> None:
    before = RolloutState(enabled=True, percentage=1_000, characters=frozenset({"pip_boy"}), revision=4)
    after = RolloutState(enabled=True, percentage=5_000, characters=None, revision=4)
    made = to_revision(before, after, Provenance("anna", "stage 4"), time=NOW, identity="x")
    assert made.before == "percentage 10 %; characters pip_boy"
    assert made.after == "percentage 50 %; characters all"
    assert (made.base, made.revision) == (4, 5)
