"""A completion's event: its id, and its record as another CloudEvents library reads it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.completion import Completion
from schemas.enums import JobStatus, Lane
from schemas.events import COMPLETION_TYPE, completion_headers, event_id
from schemas.parsing import parse_job
from schemas.topics import LANE_RECORD_BYTES
from tests.unit.makers import fields

_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@=+-]{0,20}", fullmatch=True)
_INPUTS = st.tuples(_IDS, st.binary(max_size=30), st.sampled_from(list(JobStatus)), st.integers(0, 3))
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@settings(max_examples=200, deadline=None)
@given(_INPUTS, _INPUTS)
def test_event_ids_are_equal_if_and_only_if_their_four_inputs_are(one: Any, other: Any) -> None:
    assert event_id(*one) == event_id(*one)
    assert (event_id(*one) == event_id(*other)) == (one == other)


@pytest.mark.parametrize(
    "other",
    [
        ("b", b"{}", "done", 0),
        ("a", b"{ }", "done", 0),
        ("a", b"{}", "failed", 0),
        ("a", b"{}", "done", 1),
    ],
)
def test_a_change_of_any_one_input_makes_another_id(other: tuple[str, bytes, str, int]) -> None:
    assert event_id("a", b"{}", "done") != event_id(*other)


def test_event_ids_are_the_same_in_every_version() -> None:
    # Consumers store ids: if the form changed, repeats would look new to them.
    assert event_id("job-1", b'{"job_id":"job-1"}', "done") == "4abbf86a6fa67ac3e2c45bfd895130d7"


def read(completion: Completion, key: bytes | None) -> Any:
    headers = completion_headers(completion, event="e1", source="/chirp-worker/group", now=NOW)
    assert len(dict(headers)) == len(headers), "a header stands twice"
    value = completion.model_dump_json(exclude_none=True).encode()
    return from_binary(KafkaMessage(headers=dict(headers), key=key, value=value), JSONFormat())


def test_a_completion_is_read_as_a_cloud_event_by_another_library() -> None:
    completion = Completion(
        job_id="job-1", status=JobStatus.DONE, lane=Lane.DIALOGUE, labels={"scene": "避難所"}, character="pip_boy"
    )
    event = read(completion, b"scene-1")
    assert event.get_specversion() == "1.0"
    assert event.get_type() == COMPLETION_TYPE
    assert event.get_id() == "e1"
    assert event.get_source() == "/chirp-worker/group"
    assert event.get_subject() == "job-1"
    assert event.get_time() == NOW
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == json.loads(completion.model_dump_json(exclude_none=True))
    assert Completion.model_validate(event.get_data()) == completion


def test_a_completion_of_a_record_without_a_key_is_read_too() -> None:
    assert read(Completion(job_id="a", status=JobStatus.FAILED, lane=Lane.BATCH), None).get_subject() == "a"


def test_a_completion_fits_into_its_topic_if_its_job_fitted_into_its_lane() -> None:
    # Of a job's fields only the labels are repeated without a shorter limit.
    labels = {f"{number:02}" + "鹽" * 254: "🙂" * 1024 for number in range(32)}
    parse_job(json.dumps(fields(labels=labels)).encode())
    completion = Completion(job_id="a", status=JobStatus.DONE, lane=Lane.BATCH, labels=labels)
    assert len(completion.model_dump_json().encode()) < LANE_RECORD_BYTES / 4
