"""Which revision each worker follows, by its completions."""

from __future__ import annotations

from datetime import timedelta

from schemas.enums import DecisionReason
from tests.unit.attempts import attempt
from tests.unit.rollouts import NOW
from worker.rollout.controller.workers_seen import WorkersSeen

MINUTE = timedelta(minutes=1)


def test_the_newest_revision_of_each_worker_counts_also_if_older_jobs_end_later() -> None:
    seen = WorkersSeen()
    seen.note(attempt(worker="b", revision=7), NOW)
    seen.note(attempt(worker="a", revision=7), NOW)
    seen.note(attempt(worker="a", revision=8), NOW + MINUTE)
    seen.note(attempt(worker="a", revision=6), NOW + 2 * MINUTE)
    seen.note(attempt(worker="a", revision=9), NOW + MINUTE)
    seen.note(attempt(worker="", revision=9), NOW)
    found = [(each.worker, each.revision, each.time) for each in seen.recent(NOW + 3 * MINUTE)]
    assert found == [("a", 8, NOW + 2 * MINUTE), ("b", 7, NOW)]


def test_a_worker_that_says_nothing_for_ten_minutes_is_forgotten() -> None:
    seen = WorkersSeen()
    seen.note(attempt(worker="a"), NOW)
    assert len(seen.recent(NOW + 10 * MINUTE)) == 1
    assert seen.recent(NOW + 11 * MINUTE) == ()


def test_a_worker_with_its_hand_brake_on_is_shown_as_that() -> None:
    seen = WorkersSeen()
    seen.note(attempt(worker="a", reason=DecisionReason.BRAKED), NOW)
    assert [each.braked for each in seen.recent(NOW)] == [True]


def test_foreign_names_have_bounds() -> None:
    seen = WorkersSeen()
    for number in range(600):
        seen.note(attempt(worker=f"{number}" * 100), NOW)
    found = seen.recent(NOW)
    assert len(found) == 500
    assert max(len(each.worker) for each in found) == 128
