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
    cached: bool = Field(description="the take was there already; nothing was paid for it")


class DecisionTaken(Message):
    """Which voice model the rollout gave the job, and why."""

    voice_model: VoiceModel
    reason: DecisionReason
    bucket: int = Field(ge=0, le=9999, description="in the rollout while it is below the percentage in hundredths")
    revision: int = Field(description="of the rollout state that decided; 0 for the environment's")
    percentage: float = Field(description="of that state, 0 to 100")


class Attempt(Message):
    """One voice model tried for the job, its quick retries included. Rollout, cost and replay read these."""

    id: str = Field(description="unique: count an attempt once by it, however often its record is read")
    voice_model: VoiceModel
    voice: str
    result: AttemptResult
    failure_class: FailureClass | None = None
    code: str = Field(description="the gRPC status of its last call")
    message: str | None = Field(default=None, description="Google's words, shortened")
    calls: int = Field(description="requests sent to Google: parts of a long text and the quick retry")
    seconds: float
    billed_characters: int
    ended_at: AwareDatetime


class Timings(Message):
    """Seconds by stage; a stage that didn't happen is 0."""

    wait: float = Field(description="from the record's timestamp to the start of the work")
    look_up: float
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
    take: int = 1
    audio: Audio | None = None
    decision: DecisionTaken | None = None
    voice_model: VoiceModel | None = Field(default=None, description="which spoke")
    voice: str | None = Field(default=None, description="the full name of the voice that spoke")
    fallback: bool = False
    timings: Timings | None = None
    attempts: tuple[Attempt, ...] = ()
    error: Problem | None = None
