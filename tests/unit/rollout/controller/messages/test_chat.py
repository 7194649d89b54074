"""Messages for chats have the shapes that Slack's and Microsoft's documentation gives, and stay within their limits."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.announcement import AnnouncedState, RolloutAnnouncement, Severity
from tests.unit.rollout.controller.messages.messages import longest, measured, message
from worker.config.webhooks import MessageFormat
from worker.rollout.controller.messages.body import message_body
from worker.rollout.controller.messages.chat import slack_message, teams_message


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


# docs.slack.dev/reference/block-kit/blocks: header-block, section-block; composition-objects/text-object.
class PlainText(Strict):
    type: Literal["plain_text"]
    text: str = Field(min_length=1, max_length=3000)


class Mrkdwn(Strict):
    type: Literal["mrkdwn"]
    text: str = Field(min_length=1, max_length=3000)


class HeaderText(PlainText):
    text: str = Field(min_length=1, max_length=150)


class FieldText(Mrkdwn):
    text: str = Field(min_length=1, max_length=2000)


class Header(Strict):
    type: Literal["header"]
    text: HeaderText


class Section(Strict):
    type: Literal["section"]
    text: PlainText | None = None
    fields: list[FieldText] | None = Field(default=None, min_length=1, max_length=10)


class SlackMessage(Strict):
    # docs.slack.dev/reference/methods/chat.postMessage, "Truncating content".
    text: str = Field(min_length=1, max_length=40_000)
    blocks: list[Annotated[Header | Section, Field(discriminator="type")]] = Field(max_length=50)


# learn.microsoft.com/connectors/teams, "When a Teams webhook request is received"; adaptivecards.io/explorer.
class TextBlock(Strict):
    type: Literal["TextBlock"]
    text: str = Field(min_length=1)
    size: Literal["Small", "Default", "Medium", "Large", "ExtraLarge"] = "Default"
    weight: Literal["Lighter", "Default", "Bolder"] = "Default"
    color: Literal["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"] = "Default"
    wrap: bool = False
    is_subtle: bool = Field(default=False, alias="isSubtle")


class Fact(Strict):
    title: str
    value: str


class FactSet(Strict):
    type: Literal["FactSet"]
    facts: list[Fact] = Field(min_length=1)


class Card(Strict):
    schema_: str = Field(alias="$schema")
    type: Literal["AdaptiveCard"]
    version: Literal["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]
    body: list[Annotated[TextBlock | FactSet, Field(discriminator="type")]]


class Attachment(Strict):
    content_type: Literal["application/vnd.microsoft.card.adaptive"] = Field(alias="contentType")
    content_url: None = Field(alias="contentUrl")
    content: Card


class TeamsMessage(Strict):
    type: Literal["message"]
    attachments: list[Attachment] = Field(min_length=1)


@pytest.mark.parametrize("made", [message(), message(measured=(), phase=None), longest()], ids=["", "bare", "longest"])
def test_slack_s_message_has_its_shape(made: RolloutAnnouncement) -> None:
    TypeAdapter(SlackMessage).validate_python(slack_message(made.data))


@pytest.mark.parametrize("made", [message(), message(measured=(), phase=None), longest()], ids=["", "bare", "longest"])
def test_the_message_of_teams_has_its_shape_and_at_most_28_kb(made: RolloutAnnouncement) -> None:
    TypeAdapter(TeamsMessage).validate_python(teams_message(made.data))
    assert len(message_body(MessageFormat.TEAMS, made)) < 28_000


def test_what_an_actor_wrote_can_t_mention_a_channel_or_hide_a_link() -> None:
    said = slack_message(message(text="<!channel> & <https://x|y>", actor="<!here>").data)
    assert said["text"] == "&lt;!channel&gt; &amp; &lt;https://x|y&gt;"
    assert "<" not in str(said["blocks"][2]["fields"])


def facts(data: AnnouncedState) -> dict[str, str]:
    (attachment,) = teams_message(data)["attachments"]
    (facts,) = [each["facts"] for each in attachment["content"]["body"] if each["type"] == "FactSet"]
    return {each["title"]: each["value"] for each in facts}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"enabled": False}, "none"),
        ({"enabled": True, "percentage": 12.5, "percentage_before": 12.5}, "12.5 %"),
        ({"enabled": True, "percentage": 50.0, "percentage_before": None}, "50 %"),
        ({"enabled": True, "percentage": 50.0, "percentage_before": 10.0}, "50 % (before: 10 %)"),
    ],
)
def test_who_gets_chirp_is_a_fact(fields: dict[str, object], shown: str) -> None:
    shown_facts = facts(message(**fields).data)
    assert shown_facts["Users with Chirp"] == shown
    assert shown_facts["Stage"] == "half"
    assert shown_facts["Severity"] == "critical"


def test_of_what_was_measured_failures_come_first() -> None:
    several = (*(measured(number) for number in range(11)), measured(99, "fail", "ghoul"))
    text = slack_message(message(measured=several).data)["blocks"][3]["text"]["text"]
    lines = text.splitlines()
    assert lines[0] == "fail: gate error_rate 99m ghoul: 0.5, limit 0.1, 500 attempts"
    assert lines[-1] == "… and 2 more"
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("severity", "colour"), [("critical", "Attention"), ("warning", "Warning"), ("info", "Default")]
)
def test_the_title_s_colour_shows_the_severity(severity: Severity, colour: str) -> None:
    card = teams_message(message(severity=severity).data)["attachments"][0]["content"]
    assert card["body"][0]["color"] == colour
