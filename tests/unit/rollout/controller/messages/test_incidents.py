"""Events for PagerDuty and Alertmanager: a roll-back opens, a recovery closes the same one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from schemas.announcement import Incident, Severity
from schemas.enums import Phase
from tests.unit.rollout.controller.messages.messages import longest, message
from tests.unit.rollouts import NOW
from worker.rollout.controller.messages.incidents import alertmanager_alerts, pagerduty_event

KEY = "R0" * 16


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")


# PagerDuty/api-schema, reference/events-v2/openapiv3.json; the lengths are those of developer.pagerduty.com.
class Payload(Forbidding):
    summary: str = Field(min_length=1, max_length=1024)
    source: str = Field(min_length=1)
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: AwareDatetime
    component: str
    group: str
    class_: str = Field(alias="class")
    custom_details: dict[str, Any]


class Event(Forbidding):
    routing_key: str = Field(min_length=32, max_length=32)
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str = Field(min_length=1, max_length=255)
    client: str
    payload: Payload


@pytest.mark.parametrize("made", [message(), message(phase=None), longest()], ids=["", "stopped", "longest"])
def test_pagerdutys_event_has_its_shape(made: Any) -> None:
    TypeAdapter(Event).validate_python(pagerduty_event(made, KEY))


@pytest.mark.parametrize(
    ("incident", "action"),
    [(Incident.OPEN, "trigger"), (Incident.ACKNOWLEDGED, "acknowledge"), (Incident.CLOSED, "resolve")],
)
def test_all_events_of_a_plan_have_one_key_so_that_a_recovery_resolves(incident: Incident, action: str) -> None:
    later = message(NOW + timedelta(hours=1), incident=incident, stage="another", revision=9, phase=Phase.RUNNING)
    event = pagerduty_event(later, KEY)
    assert event["event_action"] == action
    assert event["dedup_key"] == pagerduty_event(message(), KEY)["dedup_key"] == "tts.rollout/production"
    assert event["payload"]["custom_details"]["stage"] == "another"
    assert pagerduty_event(message(rollout="staging.rollout"), KEY)["dedup_key"] != event["dedup_key"]


def firing(alerts: list[dict[str, Any]], now: datetime) -> list[str]:
    return [each["labels"]["severity"] for each in alerts if datetime.fromisoformat(each["endsAt"]) > now]


def test_alertmanagers_alert_fires_for_days_and_ends_whatever_the_severity_was() -> None:
    opened = alertmanager_alerts(message())
    assert firing(opened, NOW + timedelta(days=6)) == ["critical"]
    later = NOW + timedelta(hours=1)
    assert firing(alertmanager_alerts(message(later, severity=Severity.WARNING)), later) == ["warning"]
    ended = alertmanager_alerts(message(later, incident=Incident.CLOSED, severity=Severity.INFO))
    assert firing(ended, later) == []
    assert [each["labels"] for each in ended] == [each["labels"] for each in opened]
    assert {each["labels"]["severity"] for each in ended} == set(Severity)
    assert all(datetime.fromisoformat(each["startsAt"]) <= datetime.fromisoformat(each["endsAt"]) for each in ended)


def test_the_numbers_are_annotations() -> None:
    assert alertmanager_alerts(message())[0]["annotations"] == {
        "summary": "Rollout production: waits for a person in stage half, CHIRP IS OFF.",
        "description": message().data.text,
        "stage": "half",
        "phase": "waiting",
        "percentage": "50",
        "revision": "7",
        "actor": "controller 1",
    }
