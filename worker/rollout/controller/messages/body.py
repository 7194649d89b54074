"""The body of a message in each format that a receiver may have. Pure."""

import json
from collections.abc import Mapping

from schemas.announcement import RolloutAnnouncement
from worker.config.webhooks import MessageFormat
from worker.rollout.controller.messages.chat import slack_message, teams_message
from worker.rollout.controller.messages.incidents import alertmanager_alerts, pagerduty_event


def message_body(chosen: MessageFormat, message: RolloutAnnouncement, routing_key: str = "") -> bytes:
    """Render a message as JSON.

    Args:
        routing_key: PagerDuty's; other formats don't use it.
    """
    document: Mapping[str, object] | list[dict[str, object]]
    match chosen:
        case MessageFormat.TEXT:
            document = {"text": message.data.text}
        case MessageFormat.JSON:
            return message.model_dump_json().encode()
        case MessageFormat.SLACK:
            document = slack_message(message.data)
        case MessageFormat.TEAMS:
            document = teams_message(message.data)
        case MessageFormat.PAGERDUTY:
            document = pagerduty_event(message, routing_key)
        case MessageFormat.ALERTMANAGER:
            document = alertmanager_alerts(message)
    return json.dumps(document, ensure_ascii=False).encode()
