"""Descriptions of the rollout for people: who gets Chirp, before and after a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.makers import CATALOGUE
from tests.unit.rollouts import HOUR, NOW, revision, value
from worker.cli.views.rollout import change_rows, describe_change, revision_document, status_document, status_row
from worker.rollout.changes import Change, exclude, set_to
from worker.rollout.description import exposure
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.state import OFF, RolloutState

ON = RolloutState(enabled=True, percentage=1_250, characters=None, revision=3)
TWO = replace(ON, characters=frozenset({"ghoul", "raider"}))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (OFF, "Chirp is off: no user gets it"),
        (replace(ON, characters=frozenset()), "Chirp is off: no user gets it"),
        (ON, "12.5 % of users get Chirp for all 14 characters"),
        (TWO, "12.5 % of users get Chirp for ghoul, raider"),
        (exclude(ON, "ghoul"), "12.5 % of users get Chirp for all 14 characters, except ghoul (excluded)"),
        (exclude(TWO, "pip_boy"), "12.5 % of users get Chirp for ghoul, raider"),
        (
            replace(TWO, quarantined={"ghoul": NOW + HOUR, "raider": NOW}),
            "12.5 % of users get Chirp for ghoul, raider, except ghoul (quarantined until 2026-01-31 13:00:00 UTC)",
        ),
    ],
)
def test_who_hears_chirp_is_one_sentence(state: RolloutState, said: str) -> None:
    assert exposure(state, CATALOGUE.names, NOW) == said


def test_a_change_is_shown_as_it_is_and_as_it_would_be() -> None:
    change = Change(TWO, set_to(TWO, percentage=5_000, characters="all"), NOW)
    rows = [tuple(row.values()) for row in change_rows(change, CATALOGUE.names)]
    assert rows == [
        (
            "exposure",
            "12.5 % of users get Chirp for ghoul, raider",
            "50 % of users get Chirp for all 14 characters",
        ),
        ("percentage", "12.5 %", "50 %"),
        ("characters", "ghoul, raider", "all"),
    ]
    assert describe_change(change, CATALOGUE.names) == (
        "revision 4: 12.5 % of users get Chirp for ghoul, raider → 50 % of users get Chirp for all 14 characters "
        "(percentage 12.5 % → 50 %; characters ghoul, raider → all)"
    )


def test_status_says_what_it_would_be_if_it_were_on_and_when_there_is_no_revision_yet() -> None:
    fold = RevisionLog()
    assert str(status_row(fold, CATALOGUE.names, NOW)["revision"]).startswith("none yet")
    fold.add(value(revision(0, enabled=False, percentage=2_500)))
    row = status_row(fold, CATALOGUE.names, NOW)
    assert row["exposure"] == "Chirp is off: no user gets it"
    assert row["when it is on"] == "25 % of users get Chirp for all 14 characters"
    assert str(row["revision"]).startswith("1, by anna")


def test_the_documents_hold_whole_revisions() -> None:
    fold = RevisionLog()
    assert status_document(fold, CATALOGUE.names, NOW, 5)["revision"] is None
    fold.add(value(revision(0)))
    document = status_document(fold, CATALOGUE.names, NOW, 5)
    assert document["revision"] == revision_document(revision(0))
    assert document["changes"] == [document["revision"]]
