"""Players' reports: which completion each is about, and which of a user's count."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.attempts import BEGAN, CONTROL, FALLBACK, MINUTE, attempt
from tests.unit.opinions import feedback
from worker.rollout.analysis import feedback_counts
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.feedback_counts import Fate, FeedbackCounts, take_name
from worker.rollout.analysis.tally import CellKey

LATER = BEGAN + 10 * MINUTE
DAY = timedelta(days=1)
TAKE = "takes/pip_boy/chirp3-hd/ab/abcdef0123.ogg"


class Heard:
    """Completions that were heard, and the reports about them."""

    def __init__(self) -> None:
        self.counts = AttemptCounts(MINUTE)
        self.feedback = FeedbackCounts(self.counts)

    def complete(self, job_id: str, **fields: Any) -> None:
        observation = attempt(job_id=job_id, **fields)
        self.counts.add(observation, 1, observation.ended_at)
        self.feedback.note_completion(observation, 1)

    def report(self, after: timedelta = 5 * MINUTE, **fields: Any) -> None:
        self.feedback.add(feedback(**fields), BEGAN + after)
        self.feedback.settle(BEGAN + after)

    @property
    def fates(self) -> dict[Fate, int]:
        return dict(self.feedback.fates)

    def complaints(self) -> Counter[str]:
        """By voice model."""
        found: Counter[str] = Counter()
        for key, tally in self._cells():
            found[key.voice_model.value] += tally.complaints
        return +found

    def complainers(self) -> int:
        return sum(tally.complainers for _, tally in self._cells())

    def _cells(self) -> list[tuple[CellKey, Any]]:
        begin = self.counts.step_at(BEGAN)
        return [each for _, cells in self.counts.cells(begin, begin + 10_000) for each in cells.items()]


@pytest.fixture
def heard() -> Heard:
    found = Heard()
    found.complete("chirp", audio=TAKE)
    found.complete("control", **CONTROL)
    return found


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"job_id": "chirp"}, "chirp3-hd"),
        ({"job_id": "control"}, "wavenet"),
        ({"job_id": None, "audio": TAKE}, "chirp3-hd"),
        ({"job_id": None, "audio": f"s3://tts-audio/{TAKE}"}, "chirp3-hd"),
        ({"job_id": None, "audio": f"https://cdn.example/{TAKE}?X-Amz-Signature=1/2.3#t=1"}, "chirp3-hd"),
        # The job is exact; the take is asked where the job is unknown.
        ({"job_id": "control", "audio": TAKE}, "wavenet"),
        ({"job_id": "forgotten", "audio": TAKE}, "chirp3-hd"),
    ],
)
def test_a_report_counts_for_the_voice_model_that_spoke(heard: Heard, fields: dict[str, Any], model: str) -> None:
    heard.report(**fields)
    assert heard.complaints() == {model: 1}
    assert heard.fates == {Fate.COUNTED: 1}


@pytest.mark.parametrize("fields", [{"job_id": "another"}, {"job_id": None, "audio": "takes/other.ogg"}])
def test_a_report_about_an_unknown_line_is_counted_as_such_and_attributed_to_none(heard: Heard, fields: dict) -> None:
    heard.report(**fields)
    assert (heard.complaints(), heard.fates) == ({}, {Fate.UNKNOWN: 1})


def test_praise_is_no_complaint(heard: Heard) -> None:
    heard.report(job_id="chirp", kind="praise", reason="natural")
    assert (heard.complaints(), heard.fates) == ({}, {Fate.PRAISE: 1})


def test_a_message_that_is_published_twice_counts_once(heard: Heard) -> None:
    for user in ("a", "b"):
        heard.report(job_id="chirp", feedback_id="same", user_id=user)
    assert heard.fates == {Fate.COUNTED: 1, Fate.REPEATED: 1}


def test_a_report_that_is_read_before_its_completion_waits_for_it() -> None:
    heard = Heard()
    heard.feedback.add(feedback(job_id="late"), LATER)
    heard.feedback.settle(LATER - MINUTE)
    assert heard.fates == {}
    heard.complete("late")
    heard.feedback.settle(LATER)
    assert heard.complaints() == {"chirp3-hd": 1}


def test_a_fallback_belongs_to_neither_arm() -> None:
    heard = Heard()
    heard.complete("fallback", **FALLBACK)
    heard.report(job_id="fallback")
    (complaint,) = heard.counts.complaints(0, heard.counts.step_at(LATER))
    assert not complaint.key.is_chirp
    assert not complaint.key.is_control


def test_a_flood_of_one_user_counts_once_for_a_character_and_once_for_all(heard: Heard) -> None:
    for number in range(14):
        heard.complete(f"line-{number}", character=f"character-{number}")
    for after in range(500):
        heard.report(timedelta(seconds=after) + MINUTE, job_id=f"line-{after % 14}", user_id="angry")
    assert heard.complaints() == {"chirp3-hd": 14}
    assert heard.complainers() == 1
    assert heard.fates == {Fate.COUNTED: 14, Fate.SAME_USER: 486}


def test_a_user_counts_for_each_voice_model_and_each_user_counts(heard: Heard) -> None:
    for user in ("one", "other"):
        for job in ("chirp", "control"):
            heard.report(job_id=job, user_id=user)
    assert heard.complaints() == {"chirp3-hd": 2, "wavenet": 2}
    assert heard.complainers() == 4


@pytest.mark.parametrize(("after", "count"), [(DAY - timedelta(seconds=1), 1), (DAY, 2), (DAY + MINUTE, 2)])
def test_a_user_counts_again_a_day_after_the_report_that_counted(heard: Heard, after: timedelta, count: int) -> None:
    heard.report(MINUTE, job_id="chirp")
    heard.report(MINUTE + DAY / 2, job_id="chirp")
    heard.report(MINUTE + after, job_id="chirp")
    assert heard.complaints()["chirp3-hd"] == count
    assert heard.complainers() == count


def test_only_the_newest_completions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_counts, "MAX_COMPLETIONS", 2)
    heard = Heard()
    for number in range(6):
        heard.complete(f"job-{number}")
    for number in range(6):
        heard.report(job_id=f"job-{number}", user_id=f"user-{number}")
    # Each completion may take two places, of its job and of its take.
    assert heard.fates == {Fate.UNKNOWN: 2, Fate.COUNTED: 4}


def test_too_many_that_wait_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_counts, "MAX_WAITING", 3)
    heard = Heard()
    for _ in range(5):
        heard.feedback.add(feedback(), LATER)
    assert heard.fates == {Fate.DROPPED: 2}
    heard.feedback.settle(LATER)
    assert heard.fates == {Fate.DROPPED: 2, Fate.UNKNOWN: 3}


def test_a_report_counts_in_the_first_step_that_is_not_evaluated_yet(heard: Heard) -> None:
    evaluated = heard.counts.step_at(LATER)
    heard.counts.settle(evaluated)
    heard.report(MINUTE, job_id="chirp")
    assert [each.complainers for each in heard.counts.complaints(evaluated, evaluated + 1)] == [1]
    assert heard.counts.changes == 0


def test_a_report_counts_no_earlier_than_its_completion(heard: Heard) -> None:
    """Clocks differ: a report may seem older than its line."""
    heard.complete("later", ended_at=LATER)
    heard.report(MINUTE, job_id="later")
    assert [each.heard for each in heard.counts.complaints(heard.counts.step_at(LATER), 10**9 // 60 * 2)] == [
        heard.counts.step_at(LATER)
    ]


def test_an_attempt_that_was_nobodys_audio_is_no_completion(heard: Heard) -> None:
    heard.complete("")
    heard.report(job_id=None, audio=".ogg")
    assert heard.fates == {Fate.UNKNOWN: 1}


@given(st.text(max_size=60), st.sampled_from(["", "s3://bucket/", "https://cdn.example/a/b/"]))
def test_a_take_is_found_by_its_key_and_by_any_address(name: str, begin: str) -> None:
    key = f"takes/ghoul/wavenet/ab/{name.translate({ord(each): 'x' for each in '/?#.'})}.mulaw.wav"
    assert take_name(begin + key) == take_name(key) == key.rsplit("/", maxsplit=1)[-1].split(".", maxsplit=1)[0]
