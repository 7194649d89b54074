"""Pairs of stored takes as people write them down: a file with a JSON object a line. Pure."""

import json

from pydantic import ConfigDict, Field, ValidationError, model_validator

from schemas.field_types import CharacterKey, Name, TakeReference
from schemas.languages import TAG_PATTERN
from schemas.message import Request


class WrittenPair(Request):
    """One line, spoken by both voice models."""

    model_config = ConfigDict(frozen=True)

    character: CharacterKey = Field(description="Key of a character in the catalogue.")
    line: Name = Field(description="Id of the line in its script.")
    text: str = Field(default="", description="The line, shown to the listener.")
    language: str = Field(default="en-US", pattern=TAG_PATTERN, description="BCP 47 tag of the line.")
    chirp: TakeReference = Field(description="Key of Chirp's take.")
    wavenet: TakeReference = Field(description="Key of WaveNet's take.")

    @model_validator(mode="after")
    def _differ(self) -> "WrittenPair":
        if self.chirp == self.wavenet:
            raise ValueError("wavenet: must be another take than chirp")
        return self

    @property
    def id(self) -> tuple[str, str]:
        """The character and the line."""
        return self.character, self.line


def parse_pairs(text: str) -> tuple[WrittenPair, ...]:
    """The pairs of a file, in its order; empty lines don't count.

    Raises:
        ValueError: names the line, what is wrong with it, and what is allowed.
    """
    pairs: dict[tuple[str, str], WrittenPair] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            pair = WrittenPair.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "pair"
            raise ValueError(f"line {number}: {where}: {first['msg']}") from None
        except (ValueError, RecursionError):
            raise ValueError(f"line {number}: is no JSON object") from None
        if pair.id in pairs:
            raise ValueError(f"line {number}: character {pair.character!a} has line {pair.line!a} twice")
        pairs[pair.id] = pair
    return tuple(pairs.values())
