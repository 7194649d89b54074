"""A cancellation: what it must have, what a wrong one is answered, that the schema and CloudEvents say the same."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from pydantic import ValidationError

from schemas.cancellation import new_cancellation
from schemas.events import CANCELLATION_TYPE, cancellation_headers
from schemas.generate import TARGET
from schemas.message_parsing import InvalidMessageError, parse_cancellation
from tests.unit.rollouts import NOW

CANCELLATION = new_cancellation("greeting-1", "c-1", "/clients/quests", NOW)
DOCUMENT: dict[str, Any] = json.loads(CANCELLATION.model_dump_json())
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((TARGET / "cancellation.schema.json").read_text(encoding="utf-8")),
    format_checker=jsonschema.FormatChecker(),
)


def test_a_cancellation_is_read_as_it_was_written_plain_and_in_a_structured_event() -> None:
    SCHEMA.validate(DOCUMENT)
    structured = {"specversion": "1.0", "type": CANCELLATION_TYPE, "source": "s", "id": "1", "data": DOCUMENT}
    for each in (DOCUMENT, structured):
        assert parse_cancellation(json.dumps(each).encode()) == CANCELLATION


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"job_id": None}, "job_id", "Field required"),
        ({"job_id": "../x"}, "job_id", "'../x': String should match pattern"),
        ({"cancellation_id": ""}, "cancellation_id", "'': String should match pattern"),
        ({"time": "now"}, "time", "'now': must be an RFC 3339 time"),
        ({"source": None}, "source", "Field required"),
        ({"jobid": "a"}, "jobid", "'jobid' is not a field of a cancellation; the nearest is job_id"),
    ],
)
def test_a_wrong_cancellation_is_refused_with_its_field(changes: dict[str, Any], field: str, message: str) -> None:
    document = {name: value for name, value in {**DOCUMENT, **changes}.items() if value is not None}
    assert not SCHEMA.is_valid(document)
    with pytest.raises(InvalidMessageError) as refused:
        parse_cancellation(json.dumps(document).encode())
    assert refused.value.field == field
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidMessageError):
        parse_cancellation(value)


def test_no_cancellation_is_made_for_an_id_that_no_job_may_have() -> None:
    with pytest.raises(ValidationError):
        new_cancellation("../x", "c-1", "/clients/quests", NOW)


def test_a_cancellation_is_a_cloud_event() -> None:
    headers = dict(cancellation_headers(CANCELLATION))
    event = from_binary(KafkaMessage(headers, b"greeting-1", CANCELLATION.model_dump_json().encode()), JSONFormat())
    assert (event.get_type(), event.get_id(), event.get_subject()) == (CANCELLATION_TYPE, "c-1", "greeting-1")
    assert (event.get_source(), event.get_time(), event.get_data()) == ("/clients/quests", NOW, DOCUMENT)
