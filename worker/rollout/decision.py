"""The decision of the canary rollout: which voice model a job gets, and why. Pure.

The same job gets the same answer from the same state at the same time, on every worker. While the percentage rises and
the salt stays, a user who has Chirp keeps it: a bucket below the percentage stays below it. A retry is decided by the
state of its own time.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from schemas.enums import DecisionReason, VoiceModel
from schemas.job import Job
from schemas.revision import FULL_PERCENTAGE
from worker.rollout.state import RolloutState


@dataclass(frozen=True)
class DecisionRequest:
    """The inputs of a decision. `forced` is the voice model that the job demands; None if it demands none."""

    character: str
    sticky_key: str
    chirp_speaks_language: bool
    forced: VoiceModel | None = None


@dataclass(frozen=True)
class Decision:
    """The voice model and the reason.

    Attributes:
        bucket: 0 to 9,999.
        revision: of the state that decided; 0 for the environment's variables.
        percent: the rollout's percentage at that time, 0 to 100.
    """

    voice_model: VoiceModel
    reason: DecisionReason
    bucket: int
    revision: int
    percent: float

    @property
    def by_percentage(self) -> bool:
        """Whether the percentage decided. These jobs form the two arms that gates compare."""
        return self.reason in {DecisionReason.IN_ROLLOUT, DecisionReason.OUTSIDE}


def bucket_of(salt: str, sticky_key: str) -> int:
    """The bucket of a sticky key, 0 to 9,999.

    It is the first 8 bytes, big-endian, of SHA-256 of "v1:" + salt + ":" + sticky key, modulo 10,000.
    `tests/unit/rollout/bucket_vectors.json` has test vectors for implementations in other languages.
    """
    digest = hashlib.sha256(f"v1:{salt}:{sticky_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % FULL_PERCENTAGE


def line_fingerprint(job: Job) -> str:
    """A hash of the line itself: as sticky key it keeps the line's voice over retries, replays and batch re-runs."""
    line = job.model_dump(
        mode="json",
        include={
            "character",
            "text",
            "ssml",
            "language",
            "speaking_rate",
            "pitch",
            "volume_gain_db",
            "pronunciations",
        },
    )
    return hashlib.sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode("ascii")).hexdigest()


def sticky_key(job: Job) -> str:
    """The key that keeps its voice: the job's rollout key, else its user, else the line itself."""
    return job.rollout_key or job.user_id or line_fingerprint(job)


def decision_request(job: Job, *, forced: VoiceModel | None, chirp_speaks_language: bool) -> DecisionRequest:
    """The inputs of a job's decision.

    Args:
        job: the job to decide.
        forced: the voice model of the job's `voice`; None if it names none.
        chirp_speaks_language: whether Chirp has a voice for the job's language.
    """
    return DecisionRequest(job.character, sticky_key(job), chirp_speaks_language, forced)


def decide(state: RolloutState, request: DecisionRequest, now: datetime) -> Decision:
    """Decides by an ordered list of rules: the first rule that applies wins.

    Args:
        now: with an offset; it ends quarantines.
    """
    bucket = bucket_of(state.salt, request.sticky_key)
    voice_model, reason = _first_rule(state, request, bucket, now)
    return Decision(voice_model, reason, bucket, state.revision, state.percent)


def _first_rule(
    state: RolloutState, request: DecisionRequest, bucket: int, now: datetime
) -> tuple[VoiceModel, DecisionReason]:
    out = request.character in state.excluded or state.is_quarantined(request.character, now)
    rules = (
        (state.braked, VoiceModel.WAVENET, DecisionReason.BRAKED),
        (request.forced is not None, request.forced or VoiceModel.WAVENET, DecisionReason.FORCED),
        (not state.enabled, VoiceModel.WAVENET, DecisionReason.DISABLED),
        (out, VoiceModel.WAVENET, DecisionReason.EXCLUDED),
        (
            state.characters is not None and request.character not in state.characters,
            VoiceModel.WAVENET,
            DecisionReason.NOT_LISTED,
        ),
        (not request.chirp_speaks_language, VoiceModel.WAVENET, DecisionReason.LANGUAGE),
        (bucket < state.percentage, VoiceModel.CHIRP3_HD, DecisionReason.IN_ROLLOUT),
    )
    for applies, voice_model, reason in rules:
        if applies:
            return voice_model, reason
    return VoiceModel.WAVENET, DecisionReason.OUTSIDE
