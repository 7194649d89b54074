"""The decision: which voice model a job gets, and why. Pure, repeatable, explainable."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from schemas.job import Job
from schemas.revision import FULL_PERCENTAGE
from schemas.words import DecisionReason, VoiceModel
from worker.rollout.state import RolloutState


@dataclass(frozen=True)
class DecisionRequest:
    """What a decision looks at. `forced` is the voice model that the job asks for, if any."""

    character: str
    sticky_key: str
    chirp_speaks_language: bool
    forced: VoiceModel | None = None


@dataclass(frozen=True)
class Decision:
    """The voice model and the reason; `bucket` is 0 to 9,999."""

    voice_model: VoiceModel
    reason: DecisionReason
    bucket: int
    revision: int
    percent: float

    @property
    def by_percentage(self) -> bool:
        """Whether the percentage decided: these jobs are the two arms that gates compare."""
        return self.reason in {DecisionReason.IN_ROLLOUT, DecisionReason.OUTSIDE}


def bucket_of(salt: str, sticky_key: str) -> int:
    """The bucket of a sticky key, 0 to 9,999; test vectors stand in `tests/unit/rollout/bucket_vectors.json`.

    Bucket: the first 8 bytes, big-endian, of SHA-256 of "v1:" + salt + ":" + sticky key, modulo 10,000.
    """
    digest = hashlib.sha256(f"v1:{salt}:{sticky_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % FULL_PERCENTAGE


def line_fingerprint(job: Job) -> str:
    """The line itself as a sticky key: it keeps its voice over retries, replays and re-runs of a batch."""
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


def sticky_key(rollout_key: str | None, user_id: str | None, fingerprint: str) -> str:
    """What keeps its voice: the job's rollout key, else its user, else the line itself."""
    return rollout_key or user_id or fingerprint


def request_of(job: Job, *, forced: VoiceModel | None, chirp_speaks_language: bool) -> DecisionRequest:
    """What a job's decision looks at.

    Args:
        job: what to speak.
        forced: the voice model of the job's `voice`, if it has one.
        chirp_speaks_language: whether Chirp has a voice for the job's language.
    """
    needed = not (job.rollout_key or job.user_id)
    key = sticky_key(job.rollout_key, job.user_id, line_fingerprint(job) if needed else "")
    return DecisionRequest(job.character, key, chirp_speaks_language, forced)


def decide(state: RolloutState, request: DecisionRequest, now: datetime) -> Decision:
    """Decides by the design's order; the first rule that applies wins.

    Args:
        state: the rollout.
        request: what is looked at.
        now: with an offset; a quarantine ends by itself.
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
