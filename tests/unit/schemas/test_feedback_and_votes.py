"""Feedback, pairs and votes: what each must have, what a wrong one is answered, and that the schemas say the same."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from schemas.enums import FAULTS, PRAISE_REASONS, FeedbackReason
from schemas.events import FEEDBACK_TYPE, PAIR_TYPE, VOTE_TYPE, feedback_headers, pair_headers, vote_headers
from schemas.feedback import Feedback
from schemas.generate import TARGET
from schemas.message_parsing import InvalidMessageError, parse_feedback, parse_pair, parse_vote
from schemas.pair import Pair
from schemas.vote import Vote
from tests.unit.opinions import feedback, feedback_document, pair, pair_document, vote, vote_document


def validator(name: str) -> jsonschema.Draft202012Validator:
    document = json.loads((TARGET / name).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.FormatChecker())


FEEDBACK, VOTE = validator("feedback.schema.json"), validator("vote.schema.json")
PAIR = validator("pair.schema.json")
UNUSABLE = {"choice": "cannot_use", "fault": {"side": "second", "reason": "noise"}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"job_id": None, "audio": "s3://tts-audio/takes/ghoul/chirp3-hd/ab/abcd.ogg"},
        {"audio": "takes/ghoul/chirp3-hd/ab/abcd.ogg"},
        {"kind": "praise", "reason": "natural"},
        *({"reason": each.value} for each in FAULTS),
        *({"kind": "praise", "reason": each.value} for each in PRAISE_REASONS),
    ],
)
def test_feedback_names_a_job_or_a_take_and_has_a_reason_of_its_kind(changes: dict[str, Any]) -> None:
    document = feedback_document(**changes)
    FEEDBACK.validate(document)
    parsed = parse_feedback(json.dumps(document).encode())
    assert parsed == parse_feedback(parsed.model_dump_json().encode()) == Feedback.model_validate(document)


def test_every_reason_belongs_to_a_kind() -> None:
    assert {*FAULTS, *PRAISE_REASONS} == set(FeedbackReason)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"job_id": None}, "job_id", "required, or else audio: which line was heard?"),
        ({"reason": "natural"}, "reason", "with kind report one of robotic, wrong_voice,"),
        (
            {"kind": "praise", "reason": "noise"},
            "reason",
            "with kind praise one of natural, fits_character, clear,",
        ),
        ({"kind": "rage"}, "kind", "'rage': Input should be 'report' or 'praise'"),
        ({"user_id": None}, "user_id", "Field required"),
        ({"user_id": ""}, "user_id", "'': "),
        ({"time": "yesterday"}, "time", "must be an RFC 3339 time"),
        ({"time": "1999-12-31T23:59:59Z"}, "time", "must be a time from 2000 to 2199"),
        ({"feedback_id": "../x"}, "feedback_id", "String should match pattern"),
        ({"users_id": "a"}, "users_id", "is not a field of a feedback message; the nearest is user_id; the fields are"),
    ],
)
def test_wrong_feedback_is_answered_with_the_field_and_what_is_allowed(
    changes: dict[str, Any], field: str, message: str
) -> None:
    document = feedback_document(**changes)
    with pytest.raises(InvalidMessageError) as raised:
        parse_feedback(json.dumps(document).encode())
    assert raised.value.field == field
    assert message in raised.value.message
    if "1999" not in str(changes):
        assert not FEEDBACK.is_valid(document)


@pytest.mark.parametrize(
    "changes", [{}, {"choice": "second"}, {"choice": "equal"}, UNUSABLE, {"language": "cmn-TW"}, {"fault": None}]
)
def test_a_vote_is_a_choice_between_two_takes(changes: dict[str, Any]) -> None:
    document = vote_document(**changes)
    VOTE.validate(document)
    parsed = parse_vote(json.dumps(document).encode())
    assert parsed == parse_vote(parsed.model_dump_json().encode()) == Vote.model_validate(document)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"second": vote_document()["first"]}, "second", "must be another take than first"),
        ({"choice": "cannot_use"}, "fault", "required with the choice cannot_use"),
        ({**UNUSABLE, "choice": "first"}, "fault", "allowed with no other"),
        ({"choice": "cannot_use", "fault": {"side": "second", "reason": "natural"}}, "fault", "one of robotic,"),
        ({"choice": "third"}, "choice", "Input should be 'first', 'second', 'equal' or 'cannot_use'"),
        ({"first": {"audio": "a", "voice_model": "chirp4"}}, "first.voice_model", "Input should be 'chirp3-hd'"),
        ({"first": {"audio": "a", "model": "wavenet"}}, "first.model", "is not a field of first"),
        ({"listener_id": None}, "listener_id", "Field required"),
    ],
)
def test_a_wrong_vote_is_answered_with_the_field_and_what_is_allowed(
    changes: dict[str, Any], field: str, message: str
) -> None:
    document = vote_document(**changes)
    with pytest.raises(InvalidMessageError) as raised:
        parse_vote(json.dumps(document).encode())
    found = {each.field: each.message for each in raised.value.problems}
    assert message in found[field]


@pytest.mark.parametrize("changes", [{}, {"text": ""}, {"text": None}, {"language": "cmn-TW"}])
def test_a_pair_is_two_takes_of_one_line(changes: dict[str, Any]) -> None:
    document = pair_document(1, **changes)
    PAIR.validate(document)
    parsed = parse_pair(json.dumps(document).encode())
    assert parsed == parse_pair(parsed.model_dump_json().encode()) == Pair.model_validate(document)
    assert parsed.compares_models
    assert not pair(1, first={**document["second"], "audio": "takes/aa11.ogg", "take": 2}).compares_models


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"second": pair_document(1)["first"]}, "second", "must be another take than first"),
        ({"first": {**pair_document(1)["first"], "take": 0}}, "first.take", "greater than or equal to 1"),
        ({"first": {"audio": "a", "model": "wavenet"}}, "first.model", "is not a field of first"),
        ({"pair_id": "a b"}, "pair_id", "String should match pattern"),
        ({"line": None}, "line", "Field required"),
    ],
)
def test_a_wrong_pair_is_answered_with_the_field_and_what_is_allowed(
    changes: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidMessageError) as raised:
        parse_pair(json.dumps(pair_document(1, **changes)).encode())
    found = {each.field: each.message for each in raised.value.problems}
    assert message in found[field]


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\x00\x00\x00\x00\x07{}", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(value: bytes | None) -> None:
    for parse in (parse_feedback, parse_pair, parse_vote):
        with pytest.raises(InvalidMessageError) as raised:
            parse(value)
        assert raised.value.field == "record"


def test_all_are_cloud_events_in_binary_and_in_structured_mode() -> None:
    for message, headers, kind, parse in (
        (feedback(), feedback_headers, FEEDBACK_TYPE, parse_feedback),
        (vote(1, "equal"), vote_headers, VOTE_TYPE, parse_vote),
        (pair(1), pair_headers, PAIR_TYPE, parse_pair),
    ):
        value = message.model_dump_json(exclude_none=True).encode()
        record = KafkaMessage(dict(headers(message)), None, value)  # type: ignore[operator]
        event = from_binary(record, JSONFormat())
        assert event.get_type() == kind
        assert event.get_id() in {getattr(message, name, None) for name in ("feedback_id", "vote_id", "pair_id")}
        data = {**json.loads(value)}
        job_id = data.pop("job_id", None)
        structured = {"specversion": "1.0", "type": kind, "source": "/x", "id": "1", "data": {**json.loads(value)}}
        assert job_id is None or structured["data"]["job_id"] == job_id
        assert parse(json.dumps(structured).encode()) == message
