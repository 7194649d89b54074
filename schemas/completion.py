"""The completion: the event that reports how a job ended, with everything that a consumer needs."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from schemas.enums import (
    AttemptResult,
    AudioEncoding,
    DecisionReason,
    FailureClass,
    JobStatus,
    Lane,
    VoiceModel,
)
from schemas.message import Message
from schemas.times import check_known


class Audio(Message):
    """The stored take that was made or found for the job."""

    uri: str = Field(description="Address of the object, s3://bucket/key.")
    bucket: str
    key: str
    bytes: int = Field(description="Size of the object in bytes.")
    duration_s: float = Field(description="Length of the audio in seconds.")
    encoding: AudioEncoding
    sample_rate: int = Field(description="Samples per second, in Hz.")
    sha256: str = Field(description="SHA-256 of the object, 64 hexadecimal digits.")
    url: str | None = Field(
        default=None,
        description="Address by which a player reads the audio over HTTP. There is one if the worker has "
        "AUDIO_URL_TTL_S or AUDIO_BASE_URL; a presigned one ends AUDIO_URL_TTL_S seconds after the completion.",
    )
    cached: bool = Field(
        description="True if the take was stored already, or was made by another job's call: nothing was paid for it."
    )


class DecisionTaken(Message):
    """The voice model that the rollout chose for the job, and why."""

    voice_model: VoiceModel
    reason: DecisionReason
    bucket: int = Field(
        ge=0,
        le=9999,
        description="Bucket of the job's sticky key, 0 to 9999. The job is in the rollout if its bucket is below the "
        "percentage in hundredths of a percent.",
    )
    revision: int = Field(
        description="Rollout revision that decided; 0 if the state came from the environment variables."
    )
    percentage: float = Field(description="Percentage of that revision, 0 to 100.")


class Attempt(Message):
    """One voice model tried for the job, its quick retries included. Rollout, cost and replay read the attempts."""

    id: str = Field(
        description="Unique id of the attempt. Count an attempt once by its id: a failed attempt is listed in the "
        "completions of all jobs that waited for it, and in each of their retries."
    )
    voice_model: VoiceModel
    voice: str = Field(description="Full name of the voice, such as en-US-Chirp3-HD-Puck.")
    result: AttemptResult
    failure_class: FailureClass | None = Field(default=None, description="Kind of the failure; null after a success.")
    code: str = Field(
        description="gRPC status code of the last call; NOT_CALLED if the quota or the circuit breaker prevented all "
        "calls."
    )
    message: str | None = Field(default=None, description="Google's error message, shortened.")
    calls: int = Field(
        ge=0,
        le=10**6,
        description="Requests sent to Google, 0 or more: one for each part of a long text, quick retries, and requests "
        "that were refused for quota.",
    )
    seconds: float = Field(
        ge=0, le=1e6, allow_inf_nan=False, description="Duration in seconds, without the wait for quota."
    )
    billed_characters: int = Field(ge=0, le=10**9, description="Characters that Google bills for the attempt.")
    ended_at: Annotated[AwareDatetime, AfterValidator(check_known)] = Field(description="When the attempt ended.")
    decided: VoiceModel | None = Field(
        default=None, description="Voice model that the decision chose in this try of the job."
    )
    reason: DecisionReason | None = Field(default=None, description="Reason of that decision.")
    revision: int | None = Field(default=None, description="Rollout revision of that decision.")
    circuit_revision: int | None = Field(
        default=None,
        description="Rollout revision that decided the attempt by which the circuit opened, or its last failed probe; "
        "null unless the failure class is circuit_open. Rollouts count the attempt there.",
    )
    falls_back: bool = Field(default=False, description="True if the attempt failed and a request to WaveNet followed.")


class Timings(Message):
    """Seconds by stage; 0 for a stage that was skipped."""

    wait: float = Field(description="Seconds from the record's timestamp to the start of the work.")
    look_up: float = Field(
        description="Seconds spent looking for a stored take, and waiting for another job that was making the same one."
    )
    quota: float = Field(default=0.0, description="Seconds spent waiting for quota.")
    speak: float = Field(description="Seconds spent in attempts.")
    store: float = Field(description="Seconds spent storing the take.")
    total: float = Field(description="Seconds from the start of the work to its outcome.")


class Problem(Message):
    """Why a job wasn't done."""

    failure_class: str = Field(
        description="A failure class of an attempt, or bad_input, storage, expired, cancelled, internal."
    )
    code: str = Field(description="Code of the failure within its class, such as a gRPC status code.")
    message: str = Field(description="Error message for people.")
    field: str | None = Field(default=None, description="Field of the job that caused the failure, if there is one.")


class Completion(Message):
    """How a job ended. With status `done` there is `audio`; with every other one there is `error`."""

    job_id: str
    status: JobStatus
    lane: Lane
    character: str | None = None
    language: str | None = None
    text_characters: int | None = Field(default=None, description="Length of the line in characters.")
    labels: dict[str, str] = Field(default_factory=dict, description="The job's labels, unchanged.")
    reply_topic: str | None = Field(
        default=None, description="Topic that the job named for a copy of this completion; it was sent there too."
    )
    take: int = Field(default=1, description="The job's take number.")
    audio: Audio | None = None
    decision: DecisionTaken | None = None
    voice_model: VoiceModel | None = Field(default=None, description="Voice model that spoke.")
    voice: str | None = Field(default=None, description="Full name of the voice that spoke.")
    fallback: bool = Field(
        default=False,
        description="True if WaveNet spoke in place of Chirp. A failed attempt has the reason; if there is none, Chirp "
        "would have missed the deadline.",
    )
    timings: Timings | None = None
    attempts: tuple[Attempt, ...] = Field(default=(), description="All attempts of the job, those of retries included.")
    error: Problem | None = None
    shortened: tuple[str, ...] | None = Field(
        default=None,
        description="Fields that were left out or cut because the topic takes no record of the completion's full size; "
        "null for a whole completion.",
    )
