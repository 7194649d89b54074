"""What is left out of an outcome that a topic refuses as too large: more and more of the refused record. Pure."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Literal, Self

from schemas.completion import Completion, Problem

_MESSAGE_CHARACTERS: Final = 100

Part = Literal["letter", "completion", "reply"]
"""A record of an outcome: a retry or a dead letter, the completion, or its copy for the reply topic."""


class Step(IntEnum):
    """How much of one record is published.

    Attributes:
        WHOLE: all of it.
        SHORT: a retry becomes a dead letter, a dead letter is truncated, a completion has no labels and says so.
        LEAST: of a dead letter the reason alone; in place of a completion a dead letter; of a copy nothing.
    """

    WHOLE = 0
    SHORT = 1
    LEAST = 2


@dataclass(frozen=True)
class Cut:
    """How much of each record of an outcome is published."""

    letter: Step = Step.WHOLE
    completion: Step = Step.WHOLE
    reply: Step = Step.WHOLE

    def further(self, part: Part) -> Self | None:
        """The cut that leaves more out of one record; None if nothing is left to leave out of it."""
        step: Step = getattr(self, part)
        return None if step is Step.LEAST else replace(self, **{part: Step(step + 1)})


WHOLE: Final = Cut()


def shorten(completion: Completion) -> Completion:
    """A completion without labels and with the beginnings of its messages; `shortened` names what was longer."""
    attempts = tuple(each.model_copy(update={"message": _beginning(each.message)}) for each in completion.attempts)
    error = completion.error
    if error is not None:
        error = error.model_copy(update={"message": _beginning(error.message)})
    short = completion.model_copy(update={"labels": {}, "attempts": attempts, "error": error})
    fields = [name for name in ("labels", "attempts", "error") if getattr(short, name) != getattr(completion, name)]
    return short.model_copy(update={"shortened": tuple(fields)})


def completion_refused(completion: Completion) -> Problem:
    """The reason of the dead letter that takes a completion's place."""
    audio = f"; its audio is {completion.audio.uri}" if completion.audio is not None else ""
    message = f"the topic takes no completion of this job, however short{audio}"
    return Problem(failure_class="internal", code="COMPLETION_REFUSED", message=message)


def _beginning(message: str | None) -> str | None:
    return message if message is None else message[:_MESSAGE_CHARACTERS]
