"""The types of a message's fields: what each may hold, checked in Python and stated in its JSON Schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema

from schemas.enums import VoiceModel
from schemas.ssml import BEGINNING_PATTERN, MAX_SSML_BYTES, OTHER_ELEMENT_PATTERN
from schemas.text_markup import (
    NO_WORD_IN_SSML_PATTERN,
    NO_WORD_PATTERN,
    PAUSE_MARK,
    TAG_PATTERN,
    UNKNOWN_MARK_PATTERN,
)
from schemas.times import RFC3339_PATTERN, check_known, parse_rfc3339

JOB_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:@=+-]{0,127}$"
TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"
"""Kafka's own rule for topic names."""
VOICE_NAME_PATTERN: Final = r"^([a-z]{2,3}-[A-Z]{2})-(Chirp3-HD|Wavenet)-([A-Za-z]+)$"
"""Google's full names of the voices of both models: locale, model, name."""
MAX_TEXT_BYTES: Final = 50_000
# No voice can speak these: C0 and C1 control characters (except tab and newlines), DEL, lone surrogates,
# non-characters.
_CONTROL_CLASS: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_CONTROL: Final = re.compile(f"[{_CONTROL_CLASS}]")

_DATE_AND_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:")


@dataclass(frozen=True, eq=False)
class Stated:
    """States in the JSON Schema what a validator in Python checks."""

    keywords: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core_schema), **self.keywords}


def _at_most_bytes(limit: int) -> list[dict[str, Any]]:
    # JSON Schema counts characters. One takes 1 to 4 bytes of UTF-8, by its block: each tier is safe.
    return [
        {"maxLength": limit // 4},
        {"maxLength": limit // 3, "pattern": r"^[\u0000-\uffff]*$"},
        {"maxLength": limit // 2, "pattern": r"^[\u0000-\u07ff]*$"},
        {"maxLength": limit, "pattern": r"^[\u0000-\u007f]*$"},
    ]


def _no_control_characters(text: str) -> str:
    found = _CONTROL.search(text)
    if found:
        raise ValueError(
            f"holds the character U+{ord(found[0]):04X} at position {found.start()}, which can't be spoken"
        )
    return text


def _rfc3339(value: object) -> object:
    # pydantic alone would read "1700000000" as seconds since 1970. It expects ValueError for a wrong type, too.
    if not isinstance(value, str) or not _DATE_AND_TIME.match(value):
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if re.fullmatch(RFC3339_PATTERN, value):
        return parse_rfc3339(value)
    # Other forms of ISO 8601 are taken where pydantic knows them.
    return value


def _integral(value: object) -> object:
    # JSON has one kind of number, and JSON Schema takes 24000.0 for an integer: some libraries write it so.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN: Final = {"pattern": f"^[^{_CONTROL_CLASS}]*$"}
NAME_RULES: Final = {"minLength": 1, "maxLength": 256, **_PLAIN}
Plain = Annotated[str, AfterValidator(_no_control_characters), Stated(_PLAIN)]
Name = Annotated[Plain, StringConstraints(min_length=1, max_length=256)]
CharacterKey = Annotated[Plain, StringConstraints(min_length=1, max_length=64)]
# Bounded, since the completion repeats the labels: it must fit into its topic if the job fitted into its lane.
Label = Annotated[Plain, StringConstraints(max_length=1024)]
Text = Annotated[
    Plain,
    Stated(
        {
            "allOf": [
                {"not": {"pattern": pattern}} for pattern in (NO_WORD_PATTERN, UNKNOWN_MARK_PATTERN, TAG_PATTERN)
            ],
            "anyOf": _at_most_bytes(MAX_TEXT_BYTES),
        }
    ),
]
Ssml = Annotated[
    Plain,
    Stated(
        {
            "maxLength": MAX_SSML_BYTES,
            "allOf": [
                {"pattern": BEGINNING_PATTERN},
                *(
                    {"not": {"pattern": pattern}}
                    for pattern in (OTHER_ELEMENT_PATTERN, PAUSE_MARK.pattern, NO_WORD_IN_SSML_PATTERN)
                ),
            ],
        }
    ),
]
Voice = Annotated[Name, Stated({"allOf": [{"pattern": f"^(?:{'|'.join(VoiceModel)})$|{VOICE_NAME_PATTERN}"}]})]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_integral)]
Deadline = Annotated[AwareDatetime, BeforeValidator(_rfc3339), Stated({"pattern": RFC3339_PATTERN})]
EventTime = Annotated[Deadline, AfterValidator(check_known)]
TakeReference = Annotated[Plain, StringConstraints(min_length=1, max_length=2048)]
