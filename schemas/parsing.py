"""Parses and validates a job record: returns the job, or raises with every field that is wrong. Pure."""

import base64
import binascii
import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from schemas.enums import Lane
from schemas.errors import UsageError
from schemas.field_types import JOB_ID_PATTERN, MAX_TEXT_BYTES
from schemas.job import AudioFormat, Job, Pronunciation

_JOB_ID: Final = re.compile(JOB_ID_PATTERN)
# Confluent's serializers write a zero byte and the id of a schema, 4 bytes, before the message.
_CONFLUENT_BYTES: Final = 5
_PARTS: Final[dict[str, type[BaseModel]]] = {"audio": AudioFormat, "pronunciations": Pronunciation}
_NAMED_SIZE: Final = 64
_LONGEST_INTEGER: Final = 64
# How other formats begin, as what sends them calls it.
_FORMATS: Final = {
    b"\x03\x00": "AWS Glue's wire format", b"\x03\x05": "AWS Glue's wire format", b"Obj\x01": "an Avro file",
    b"\xac\xed": "Java's serialization", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
}  # fmt: skip
_MOST_NEAREST: Final = 8
"""For how many unknown fields the nearest name is looked for; a record may have a hundred thousand."""


class FieldProblem(NamedTuple):
    """What is wrong with one field; a nested field is named by its dotted path."""

    field: str
    message: str


class InvalidJobError(UsageError):
    """A record that is no valid job: it becomes a dead letter, and a failed completion if `job_id` is usable.

    `problems` has everything that is wrong; `field` and `message` are of the first problem. `reply_topic` is the text
    that the record has there; it isn't validated.
    """

    def __init__(
        self,
        field: str,
        message: str,
        job_id: str | None = None,
        *,
        reply_topic: str | None = None,
        problems: tuple[FieldProblem, ...] = (),
    ) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.job_id = job_id
        self.reply_topic = reply_topic
        self.problems = problems or (FieldProblem(field, message),)


def parse_job(value: bytes | None, *, max_text_bytes: int = MAX_TEXT_BYTES) -> Job:
    """Parses a job from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Args:
        max_text_bytes: the longest `text` allowed, in bytes of UTF-8.

    Raises:
        InvalidJobError: it is no valid job; `field` is the field that is wrong, or `record` if it isn't a JSON object.
    """
    return validate_job(job_document(value), max_text_bytes=max_text_bytes)


def validate_job(document: dict[str, Any], *, max_text_bytes: int = MAX_TEXT_BYTES) -> Job:
    """Validates a parsed JSON object as a job.

    Args:
        max_text_bytes: the longest `text` allowed, in bytes of UTF-8.

    Raises:
        InvalidJobError: it is no valid job; `problems` has everything that is wrong.
    """
    job_id = document.get("job_id")
    usable_id = job_id if isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) else None
    reply_topic = document.get("reply_topic")
    named_topic = reply_topic if isinstance(reply_topic, str) else None
    text = document.get("text")
    # Checked before the model's regular expressions run over a megabyte of text.
    if isinstance(text, str) and (size := len(text.encode("utf-8", "surrogatepass"))) > max_text_bytes:
        message = f"is {size} bytes long; at most {max_text_bytes} are allowed"
        raise InvalidJobError("text", message, usable_id, reply_topic=named_topic)
    try:
        return Job.model_validate(document)
    except ValidationError as error:
        problems = tuple(field_problems(error, Job, "a job", _PARTS))
        raise InvalidJobError(*problems[0], usable_id, reply_topic=named_topic, problems=problems) from None


def check_lane(job: Job, lane: Lane) -> None:
    """Checks that a job may go into a lane.

    Raises:
        InvalidJobError: it is a stream, and nobody listens in the batch lane.
    """
    if job.stream and lane is not Lane.DIALOGUE:
        message = f"True: allowed in the {Lane.DIALOGUE} lane alone, this is {lane}"
        raise InvalidJobError("stream", message, job.job_id, reply_topic=job.reply_topic)


def job_document(value: bytes | None) -> dict[str, Any]:
    """The JSON object of a job in a record's value, not yet validated.

    A byte order mark is skipped. Of a CloudEvent in structured mode (CloudEvents JSON format 1.0) it is the data.

    Raises:
        InvalidJobError: there is no JSON object; the field is `record`, or `data` of a CloudEvent.
    """
    return record_document(value, "job")


def record_document(value: bytes | None, what: str) -> dict[str, Any]:
    """The same of any message.

    Args:
        what: the message, as error messages call it, such as `job`.
    """
    document = _json_object("record", value, what)
    # Known by its content: not every producer's client keeps the header content-type.
    if "specversion" not in document or "job_id" in document:
        return document
    if document.get("data_base64") is not None:
        try:
            return _json_object("data_base64", base64.b64decode(document["data_base64"], validate=True), what)
        except (binascii.Error, ValueError, TypeError):
            raise InvalidJobError("data_base64", "is not Base64") from None
    if not isinstance(document.get("data"), dict):
        raise InvalidJobError("data", f"must be the {what}, a JSON object, in a CloudEvent")
    data: dict[str, Any] = document["data"]
    return data


def _json_object(field: str, value: bytes | None, what: str) -> dict[str, Any]:
    if not value:
        raise InvalidJobError(field, f"is empty; a {what} is a JSON object")
    if value[0] == 0 and len(value) > _CONFLUENT_BYTES:
        schema_id = int.from_bytes(value[1:_CONFLUENT_BYTES], "big")
        raise InvalidJobError(
            field,
            f"begins as a schema registry's serializer writes it (Confluent's wire format, schema id {schema_id}); "
            f"a {what} is plain JSON: send it with a string or byte serializer",
        )
    other = next((name for beginning, name in _FORMATS.items() if value.startswith(beginning)), None)
    if other is not None:
        raise InvalidJobError(field, f"is not UTF-8 with JSON: it begins as {other} does")
    try:
        document = json.loads(value.removeprefix(codecs.BOM_UTF8).decode("utf-8"), parse_int=_integer)
    except UnicodeDecodeError as error:
        raise InvalidJobError(field, f"is not UTF-8: byte {error.start} can't be decoded") from None
    except RecursionError:
        raise InvalidJobError(field, f"is nested too deeply to be a {what}") from None
    except ValueError as error:
        raise InvalidJobError(field, f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidJobError(field, f"is a JSON {type(document).__name__}; a {what} is a JSON object")
    return document


def _integer(digits: str) -> float:
    """A number of JSON without a fraction; one that no field allows is infinite, and so an error of its field.

    Python's own limit, 4,300 digits, would be an error of the whole record. NaN and Infinity, which are no JSON but are
    written by some libraries, are left to the field likewise.
    """
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def field_problems(
    error: ValidationError, model: type[BaseModel], whole: str, parts: Mapping[str, type[BaseModel]]
) -> Iterator[FieldProblem]:
    """Each problem with its field, and a message that includes the value if it is short.

    Args:
        model: of the message.
        whole: the message, as error messages call it, such as `a job`.
        parts: the models of its fields that have fields of their own.
    """
    for number, problem in enumerate(error.errors(include_url=False, include_context=False)):
        if problem["type"] == "extra_forbidden":
            path = problem["loc"]
            part = parts.get(str(path[0])) if len(path) > 1 else None
            at, known = (whole, model) if part is None else (str(path[0]), part)
            message = _unknown_field(str(path[-1]), at, known, with_nearest=number < _MOST_NEAREST)
            yield FieldProblem(_field_name(path), message)
        else:
            yield _problem(problem)


def _field_name(path: tuple[int | str, ...]) -> str:
    dotted = ".".join(str(part) for part in path) or "record"
    return dotted.encode("ascii", "backslashreplace").decode()[:100]


def _problem(problem: Any) -> FieldProblem:
    field = _field_name(problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if field == "record" and "text and ssml" in message:
        field = "text"
    shown = ascii(problem["input"])
    if problem["type"] != "missing" and field not in {"text", "ssml", "record"} and len(shown) < 100:  # noqa: PLR2004
        message = f"{shown}: {message}"
    return FieldProblem(field, message)


def _unknown_field(name: str, whole: str, model: type[BaseModel], *, with_nearest: bool) -> str:
    known = list(model.model_fields)
    near = get_close_matches(name[:_NAMED_SIZE].lower(), known, n=1) if with_nearest else []
    nearest = f"; the nearest is {near[0]}" if near else ""
    return f"{name[:_NAMED_SIZE]!a} is not a field of {whole}{nearest}; the fields are {', '.join(known)}"
