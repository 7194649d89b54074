"""Parses and validates a job record: returns the job, or raises with every field that is wrong. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.job import JOB_ID_PATTERN, MAX_TEXT_BYTES, Job

_JOB_ID: Final = re.compile(JOB_ID_PATTERN)


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
    """Parses a job from a record's value, JSON in UTF-8.

    Args:
        max_text_bytes: the longest `text` allowed, in bytes of UTF-8.

    Raises:
        InvalidJobError: it is no valid job; `field` is the field that is wrong, or `record` if it isn't a JSON object.
    """
    return validate_job(_parse_json(value), max_text_bytes=max_text_bytes)


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
        problems = tuple(_problems(error))
        raise InvalidJobError(*problems[0], usable_id, reply_topic=named_topic, problems=problems) from None


def _parse_json(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise InvalidJobError("record", "is empty; a job is a JSON object")
    try:
        document = json.loads(value.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InvalidJobError("record", f"is not UTF-8: byte {error.start} can't be decoded") from None
    except RecursionError:
        raise InvalidJobError("record", "is nested too deeply to be a job") from None
    except ValueError as error:
        raise InvalidJobError("record", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidJobError("record", f"is a JSON {type(document).__name__}; a job is a JSON object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _problems(error: ValidationError) -> Iterator[FieldProblem]:
    """Each problem with its field, and a message that includes the value if it is short."""
    for problem in error.errors(include_url=False, include_context=False):
        yield _problem(problem)


def _problem(problem: Any) -> FieldProblem:
    dotted = ".".join(str(part) for part in problem["loc"]) or "record"
    field = dotted.encode("ascii", "backslashreplace").decode()[:100]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = f"is not a field of a job; the fields are {', '.join(Job.model_fields)}"
    if field == "record" and "text and ssml" in message:
        field = "text"
    shown = ascii(problem["input"])
    if problem["type"] != "missing" and field not in {"text", "ssml", "record"} and len(shown) < 100:  # noqa: PLR2004
        message = f"{shown}: {message}"
    return FieldProblem(field, message)
