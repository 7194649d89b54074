"""Bodies: text is what it always was, json is the schema's, and each format is JSON."""

from __future__ import annotations

import json

import jsonschema
import pytest

from schemas.announcement import RolloutAnnouncement
from schemas.generate import TARGET
from tests.unit.rollout.controller.messages.messages import longest, measured, message
from worker.config.webhooks import MessageFormat
from worker.rollout.controller.messages.body import message_body


def test_text_is_one_field_that_slack_and_its_like_understand() -> None:
    assert json.loads(message_body(MessageFormat.TEXT, message())) == {"text": message().data.text}


def test_json_is_what_the_published_schema_says_and_reads_back_as_the_same_message() -> None:
    body = message_body(MessageFormat.JSON, message())
    schema = json.loads((TARGET / "rollout-announcement.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(body), schema)
    assert RolloutAnnouncement.model_validate_json(body) == message()
    data = json.loads(body)["data"]
    assert (data["severity"], data["phase"], data["percentage"]) == ("critical", "waiting", 50.0)
    assert data["measured"][0]["value"] == 0.5


@pytest.mark.parametrize("chosen", MessageFormat)
def test_every_format_is_json_in_utf_8_also_of_the_longest_message(chosen: MessageFormat) -> None:
    assert json.loads(message_body(chosen, longest(), "R0" * 16))


@pytest.mark.parametrize("chosen", MessageFormat)
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_measured_value_that_json_does_not_have_breaks_no_body(chosen: MessageFormat, value: float) -> None:
    odd = measured(5, "fail").model_copy(update={"value": value})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(message_body(chosen, message(measured=(odd,)), "R0" * 16), parse_constant=refuse)
