"""What a batch records about a line: the job that was sent for it, and how that job ended. Pure."""

from pydantic import Field

from schemas.completion import Completion, Problem
from schemas.enums import AudioEncoding, JobStatus, VoiceModel
from schemas.message import Message


class ManifestEntry(Message):
    """How the last job of a line ended.

    Attributes:
        line: its id in the script.
        made: how many jobs the line has had, this one included.
        key: of its take; for a failed line, of the take that its job would have made.
        asked: the key that the job was sent for, where the take has another one: by a fallback, or because the workers
            speak the character in another way than the command that sent it.
        decided: the voice model of the rollout's decision.
        take: its number.
        voice_model: the one that spoke; WaveNet for a fallback.
        cached: the take was stored already.
        billed: characters billed by Google, by voice model; failed attempts aren't billed.
        earlier: SHA-256 of the line's earlier takes: an audio file that is none of them belongs to somebody else.
    """

    line: str
    character: str
    status: JobStatus
    job_id: str
    made: int
    key: str
    decided: VoiceModel
    asked: str | None = None
    take: int = 1
    uri: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    duration_s: float | None = None
    encoding: AudioEncoding | None = None
    voice_model: VoiceModel | None = None
    voice: str | None = None
    fallback: bool = False
    cached: bool = False
    billed: dict[VoiceModel, int] = Field(default_factory=dict)
    error: Problem | None = None
    earlier: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the line has audio."""
        return self.status is JobStatus.DONE

    def with_earlier_takes(self, previous: "ManifestEntry | None") -> "ManifestEntry":
        """This entry, with the takes of the line's previous entry added to its earlier ones."""
        if previous is None:
            return self
        takes = dict.fromkeys([*previous.earlier, previous.sha256, *self.earlier])
        return self.model_copy(update={"earlier": tuple(each for each in takes if each and each != self.sha256)})


class SentJob(Message):
    """A job that was sent, or was about to be sent, with what its completion doesn't say.

    Attributes:
        billed: characters that Google would bill for its take; 0 where the take is known to be stored.
    """

    line: str
    job_id: str
    character: str
    made: int
    key: str
    decided: VoiceModel
    billed: int = 0


def build_entry(sent: SentJob, completion: Completion) -> ManifestEntry:
    """The manifest's entry for a line, from the completion of its job."""
    audio = completion.audio
    billed: dict[VoiceModel, int] = {}
    for attempt in completion.attempts:
        if attempt.billed_characters:
            billed[attempt.voice_model] = billed.get(attempt.voice_model, 0) + attempt.billed_characters
    decided = completion.decision.voice_model if completion.decision else sent.decided
    return ManifestEntry(
        line=sent.line,
        character=sent.character,
        status=completion.status,
        job_id=sent.job_id,
        made=sent.made,
        key=audio.key if audio else sent.key,
        decided=decided if audio else sent.decided,
        asked=sent.key if audio and audio.key != sent.key else None,
        take=completion.take,
        uri=audio.uri if audio else None,
        sha256=audio.sha256 if audio else None,
        bytes=audio.bytes if audio else None,
        duration_s=audio.duration_s if audio else None,
        encoding=audio.encoding if audio else None,
        voice_model=completion.voice_model,
        voice=completion.voice,
        fallback=completion.fallback,
        cached=bool(audio and audio.cached),
        billed=billed,
        error=completion.error,
    )
