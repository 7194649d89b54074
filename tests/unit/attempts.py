"""Attempts, counts and measurements for the tests of the analysis."""

import itertools
from datetime import UTC, datetime, timedelta

from schemas.enums import DecisionReason, FailureClass, Lane, VoiceModel
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.measurements import Measurements
from worker.rollout.analysis.observations import Observation

BEGAN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = 5 * MINUTE
REVISION = 7
CHIRP = {"voice_model": VoiceModel.CHIRP3_HD, "decided": VoiceModel.CHIRP3_HD, "reason": DecisionReason.IN_ROLLOUT}
CONTROL = {"voice_model": VoiceModel.WAVENET, "decided": VoiceModel.WAVENET, "reason": DecisionReason.OUTSIDE}
FALLBACK = {"voice_model": VoiceModel.WAVENET, "decided": VoiceModel.CHIRP3_HD, "reason": DecisionReason.IN_ROLLOUT}
FAILED = {"failure": FailureClass.TRANSIENT, "falls_back": True}
_numbers = itertools.count()


def attempt(after: timedelta = MINUTE, **fields: object) -> Observation:
    """A Chirp attempt that succeeded, so long after the stage began."""
    given = {
        "id": f"attempt-{next(_numbers)}",
        "ended_at": BEGAN + after,
        "lane": Lane.DIALOGUE,
        "character": "pip_boy",
        "language": "en-US",
        "text_characters": 80,
        "revision": REVISION,
        "first": True,
        "seconds": 1.0,
        "billed": 80,
        **CHIRP,
        **fields,
    }
    return Observation(**given)


def count_attempts(*attempts: Observation, resolution: timedelta = MINUTE) -> AttemptCounts:
    ledger = AttemptCounts(resolution)
    for each in attempts:
        ledger.add(each, 1, each.ended_at)
    return ledger


def measure(*attempts: Observation, until: timedelta = timedelta(hours=1)) -> Measurements:
    readings = Measurements(count_attempts(*attempts), BEGAN, REVISION, WINDOW)
    readings.settle(BEGAN + until)
    return readings
