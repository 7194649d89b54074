"""Messages for chats: Slack's Block Kit, and an Adaptive Card for a workflow of Microsoft Teams. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from schemas.announcement import AnnouncedState, Severity
from schemas.revision import Measurement

_MOST_MEASURED: Final = 10
# Slack's limits, in characters: a header's text, a section's text, a field of a section. They keep a card of Teams
# below its 28 KB too.
_LONGEST_TITLE: Final = 150
_LONGEST_TEXT: Final = 3000
_LONGEST_FIELD: Final = 2000
_LONGEST_MEASURED: Final = 2000
_TEAMS_COLOURS: Final = {Severity.CRITICAL: "Attention", Severity.WARNING: "Warning", Severity.INFO: "Default"}
_SLACK_SIGNS: Final = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


def slack_message(data: AnnouncedState) -> dict[str, Any]:
    """A message for Slack's incoming webhooks: the text for notifications, and blocks."""
    fields = [_mrkdwn(f"*{name}*\n{_escape(value)}") for name, value in _facts(data)]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(f"{_SLACK_SIGNS[data.severity]} {_title(data)}", _LONGEST_TITLE)},
        {"type": "section", "text": _plain(data.text, _LONGEST_TEXT)},
        {"type": "section", "fields": fields},
    ]
    if measured := "\n".join(_measured(data)):
        blocks.append({"type": "section", "text": _plain(measured, _LONGEST_MEASURED)})
    # Of a longer text than 40,000 characters Slack would refuse the message.
    return {"text": _escape(_cut(data.text, _LONGEST_TEXT)), "blocks": blocks}


def teams_message(data: AnnouncedState) -> dict[str, Any]:
    """A message for a Teams workflow that posts what a webhook receives: one Adaptive Card."""
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": _cut(_title(data), _LONGEST_TITLE),
            "size": "Large",
            "weight": "Bolder",
            "color": _TEAMS_COLOURS[data.severity],
            "wrap": True,
        },
        # A single line break is no break in a card.
        {"type": "TextBlock", "text": _cut(data.text, _LONGEST_TEXT).replace("\n", "\n\n"), "wrap": True},
        {"type": "FactSet", "facts": [{"title": name, "value": value} for name, value in _facts(data)]},
    ]
    if measured := "\n\n".join(_measured(data)):
        body.append({"type": "TextBlock", "text": _cut(measured, _LONGEST_MEASURED), "wrap": True, "isSubtle": True})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _title(data: AnnouncedState) -> str:
    return f"Rollout {data.plan}: {', '.join(data.events)}"


def _facts(data: AnnouncedState) -> list[tuple[str, str]]:
    before = data.percentage_before
    change = "" if before in {None, data.percentage} else f" (before: {before:g} %)"
    return [
        ("Severity", data.severity),
        ("Stage", data.stage),
        ("Phase", data.phase or "stopped"),
        ("Users with Chirp", f"{data.percentage:g} %{change}" if data.enabled else "none"),
        ("Revision", str(data.revision)),
        ("By", data.actor),
    ]


def _measured(data: AnnouncedState) -> Iterator[str]:
    """What failed, then the rest, as far as there is room."""
    ordered = sorted(data.measured, key=lambda each: each.verdict != "fail")
    for each in ordered[:_MOST_MEASURED]:
        yield _measurement(each)
    if (left := len(ordered) - _MOST_MEASURED) > 0:
        yield f"… and {left} more"


def _measurement(each: Measurement) -> str:
    where = each.gate if each.character is None else f"{each.gate} {each.character}"
    value = "no data" if each.value is None else f"{each.value:.4g}"
    limit = "" if each.limit is None else f", limit {each.limit:g}"
    sample = "" if each.sample is None else f", {each.sample} attempts"
    return f"{each.verdict}: {where}: {value}{limit}{sample}"


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, longest)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": _cut(text, _LONGEST_FIELD)}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escape(text: str) -> str:
    # The three signs that control Slack's markup: without them nobody is mentioned and nothing becomes a link.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
