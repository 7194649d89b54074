"""The labels of the worker's metrics with their values, and the bounds of its histograms."""

from enum import StrEnum
from typing import Final

from schemas.enums import JobStatus, Lane, VoiceModel
from worker.observability.metric_definition import Label

CODES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "INTERNAL",
    "UNAVAILABLE",
    "UNAUTHENTICATED",
    "ALREADY_EXISTS",
    "DATA_LOSS",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
)
"""All gRPC status codes."""

STAGES: Final = ("wait", "look_up", "quota", "speak", "store", "total")
"""The stages of a job, named as the fields of `Timings`."""

OUTCOMES: Final = (*JobStatus, "rejected", "retried")
DEPENDENCIES: Final = ("google", "s3", "kafka")
CHECK_ACTIONS: Final = ("reject", "warn")
"""What follows when audio fails a check."""
ALL_VOICE_MODELS: Final = "all"
"""The value of `voice_model` for the quota that all voice models share."""


class QuotaDecision(StrEnum):
    """The result of a request for quota: granted at once, granted after a wait, or refused."""

    GRANTED = "granted"
    WAITED = "waited"
    REFUSED = "refused"


class StreamOutcome(StrEnum):
    """How a stream ended: whole, failed before any audio or after some, or Kafka didn't take all of it."""

    DONE = "done"
    FAILED = "failed"
    BROKEN = "broken"
    LOST = "lost"


CHARACTER: Final = Label("character_key", None)
VOICE_MODEL: Final = Label("voice_model", tuple(VoiceModel))
LANE: Final = Label("lane", tuple(Lane))

# The limits of the rollout plan, 2 s and 5 s, are bucket bounds, so that the share above a limit is exact.
SYNTHESIS_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 20, 30, 60)
# Fine up to the longest wait of a dialogue job, then on to the waits of batch jobs.
QUOTA_BUCKETS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
STAGE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
