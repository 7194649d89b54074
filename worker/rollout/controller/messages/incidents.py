"""Messages for those who track incidents: PagerDuty's Events API v2, and Alertmanager's API v2. Pure."""

import json
from datetime import timedelta
from typing import Any, Final

from schemas.announcement import AnnouncedState, Incident, RolloutAnnouncement, Severity

# PagerDuty's limit.
_LONGEST_SUMMARY: Final = 1024
_ACTIONS: Final = {
    Incident.OPEN: "trigger",
    Incident.ACKNOWLEDGED: "acknowledge",
    Incident.CLOSED: "resolve",
}
# Alertmanager ends an alert that names no end after five minutes, and an announcement is sent once.
_LONGEST_ALERT: Final = timedelta(days=7)


def pagerduty_event(message: RolloutAnnouncement, routing_key: str) -> dict[str, Any]:
    """An event of PagerDuty's Events API v2. All events of a plan have one key, so that a recovery resolves."""
    data = message.data
    return {
        "routing_key": routing_key,
        "event_action": _ACTIONS[data.incident],
        "dedup_key": f"{data.rollout}/{data.plan}",
        "client": "chirp-worker",
        "payload": {
            "summary": _summary(data)[:_LONGEST_SUMMARY],
            "source": data.rollout,
            "severity": data.severity.value,
            "timestamp": message.timestamp.isoformat(),
            "component": "rollout",
            "group": data.plan,
            "class": message.type,
            # JSON has no infinity: pydantic writes null.
            "custom_details": json.loads(data.model_dump_json()),
        },
    }


def alertmanager_alerts(message: RolloutAnnouncement) -> list[dict[str, Any]]:
    """One alert for each severity, for POST /api/v2/alerts: the one of an open incident fires, the others end.

    An alert is known by its labels alone, and its severity is one of them.
    """
    firing = message.data.severity if message.data.incident is Incident.OPEN else None
    return [_alert(message, severity, is_firing=severity is firing) for severity in Severity]


def _alert(message: RolloutAnnouncement, severity: Severity, *, is_firing: bool) -> dict[str, Any]:
    data, since = message.data, message.timestamp
    return {
        "labels": {
            "alertname": "RolloutNeedsPerson",
            "rollout": data.rollout,
            "plan": data.plan,
            "severity": severity.value,
        },
        "annotations": {
            "summary": _summary(data),
            "description": data.text,
            "stage": data.stage,
            "phase": data.phase or "stopped",
            "percentage": f"{data.percentage:g}",
            "revision": str(data.revision),
            "actor": data.actor,
        },
        "startsAt": since.isoformat(),
        "endsAt": (since + _LONGEST_ALERT if is_firing else since).isoformat(),
    }


def _summary(data: AnnouncedState) -> str:
    return data.text.split("\n", 1)[0]
