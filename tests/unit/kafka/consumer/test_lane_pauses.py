"""One lane pauses; the other goes on, and so do the retries, which were jobs before."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from tests.unit.standins import Time
from worker.jobs.outcome import BAD_INPUT, Outcome
from worker.kafka.client.topics import Source
from worker.kafka.consumer.bad_input import BadInputLimit
from worker.kafka.consumer.lane_pauses import LanePauses
from worker.kafka.consumer.record import Record
from worker.observability.metrics import Metrics

BAD = Outcome(None, Problem(failure_class=BAD_INPUT, code="INVALID_JOB", message="m"))
GOOD = Outcome(Completion(job_id="a", status=JobStatus.DONE, lane=Lane.BATCH))
FAILED = Outcome(None, Problem(failure_class="timeout", code="X", message="m"))


class Watched:
    def __init__(self) -> None:
        self.time = Time()
        self.metrics = Metrics(CollectorRegistry(), [])
        self.lanes = LanePauses(BadInputLimit(0.9, 500, 60.0), self.metrics, self.time.clock)
        self.next = 0

    def record(self, lane: Lane = Lane.BATCH, delay: str | None = None) -> Record:
        self.next += 1
        return Record(lane, f"tts.{lane.value}", 0, self.next, None, b"", delay=delay)

    def ended(self, outcome: Outcome, times: int = 1, lane: Lane = Lane.BATCH, delay: str | None = None) -> None:
        for _ in range(times):
            self.lanes.ended(self.record(lane, delay), outcome)

    def gauge(self, lane: Lane) -> float | None:
        return self.metrics.registry.get_sample_value("tts_lane_paused", {"lane": lane.value})


def paused() -> Watched:
    watched = Watched()
    watched.ended(BAD, 500)
    assert watched.lanes.paused == [Lane.BATCH]
    return watched


def test_a_lane_of_rubbish_pauses_and_the_other_lane_and_the_retries_go_on() -> None:
    watched = Watched()
    watched.ended(BAD, 499)
    assert watched.lanes.allow(Source(Lane.BATCH))
    watched.ended(BAD)
    assert not watched.lanes.allow(Source(Lane.BATCH))
    assert watched.lanes.allow(Source(Lane.BATCH, "10s"))
    assert watched.lanes.allow(Source(Lane.DIALOGUE))
    assert watched.lanes.allow(Source(Lane.DIALOGUE, "10s"))


def test_jobs_that_fail_are_jobs() -> None:
    watched = Watched()
    watched.ended(FAILED, 5000)
    assert watched.lanes.paused == []


def test_each_lane_is_counted_by_itself_and_retries_are_not_counted() -> None:
    watched = Watched()
    for _ in range(499):
        watched.ended(BAD, lane=Lane.DIALOGUE)
        watched.ended(BAD, lane=Lane.BATCH)
        watched.ended(GOOD, delay="10s")
        watched.ended(BAD, delay="10s")
    assert watched.lanes.paused == []
    watched.ended(BAD, lane=Lane.DIALOGUE)
    assert watched.lanes.paused == [Lane.DIALOGUE]


def test_a_pause_is_told_once_in_the_log_and_by_the_metric() -> None:
    with capture_logs() as logs:
        watched = paused()
        watched.ended(BAD, 500)
    assert [(each["event"], each["log_level"]) for each in logs] == [("lane_paused", "error")]
    assert "chirp-worker lane resume batch" in logs[0]["detail"]
    assert "90%" in logs[0]["detail"]
    assert (watched.gauge(Lane.BATCH), watched.gauge(Lane.DIALOGUE)) == (1, 0)
    with capture_logs() as logs:
        assert watched.lanes.resume(Lane.BATCH)
        assert not watched.lanes.resume(Lane.BATCH)
    assert [each["event"] for each in logs] == ["lane_resumed"]
    assert watched.gauge(Lane.BATCH) == 0


def test_one_record_a_minute_is_tried_and_the_first_job_among_them_ends_the_pause() -> None:
    watched = paused()
    assert not watched.lanes.to_probe(Lane.BATCH)
    for outcome in (BAD, BAD, GOOD):
        watched.time.at += 60
        assert watched.lanes.to_probe(Lane.BATCH)
        probe = watched.record()
        watched.lanes.probed(probe)
        assert not watched.lanes.to_probe(Lane.BATCH)
        assert watched.lanes.paused == [Lane.BATCH]
        watched.lanes.ended(probe, outcome)
    assert watched.lanes.paused == []
    assert watched.lanes.allow(Source(Lane.BATCH))


def test_a_job_that_fails_is_a_job_and_ends_the_pause() -> None:
    watched = paused()
    probe = watched.record()
    watched.lanes.probed(probe)
    watched.lanes.ended(probe, FAILED)
    assert watched.lanes.paused == []


def test_jobs_that_were_in_work_when_the_lane_paused_do_not_end_the_pause() -> None:
    # 90 % of rubbish ends at once; when the last of 500 has, nearly all that is in work are jobs.
    watched = paused()
    watched.ended(GOOD, 64)
    assert watched.lanes.paused == [Lane.BATCH]


def test_a_slow_probe_ends_the_pause_also_after_the_next_was_taken() -> None:
    watched = paused()
    slow, quick = watched.record(), watched.record()
    watched.lanes.probed(slow)
    watched.time.at += 60
    watched.lanes.probed(quick)
    watched.lanes.ended(quick, BAD)
    assert watched.lanes.paused == [Lane.BATCH]
    watched.lanes.ended(slow, GOOD)
    assert watched.lanes.paused == []


def test_a_probe_of_an_earlier_pause_does_not_end_a_later_one() -> None:
    watched = paused()
    old = watched.record()
    watched.lanes.probed(old)
    watched.lanes.resume(Lane.BATCH)
    watched.ended(BAD, 500)
    watched.lanes.ended(old, GOOD)
    assert watched.lanes.paused == [Lane.BATCH]
