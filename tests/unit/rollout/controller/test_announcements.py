"""What an announcement says in fields: how urgent it is, and whether a person must act, has taken over, or is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from schemas.announcement import AnnouncedState, Incident, RolloutAnnouncement, Severity
from tests.unit.rollout.controller.stories import RUN, Story
from tests.unit.rollouts import NOW
from worker.rollout import changes
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.announcements import announcement_for, example, instead_of


def announced(story: Story) -> AnnouncedState:
    """The announcement of the story's last revision."""
    before = story.revisions[-2] if len(story.revisions) > 1 else None
    made = announcement_for(before, story.revisions[-1], RUN, "staging.rollout")
    assert made is not None
    assert made.message.timestamp == story.revisions[-1].time
    return made.message.data


def started(story: Story) -> None:
    story.start()


def promoted(story: Story) -> None:
    story.start()
    story.then(stages.promote, RUN, NOW)


def paused(story: Story) -> None:
    story.start()
    story.then(stages.pause, NOW, actor="anna")


def quarantined(story: Story) -> None:
    story.start()
    story.then(changes.quarantine, "pip_boy", NOW + timedelta(days=1))


def waits(story: Story) -> None:
    story.start()
    story.then(stages.wait, NOW)


def resumed(story: Story) -> None:
    waits(story)
    story.then(stages.resume, RUN, NOW, actor="anna")


def stepped_back(story: Story) -> None:
    promoted(story)
    story.then(stages.step_back, RUN, "few", NOW)


def stepped_back_again(story: Story) -> None:
    promoted(story)
    story.then(stages.wait, NOW)
    story.then(stages.step_back, RUN, "few", NOW, actor="anna")


def turned_off(story: Story) -> None:
    promoted(story)
    story.then(stages.turn_off_and_wait, NOW)


def turned_off_by_hand(story: Story) -> None:
    promoted(story)
    story.then(manual_changes.turn_off_and_pause, NOW, actor="anna")


def stopped(story: Story) -> None:
    turned_off(story)
    story.then(stages.stop, actor="anna")


@pytest.mark.parametrize(
    ("history", "severity", "incident"),
    [
        (started, Severity.INFO, Incident.CLOSED),
        (promoted, Severity.INFO, Incident.CLOSED),
        (paused, Severity.INFO, Incident.ACKNOWLEDGED),
        (quarantined, Severity.WARNING, Incident.OPEN),
        (waits, Severity.WARNING, Incident.OPEN),
        (resumed, Severity.INFO, Incident.CLOSED),
        (stepped_back, Severity.CRITICAL, Incident.OPEN),
        (stepped_back_again, Severity.CRITICAL, Incident.OPEN),
        (turned_off, Severity.CRITICAL, Incident.OPEN),
        (turned_off_by_hand, Severity.CRITICAL, Incident.OPEN),
        (stopped, Severity.INFO, Incident.CLOSED),
    ],
)
def test_what_takes_chirp_from_users_is_critical_and_what_needs_a_person_opens_an_incident(
    history: Callable[[Story], None], severity: Severity, incident: Incident
) -> None:
    story = Story()
    history(story)
    data = announced(story)
    assert (data.severity, data.incident) == (severity, incident)


def test_numbers_stand_in_fields() -> None:
    story = Story()
    turned_off(story)
    data = announced(story)
    assert data.model_dump(mode="json") | {"text": "", "next_step": "", "measured": []} == {
        "rollout": "staging.rollout",
        "plan": "rehearsal",
        "stage": "everybody",
        "phase": "waiting",
        "severity": "critical",
        "incident": "open",
        "events": ["waits for a person in stage everybody", "CHIRP IS OFF"],
        "text": "",
        "next_step": "",
        "revision": 3,
        "actor": "controller 1",
        "reason": "",
        "enabled": False,
        "percentage": 100.0,
        "percentage_before": 100.0,
        "characters": None,
        "quarantined": [],
        "measured": [],
        "replaced": 0,
    }
    (measured,) = data.measured
    assert (measured.gate, measured.value, measured.limit, measured.sample) == ("error_rate", 0.2, 0.1, 500)
    assert data.next_step.startswith("`chirp-worker rollout resume`")
    assert data.next_step in data.text


def test_a_message_says_how_many_it_replaces() -> None:
    message = example("tts.rollout", "a host", NOW, Incident.OPEN)
    assert instead_of(message, 0) is message
    assert instead_of(message, 1).data.text.endswith("\n(1 earlier message couldn't be delivered.)")
    assert instead_of(message, 2).data.replaced == 2


def test_a_test_can_be_told_from_a_transition() -> None:
    message = example("tts.rollout", "a host", NOW, Incident.OPEN)
    assert message.type == "rollout.test"
    assert "test" in message.data.text
    assert RolloutAnnouncement.model_validate_json(message.model_dump_json()) == message
