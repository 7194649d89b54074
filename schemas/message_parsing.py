"""Parses feedback, pairs, votes, verdicts and cancellations: the message, or an error with each wrong field. Pure."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.batch_run import BatchRun
from schemas.cancellation import Cancellation
from schemas.errors import UsageError
from schemas.feedback import Feedback
from schemas.pair import Pair, PairedTake
from schemas.parsing import FieldProblem, InvalidJobError, field_problems, record_document
from schemas.verdict import Verdict
from schemas.vote import Fault, Vote, VotedTake

_FEEDBACK: Final = "feedback message"
_VOTE_PARTS: Final[Mapping[str, type[BaseModel]]] = {"first": VotedTake, "second": VotedTake, "fault": Fault}
_PAIR_PARTS: Final[Mapping[str, type[BaseModel]]] = {"first": PairedTake, "second": PairedTake}
AnyMessage = TypeVar("AnyMessage", bound=BaseModel)


class InvalidMessageError(UsageError):
    """A record that is no valid message; `problems` has everything that is wrong, `field` and `message` the first."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        self.field, self.message = problems[0]
        super().__init__(f"{self.field}: {self.message}")
        self.problems = problems


def parse_feedback(value: bytes | None) -> Feedback:
    """Parses feedback from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid feedback.
    """
    return _parse(value, Feedback, _FEEDBACK, {})


def feedback_document(value: bytes | None) -> dict[str, Any]:
    """The JSON object of feedback in a record's value, not yet validated.

    Raises:
        InvalidMessageError: there is no JSON object.
    """
    return _document(value, _FEEDBACK)


def validate_feedback(document: dict[str, Any]) -> Feedback:
    """Validates a parsed JSON object as feedback.

    Raises:
        InvalidMessageError: it is no valid feedback.
    """
    return _validate(document, Feedback, _FEEDBACK, {})


def parse_vote(value: bytes | None) -> Vote:
    """Parses a vote from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid vote.
    """
    return _parse(value, Vote, "vote", _VOTE_PARTS)


def parse_verdict(value: bytes | None) -> Verdict:
    """Parses a verdict from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid verdict.
    """
    return _parse(value, Verdict, "verdict", {})


def parse_batch_run(value: bytes | None) -> BatchRun:
    """Parses a run's report from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid report.
    """
    return _parse(value, BatchRun, "batch run", {})


def parse_cancellation(value: bytes | None) -> Cancellation:
    """Parses a cancellation from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid cancellation.
    """
    return _parse(value, Cancellation, "cancellation", {})


def parse_pair(value: bytes | None) -> Pair:
    """Parses a pair from a record's value: JSON in UTF-8, perhaps in a structured CloudEvent.

    Raises:
        InvalidMessageError: it is no valid pair.
    """
    return _parse(value, Pair, "pair", _PAIR_PARTS)


def _parse(value: bytes | None, model: type[AnyMessage], what: str, parts: Mapping[str, type[BaseModel]]) -> AnyMessage:
    return _validate(_document(value, what), model, what, parts)


def _document(value: bytes | None, what: str) -> dict[str, Any]:
    try:
        return record_document(value, what)
    except InvalidJobError as error:
        raise InvalidMessageError((FieldProblem(error.field, error.message),)) from None


def _validate(
    document: dict[str, Any], model: type[AnyMessage], what: str, parts: Mapping[str, type[BaseModel]]
) -> AnyMessage:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidMessageError(tuple(map(_named, field_problems(error, model, f"a {what}", parts)))) from None


def _named(problem: FieldProblem) -> FieldProblem:
    """Name the field that a check of several fields begins its message with."""
    field, separator, message = problem.message.partition(": ")
    is_of_whole = problem.field == "record" and separator
    return FieldProblem(field, message) if is_of_whole else problem
