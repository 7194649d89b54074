"""The JSON Schemas and the AsyncAPI document agree with the models."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from schemas.completion import (
    Attempt,
    Audio,
    Completion,
    DecisionTaken,
    Problem,
    Timings,
)
from schemas.enums import AttemptResult, AudioEncoding, DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from schemas.generate import TARGET, asyncapi, documents
from schemas.job import Job
from schemas.topics import COMPLETIONS, LANES, ROLLOUT
from tests.unit.makers import fields, good_documents
from tests.unit.rollouts import NOW, states
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.state import RolloutState


def schema(name: str) -> jsonschema.Draft202012Validator:
    document = json.loads((TARGET / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.FormatChecker())


def test_the_committed_files_are_generated_from_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in TARGET.iterdir()}
    assert committed == documents(), "run: python -m schemas.generate"


_JOB = schema("job.schema.json")


@settings(max_examples=100, deadline=None)
@given(good_documents())
def test_every_job_that_the_model_accepts_is_valid_by_the_schema(document: dict[str, Any]) -> None:
    _JOB.validate(document)
    _JOB.validate(json.loads(Job.model_validate(document).model_dump_json(exclude_none=True)))


@pytest.mark.parametrize(
    "change",
    [{"job_id": "../x"}, {"take": 0}, {"unknown": 1}, {"pitch": 21}, {"audio": {"encoding": "WAV"}}, {"language": "x"}],
)
def test_the_schema_rejects_what_it_can_express(change: dict[str, Any]) -> None:
    assert not _JOB.is_valid(fields(**change))


def test_a_full_and_an_empty_completion_are_valid_by_the_schema() -> None:
    validator = schema("completion.schema.json")
    full = Completion(
        job_id="a",
        status=JobStatus.DONE,
        lane=Lane.DIALOGUE,
        character="pip_boy",
        language="en-US",
        text_characters=5,
        labels={"a": "b"},
        audio=Audio(
            uri="s3://b/k",
            bucket="b",
            key="k",
            bytes=1,
            duration_s=1.0,
            encoding=AudioEncoding.MP3,
            sample_rate=24000,
            sha256="00",
            cached=False,
        ),
        decision=DecisionTaken(
            voice_model=VoiceModel.CHIRP3_HD, reason=DecisionReason.IN_ROLLOUT, bucket=9999, revision=0, percentage=12.5
        ),
        voice_model=VoiceModel.WAVENET,
        voice="en-US-Wavenet-A",
        fallback=True,
        timings=Timings(wait=0, look_up=0, speak=1, store=0, total=1),
        attempts=(
            Attempt(
                id="1",
                voice_model=VoiceModel.CHIRP3_HD,
                voice="en-US-Chirp3-HD-Puck",
                result=AttemptResult.ERROR,
                failure_class=FailureClass.TIMEOUT,
                code="DEADLINE_EXCEEDED",
                message="slow",
                calls=1,
                seconds=5.0,
                billed_characters=0,
                ended_at="2026-01-31T12:00:00Z",
            ),
        ),
        error=Problem(failure_class="timeout", code="X", message="y", field="text"),
    )
    for completion in (full, Completion(job_id="a", status=JobStatus.FAILED, lane=Lane.BATCH)):
        validator.validate(json.loads(completion.model_dump_json(exclude_none=True)))
        validator.validate(json.loads(completion.model_dump_json()))


@settings(max_examples=50, deadline=None)
@given(states, states)
def test_every_revision_is_valid_by_the_schema(before: RolloutState, after: RolloutState) -> None:
    made = to_revision(before, after, Provenance("anna", "why not"), time=NOW, identity="x")
    schema("revision.schema.json").validate(json.loads(made.model_dump_json()))


def test_the_asyncapi_document_has_every_lane_the_completions_and_the_rollout() -> None:
    document = asyncapi()
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {*LANES.values(), COMPLETIONS, ROLLOUT, None}, "a job names the topic of its reply"
    for operation in document["operations"].values():
        name = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert name in document["channels"]
    received = [o["channel"]["$ref"] for o in document["operations"].values() if o["action"] == "receive"]
    assert received == [*(f"#/channels/{lane.value}" for lane in Lane), "#/channels/rollout"]
    for message in document["components"]["messages"].values():
        assert (TARGET / message["payload"]["$ref"]).is_file()
