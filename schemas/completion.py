"""The completion: the event that says how a job ended, with all that a consumer needs."""

from pydantic import AwareDatetime, Field

from schemas.job import Message
from schemas.words import (
    AttemptResult,
    AudioEncoding,
    DecisionReason,
    FailureClass,
    JobStatus,
    Lane,
    VoiceModel,
)


class Audio(Message):
    """The stored take that answers the job."""

    uri: str = Field(description="s3://bucket/key")
    bucket: str
    key: str
    bytes: int = Field(description="size of the object")
    duration_s: float
    encoding: AudioEncoding
    sample_rate: int = Field(description="Hz")
    sha256: str = Field(description="of the object, hexadecimal")
    cached: bool = Field(
        description="the take was there already, or another job's call made it; nothing was paid for it"
    )


class DecisionTaken(Message):
    """Which voice model the rollout gave the job, and why."""

    voice_model: VoiceModel
    reason: DecisionReason
    bucket: int = Field(ge=0, le=9999, description="in the rollout while it is below the percentage in hundredths")
    revision: int = Field(description="of the rollout state that decided; 0 for the environment's")
    percentage: float = Field(description="of that state, 0 to 100")


class Attempt(Message):
    """One voice model tried for the job, its quick retries included. Rollout, cost and replay read these."""

    id: str = Field(
        description="count an attempt once by it, however often it is read: a failed one stands in the completions of "
        "all jobs that waited for it"
    )
    voice_model: VoiceModel
    voice: str
    result: AttemptResult
    failure_class: FailureClass | None = None
    code: str = Field(
        description="the gRPC status of its last call; NOT_CALLED where quota or circuit let none be made"
    )
    message: str | None = Field(default=None, description="Google's words, shortened")
    calls: int = Field(
        description="requests sent to Google: parts of a long text, the quick retry, those refused for quota; or 0"
    )
    seconds: float = Field(description="without what it waited for quota")
    billed_characters: int
    ended_at: AwareDatetime
    decided: VoiceModel | None = Field(default=None, description="what the decision of this try gave the job")
    reason: DecisionReason | None = Field(default=None, description="and why")
    revision: int | None = Field(default=None, description="of the rollout state that decided this try")
    falls_back: bool = Field(default=False, description="it failed, and WaveNet was asked instead")


class Timings(Message):
    """Seconds by stage; a stage that didn't happen is 0."""

    wait: float = Field(description="from the record's timestamp to the start of the work")
    look_up: float = Field(description="waiting for another job that makes the same take included")
    quota: float = Field(default=0.0, description="waiting for Google's quota")
    speak: float
    store: float
    total: float = Field(description="from the start of the work to its outcome")


class Problem(Message):
    """Why a job did not end well."""

    failure_class: str = Field(description="a failure class, bad_input, storage, expired or internal")
    code: str
    message: str
    field: str | None = Field(default=None, description="of the job, where one is to blame")


class Completion(Message):
    """How a job ended. `done` has audio; `failed` and `expired` have an error."""

    job_id: str
    status: JobStatus
    lane: Lane
    character: str | None = None
    language: str | None = None
    text_characters: int | None = Field(default=None, description="length of the line, for length bands")
    labels: dict[str, str] = Field(default_factory=dict)
    reply_topic: str | None = Field(default=None, description="the topic that it stands in too, since the job named it")
    take: int = 1
    audio: Audio | None = None
    decision: DecisionTaken | None = None
    voice_model: VoiceModel | None = Field(default=None, description="which spoke")
    voice: str | None = Field(default=None, description="the full name of the voice that spoke")
    fallback: bool = Field(
        default=False,
        description="WaveNet answers for Chirp: a failed attempt says why; without one, Chirp would have been late",
    )
    timings: Timings | None = None
    attempts: tuple[Attempt, ...] = ()
    error: Problem | None = None
