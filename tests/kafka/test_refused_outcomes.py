"""A topic that takes less than the table says refuses one record, and stops nothing."""

import json

import pytest

from schemas.completion import Completion
from schemas.enums import JobStatus
from tests.stack.deployment import Deployment, job

LABELS = {f"label-{number}": "x" * 1000 for number in range(20)}


@pytest.fixture
async def bare_deployment(kafka_stack, tmp_path):
    """Without topics: each test makes those that refuse, and then the others."""
    mine = Deployment(kafka_stack, tmp_path)
    await mine.reset_emulator()
    return mine


@pytest.mark.parametrize("guarantee", ["at-least-once", "exactly-once"])
async def test_a_completion_with_labels_too_large_for_its_topic_is_published_without_them(bare_deployment, guarantee):
    deployment = bare_deployment
    await deployment.create_topic("tts.completions", 3, max_message_bytes="8192")
    await deployment.create_topics()
    settings = {"DELIVERY": guarantee, "KAFKA_GROUP_INSTANCE_ID": "one"}
    with deployment.worker(**settings) as (process, _):
        await deployment.produce([job(0, labels=LABELS), *(job(number, labels={"a": "b"}) for number in range(1, 20))])
        completions = {each.job_id: each for each in await deployment.completions(20)}
        await deployment.until_committed()
        assert process.running
    assert {each.status for each in completions.values()} == {JobStatus.DONE}
    large = completions.pop("job-0")
    assert (large.labels, large.shortened) == ({}, ("labels",))
    assert all((each.labels, each.shortened) == ({"a": "b"}, None) for each in completions.values())
    assert process.log.read_text().count('"event": "outcome_refused"') == 0
    assert await deployment.lane_offsets() == (20, 20)


async def test_a_job_whose_completion_no_topic_takes_ends_as_a_dead_letter(bare_deployment):
    deployment = bare_deployment
    await deployment.create_topic("tts.completions", 1, max_message_bytes="200")
    await deployment.create_topics()
    with deployment.worker() as (process, _):
        await deployment.produce([job(0)])
        ((value, reason),) = await deployment.dead_letters(1)
        assert process.running
    assert reason["dead-letter-code"] == "COMPLETION_REFUSED"
    assert f"s3://tts-audio/{deployment.name}/" in reason["dead-letter-message"]
    assert value == b""


async def test_a_dead_letter_and_a_retry_that_their_topics_refuse_are_cut(bare_deployment):
    deployment = bare_deployment
    await deployment.create_topic("tts.dead-letters", 1, max_message_bytes="2000")
    await deployment.create_topic("tts.retry.dialogue.10s", 1, max_message_bytes="2000")
    await deployment.create_topics()
    await deployment.set_faults({"kind": "status", "code": "UNAVAILABLE", "text_pattern": "line number"})
    with deployment.worker() as (process, _):
        await deployment.produce([b"x" * 100_000, json.dumps(job(1, labels=LABELS)).encode()])
        letters = await deployment.dead_letters(2)
        (completion,) = await deployment.completions(1)
        assert process.running
    assert isinstance(completion, Completion)
    assert completion.status is JobStatus.FAILED
    assert {reason["dead-letter-class"] for _, reason in letters} == {"bad_input", "transient"}
