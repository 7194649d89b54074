"""The verdict: what a director says of a line's take, in the file beside a script or from the console."""

from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.enums import VerdictChoice
from schemas.field_types import JOB_ID_PATTERN, CharacterKey, EventTime, Name, Plain, Whole
from schemas.message import Request

LONGEST_NOTE: Final = 2000
"""The characters of a note."""


class Judgement(Request):
    """What both kinds of verdicts have."""

    line: Name = Field(description="Id of the line in its script.")
    verdict: VerdictChoice | None = Field(default=None, description="Accept the take, or redo the line.")
    note: Annotated[Plain, StringConstraints(max_length=LONGEST_NOTE)] = Field(
        default="", description="Why, for whoever makes the next take."
    )
    take: Whole | None = Field(default=None, ge=1, le=999_999, description="Number of the take chosen for the line.")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of the audio that was heard, in hexadecimal digits."
    )
    by: Annotated[Plain, StringConstraints(max_length=256)] = Field(default="", description="Who said it.")
    at: EventTime | None = Field(default=None, description="When, by RFC 3339.")


class LineVerdict(Judgement):
    """What was said of a line. At least one of verdict, note and chosen take is there."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.verdict is None and not self.note and self.take is None:
            raise ValueError("verdict: one of accept, redo; or a note, or a take, must be there")
        return self


class Verdict(Judgement):
    """A verdict from the console. Of a script's line the last one counts; one that says nothing takes it back."""

    verdict_id: str = Field(pattern=JOB_ID_PATTERN, description="Chosen by the producer; the event's id.")
    script: Name = Field(description="Name of the script's file, without its folder.")
    character: CharacterKey = Field(description="Key of a character in the catalogue, such as pip_boy.")
    by: Name = Field(description="Who said it.")
    at: EventTime = Field(description="When, by RFC 3339.")
    source: Name = Field(description="URI reference of the console that sends it.")

    @property
    def on_line(self) -> LineVerdict | None:
        """The verdict as it stands in the file beside the script; None where it takes an earlier one back."""
        if self.verdict is None and not self.note and self.take is None:
            return None
        return LineVerdict.model_validate(self.model_dump(mode="json", include=set(LineVerdict.model_fields)))
