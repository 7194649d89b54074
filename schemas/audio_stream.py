"""A line's audio while it is made: chunks, and the end that says what became of them. Pure."""

from enum import StrEnum

from pydantic import Field

from schemas.completion import Audio, Problem
from schemas.enums import VoiceModel
from schemas.message import Message


class StreamEndStatus(StrEnum):
    """How a stream ended: whole, or not, so that what came of it is of no use."""

    DONE = "done"
    FAILED = "failed"


class AudioSource(StrEnum):
    """Where a stream's audio comes from: a stream of Google, a call's whole answer, or the store."""

    STREAMED = "streamed"
    WHOLE = "whole"
    STORED = "stored"


class StreamEnd(Message):
    """The last record of a stream. The chunks before it are plain audio, described by their headers alone."""

    job_id: str
    stream: str = Field(description="Id of the stream, which its chunks have too. Another try of the job has another.")
    status: StreamEndStatus = Field(
        description="done: all chunks together are the line. failed: they aren't, whatever was heard of them; the job "
        "may be tried again, as a new stream, until its completion says how it ended."
    )
    chunks: int = Field(ge=0, description="How many chunks the stream has. Whoever has fewer has lost some.")
    source: AudioSource | None = Field(
        default=None,
        description="Where the chunks come from: Google streamed them, or they are cut from a whole answer, or from a "
        "stored take; null without chunks.",
    )
    audio: Audio | None = Field(default=None, description="The whole take as it is stored, if the job has one.")
    is_take: bool = Field(
        default=False,
        description="True if the chunks have the sound of the stored take; false if another worker stored its own "
        "take of the line first, or there is none.",
    )
    voice_model: VoiceModel | None = Field(default=None, description="Voice model that spoke.")
    voice: str | None = Field(default=None, description="Full name of the voice that spoke.")
    error: Problem | None = Field(default=None, description="Why it failed.")
