"""What the next take of a line costs: by the voice that the rollout gives it now."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from schemas.enums import DecisionReason
from schemas.job import Job
from schemas.parsing import parse_job
from tests.unit.rollouts import NOW
from worker.console.web.lines.redo import expected_take
from worker.rollout.state import OFF
from worker.speech.catalogue_file import load_catalogue

ON = replace(OFF, enabled=True, percentage=10_000)
CATALOGUE = load_catalogue()


def job(**fields: object) -> Job:
    given = {"job_id": "job-1", "character": "pip_boy", "text": "0123456789", **fields}
    return parse_job(json.dumps(given).encode())


@pytest.mark.parametrize(
    ("state", "fields", "reason", "dollars"),
    [
        (ON, {}, DecisionReason.IN_ROLLOUT, 0.0003),
        (OFF, {}, DecisionReason.DISABLED, 0.00004),
        (OFF, {"voice": "chirp3-hd"}, DecisionReason.FORCED, 0.0003),
        (ON, {"voice": "en-US-Wavenet-B"}, DecisionReason.FORCED, 0.00004),
    ],
)
def test_the_price_is_the_decided_voices(state, fields, reason, dollars) -> None:  # type: ignore[no-untyped-def]
    take = expected_take(CATALOGUE, state, job(**fields), NOW)
    assert (take.decision.reason, take.billed, take.dollars) == (reason, 10, dollars)
    assert take.voice.voice_model is take.decision.voice_model


def test_tags_are_billed() -> None:
    ssml = "<speak>Hi<break time='1s'/>.</speak>"
    assert expected_take(CATALOGUE, OFF, job(text=None, ssml=ssml), NOW).billed == len(ssml)
