"""A delivered line and a table beside the audio, as those who write tables see them. Pure."""

from dataclasses import dataclass

from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSE_MARK
from worker.batch.scripts.model import Line


@dataclass(frozen=True)
class DeliveredLine:
    """A line with its file.

    Attributes:
        line: of the script.
        file: its path in the delivery, with forward slashes.
        seconds: how long the file is.
    """

    line: Line
    file: str
    seconds: float

    @property
    def id(self) -> str:
        """The line's id."""
        return self.line.id

    @property
    def character(self) -> str:
        """Who speaks."""
        return self.line.job.character

    @property
    def language(self) -> str:
        """The line's BCP 47 tag."""
        return self.line.job.language

    @property
    def text(self) -> str:
        """The text as the script has it."""
        return self.line.job.text or self.line.job.ssml or ""

    @property
    def caption(self) -> str:
        """The text as it is shown: one row, without SSML and pause marks."""
        text, ssml = self.line.job.text, self.line.job.ssml
        shown = text if text is not None else "".join(parse_ssml(ssml or "").itertext())
        return " ".join(PAUSE_MARK.sub(" ", shown).split())


@dataclass(frozen=True)
class Table:
    """A file beside the audio: its path in the delivery, with forward slashes, and its bytes."""

    name: str
    content: bytes
