"""What the fleet's page shows of quota and circuits: what the latest completions say of them. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.completion import Attempt, Completion
from schemas.enums import AttemptResult, FailureClass, VoiceModel


@dataclass(frozen=True)
class ModelAttempts:
    """The attempts of one voice model in some completions.

    Attributes:
        failures: by failure class, the most first.
        last_success: None without one.
    """

    voice_model: VoiceModel
    attempts: int
    failures: Sequence[tuple[FailureClass, int]]
    last_success: datetime | None
    last_failure: datetime | None


def attempts_by_model(completions: Iterable[Completion]) -> list[ModelAttempts]:
    """The attempts, each counted once by its id."""
    attempts = {attempt.id: attempt for completion in completions for attempt in completion.attempts}
    return [_counted(model, [each for each in attempts.values() if each.voice_model is model]) for model in VoiceModel]


def _counted(model: VoiceModel, attempts: Sequence[Attempt]) -> ModelAttempts:
    failed = Counter(each.failure_class for each in attempts if each.failure_class is not None)
    ends = {
        result: max((each.ended_at for each in attempts if each.result is result), default=None)
        for result in AttemptResult
    }
    return ModelAttempts(
        model, len(attempts), failed.most_common(), ends[AttemptResult.SUCCESS], ends[AttemptResult.ERROR]
    )
