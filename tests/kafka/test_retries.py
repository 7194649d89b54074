"""Retry topics on Apache Kafka: due when they say, holding nothing back, surviving restarts."""

import asyncio
import json
import signal
from datetime import UTC, datetime, timedelta

from schemas.enums import JobStatus, Lane
from schemas.topics import retry_topic
from tests.stack.deployment import job
from tests.until import HANG_S, until

RETRIES = {"RETRY_BATCH": "1s,2s", "RETRY_DIALOGUE": "1s", "CHIRP3_ROLLOUT_PERCENTAGE": "100"}


def failing(number: int, **fields: object) -> dict:
    """Google fails for this line, whoever speaks it, and works for all others."""
    return {"kind": "status", "code": "UNAVAILABLE", "text_pattern": rf"line number {number}\.", **fields}


async def topics_for(deployment) -> None:
    """The retry topics of a deployment's own delays."""
    for lane, delay in ((Lane.DIALOGUE, "1s"), (Lane.BATCH, "1s"), (Lane.BATCH, "2s")):
        await deployment.create_topic(retry_topic(lane, delay), 2)


async def test_a_job_that_failed_is_tried_again_after_its_delay(deployment):
    await topics_for(deployment)
    # Chirp and WaveNet, each with its quick retry: the whole first try fails, the second works.
    await deployment.set_faults(failing(0, limit=4))
    with deployment.worker(**{**RETRIES, "RETRY_BATCH": "2s"}):
        await deployment.produce([job(0)], Lane.BATCH)
        (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.DONE
    assert [attempt.result for attempt in completion.attempts] == ["error", "error", "success"]
    ended = [attempt.ended_at for attempt in completion.attempts]
    assert (ended[2] - ended[1]).total_seconds() >= 2
    assert await deployment.dead_letters(0) == []


async def test_a_job_that_waits_for_its_retry_holds_nothing_back(deployment):
    await topics_for(deployment)
    await deployment.create_topic(retry_topic(Lane.BATCH, "1h"), 2)
    await deployment.set_faults(failing(0))
    with deployment.worker(MAX_IN_FLIGHT="4", **{**RETRIES, "RETRY_BATCH": "1h"}) as (process, _):
        await deployment.produce((job(number) for number in range(100)), Lane.BATCH)
        completions = await deployment.completions(99)
        await until(lambda: '"outcome": "retried"' in process.log.read_text())
    assert sorted(each.job_id for each in completions) == sorted(f"job-{number}" for number in range(1, 100))
    assert {each.status for each in completions} == {JobStatus.DONE}


async def test_after_its_last_retry_a_job_is_a_dead_letter_that_tells_its_history(deployment):
    await topics_for(deployment)
    await deployment.set_faults(failing(7))
    with deployment.worker(**RETRIES):
        await deployment.produce([job(7)], Lane.BATCH)
        (completion,) = await deployment.completions(1)
        ((value, headers),) = await deployment.dead_letters(1)
    assert completion.status is JobStatus.FAILED
    assert json.loads(value) == job(7)
    assert headers["dead-letter-tries"] == "3"
    assert headers["dead-letter-class"] == "transient"
    assert headers["dead-letter-lane"] == "batch"
    assert headers["dead-letter-topic"] == deployment.topic("tts.batch")
    assert len(json.loads(headers["dead-letter-attempts"])) == len(completion.attempts) == 6
    first_seen, last = (datetime.fromisoformat(headers[f"dead-letter-{name}"]) for name in ("first-seen", "time"))
    assert (last - first_seen).total_seconds() >= 3


async def test_a_job_whose_next_try_would_be_too_late_expires_at_once(deployment):
    await topics_for(deployment)
    await deployment.set_faults(failing(1))
    await deployment.create_topic(retry_topic(Lane.DIALOGUE, "1h"), 2)
    deadline = (datetime.now(UTC) + timedelta(minutes=40)).isoformat()
    with deployment.worker(RETRY_DIALOGUE="1h", CHIRP3_ROLLOUT_PERCENTAGE="100"):
        await deployment.produce([job(1, deadline=deadline)])
        (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.EXPIRED
    assert completion.error.field == "deadline"
    assert [attempt.failure_class for attempt in completion.attempts] == ["transient", "transient"]
    assert datetime.now(UTC) < datetime.fromisoformat(deadline)
    assert await deployment.dead_letters(0) == []


async def test_a_waiting_retry_survives_the_workers_restart_even_if_its_delay_is_set_no_more(deployment):
    await topics_for(deployment)
    await deployment.set_faults(failing(1, limit=4))
    with deployment.worker("first", **{**RETRIES, "RETRY_BATCH": "2s"}) as (process, _):
        await deployment.produce([job(1)], Lane.BATCH)
        await until(lambda: '"outcome": "retried"' in process.log.read_text())
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, HANG_S) == 0
    with deployment.worker("second", **{**RETRIES, "RETRY_BATCH": "1s"}):
        (completion,) = await deployment.completions(1)
    assert completion.status is JobStatus.DONE
    assert len(completion.attempts) == 3
