"""Messages for the tests of their formats."""

from __future__ import annotations

from datetime import datetime

from schemas.announcement import AnnouncedState, Incident, RolloutAnnouncement, Severity
from schemas.enums import Phase
from schemas.revision import Measurement
from tests.unit.rollouts import NOW


def measured(number: int, verdict: str = "pass", character: str | None = None) -> Measurement:
    return Measurement(
        gate=f"gate error_rate {number}m", character=character, value=0.5, limit=0.1, sample=500, verdict=verdict
    )


def message(time: datetime = NOW, **fields: object) -> RolloutAnnouncement:
    """A roll-back by the controller; fields of its data may differ."""
    data = {
        "rollout": "tts.rollout",
        "plan": "production",
        "stage": "half",
        "phase": Phase.WAITING,
        "severity": Severity.CRITICAL,
        "incident": Incident.OPEN,
        "events": ("waits for a person in stage half", "CHIRP IS OFF"),
        "text": "Rollout production: waits for a person in stage half, CHIRP IS OFF.\nBy controller 1: many errors.",
        "next_step": "`chirp-worker rollout resume` begins stage half again.",
        "revision": 7,
        "actor": "controller 1",
        "reason": "many errors",
        "enabled": False,
        "percentage": 50.0,
        "percentage_before": 50.0,
        "measured": (measured(5, "fail"),),
    }
    return RolloutAnnouncement(
        type="rollout.transition", timestamp=time, data=AnnouncedState.model_validate({**data, **fields})
    )


def longest() -> RolloutAnnouncement:
    """As long as a revision may make it, in a script whose letters take three bytes."""
    return message(
        text="長&" * 25_000,
        reason="長" * 1000,
        actor="長" * 128,
        stage="s" * 64,
        plan="p" * 64,
        events=("quarantined: " + ", ".join(f"character_{number}" for number in range(100)),),
        measured=tuple(measured(number, "pass", "c" * 60) for number in range(60)),
    )
