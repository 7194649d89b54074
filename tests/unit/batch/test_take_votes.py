"""Which take is chosen: the one that was heard and has lost to none, by the last vote on each two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schemas.enums import VoiceModel
from schemas.vote import Vote
from tests.unit.opinions import vote_document
from tests.unit.rollouts import NOW
from worker.batch.take_votes import TakeVotes

NUMBERS = {"takes/1": 1, "takes/2": 2, "takes/3": 3}


def said(first: int, second: int, choice: str, *, after: int = 0, by: str = "mei", **changes: Any) -> Vote:
    takes = {
        name: {"audio": f"takes/{number}", "voice_model": "wavenet", "voice": "en-US-Wavenet-D"}
        for name, number in (("first", first), ("second", second))
    }
    time = (NOW + timedelta(seconds=after)).isoformat()
    return Vote.model_validate(vote_document(**takes, choice=choice, listener_id=by, time=time, **changes))


def chosen(*votes: Vote, by: str | None = None) -> int | None:
    collected = TakeVotes()
    for each in votes:
        collected.add(each)
    found = collected.chosen(NUMBERS, by)
    return None if found is None else found.take


@pytest.mark.parametrize(
    ("votes", "take"),
    [
        ([], None),
        ([said(1, 2, "second")], 2),
        ([said(2, 1, "second")], 1),
        ([said(1, 2, "equal")], None),
        ([said(1, 2, "second"), said(2, 1, "second", after=1)], 1),
        ([said(1, 2, "second"), said(1, 2, "equal", after=1)], None),
        ([said(1, 2, "second"), said(1, 3, "first")], 2),
        ([said(1, 2, "second"), said(1, 3, "second")], None),
        ([said(1, 2, "second"), said(1, 3, "second"), said(2, 3, "second")], 3),
        ([said(1, 2, "cannot_use", fault={"side": "first", "reason": "noise"})], 2),
        ([said(1, 2, "cannot_use", fault={"side": "both", "reason": "noise"})], None),
    ],
)
def test_the_take_that_has_lost_to_none(votes: list[Vote], take: int | None) -> None:
    assert chosen(*votes) == take


def test_the_choice_names_who_decided_and_when() -> None:
    votes = TakeVotes()
    for each in (said(1, 2, "second", by="otto"), said(2, 3, "first", after=60, by="mei")):
        votes.add(each)
    found = votes.chosen(NUMBERS)
    assert found is not None
    assert (found.take, found.by, found.at) == (2, "mei", NOW + timedelta(seconds=60))


def test_one_listeners_votes_and_no_other_takes() -> None:
    assert chosen(said(1, 2, "second", by="otto"), by="mei") is None
    assert chosen(said(1, 2, "second", by="mei"), by="mei") == 2
    # Of another text, or of both models.
    assert chosen(said(1, 7, "second")) is None
    blind = said(1, 2, "second")
    other = blind.model_copy(update={"second": blind.second.model_copy(update={"voice_model": VoiceModel.CHIRP3_HD})})
    assert chosen(other) is None
