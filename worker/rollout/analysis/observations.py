"""Decodes the attempts that workers publish in completions and retry records into observations. Pure.

Where an attempt's way into a gate begins: observations → attempt counts → measurements → stage evaluation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from schemas.enums import AttemptResult, DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from schemas.errors import ChirpWorkerError
from schemas.headers import CE_WORKER, RETRY_ATTEMPTS, Headers, header_text
from schemas.languages import written_as_usual
from schemas.parsing import InvalidJobError, job_document
from schemas.times import check_known

# Fields are picked and checked by hand. Validating whole completions by their model takes a controller longer than all
# its other work, and after a restart it reads weeks of them.
_LANES: Final = {each.value: each for each in Lane}
_MODELS: Final = {each.value: each for each in VoiceModel}
_REASONS: Final = {each.value: each for each in DecisionReason}
_FAILURES: Final = {each.value: each for each in FailureClass}
_RESULTS: Final = {each.value: each for each in AttemptResult}
_LONGEST_S: Final = 86_400.0
_LARGEST: Final = 10**12
_DECODE_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError, InvalidJobError)


class UnreadableAttemptsError(ChirpWorkerError):
    """A record's attempts can't be decoded; the message says why."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One attempt as a completion or retry record lists it; or, if `cached`, a stored take that answered a job.

    Attributes:
        id: the attempt's, or the id of the completion's event.
        ended_at: when it ended, with an offset.
        decided: the decision's voice model; None if the record doesn't have it.
        first: whether it is its job's first attempt, over all retries.
        failure: None if it succeeded.
        called: whether Google was called. If quota or circuit breaker prevented the call, its time means nothing.
        seconds: its duration; 0 for a stored take.
        billed: the characters that Google bills.
        worker: who published the completion, if this is the attempt or take of its last try; else empty.
        job_id: of the job whose audio this attempt or take is; empty if its audio was no job's outcome.
        audio: the key of that audio; empty if the completion doesn't have it.
    """

    id: str
    ended_at: datetime
    lane: Lane
    character: str
    language: str
    text_characters: int
    voice_model: VoiceModel
    decided: VoiceModel | None
    reason: DecisionReason | None
    revision: int
    first: bool
    cached: bool = False
    failure: FailureClass | None = None
    falls_back: bool = False
    called: bool = True
    seconds: float = 0.0
    billed: int = 0
    worker: str = ""
    job_id: str = ""
    audio: str = ""


def decode_completion(value: bytes | None, headers: Headers) -> list[Observation]:
    """Decode the attempts of a completion, and the stored take that answered the job, if one did.

    Raises:
        UnreadableAttemptsError: the record is no completion.
    """
    try:
        completion = json.loads(value or b"")
        if not (attempts := completion.get("attempts", ())) and not completion.get("audio"):
            # The completion of a job that couldn't be parsed has no character, and nothing was attempted.
            return []
        job = _Job(
            _LANES[completion["lane"]],
            _text(completion["character"]),
            _text(completion["language"]),
            _natural(completion["text_characters"]),
        )
        observations = job.attempts(attempts)
        if (audio := completion.get("audio")) and audio["cached"]:
            observations.append(job.stored_take(completion, headers, first=not observations))
        worker = header_text(headers, CE_WORKER)
        # Earlier tries may be another worker's: only the completion's own decision is by its publisher.
        if worker and observations and observations[-1].revision == completion["decision"]["revision"]:
            observations[-1] = replace(observations[-1], worker=worker)
        if completion.get("status") == JobStatus.DONE and observations and observations[-1].failure is None:
            key = _text(audio["key"]) if audio else ""
            observations[-1] = replace(observations[-1], job_id=_text(completion["job_id"]), audio=key)
    except _DECODE_ERRORS as error:
        raise UnreadableAttemptsError(f"{type(error).__name__}: {error}") from None
    return observations


def decode_retry(value: bytes | None, headers: Headers, lane: Lane) -> list[Observation]:
    """Decode the attempts so far of a job on its way to a retry.

    Raises:
        UnreadableAttemptsError: the record is no retry record.
    """
    try:
        record = job_document(value)
        text = record.get("text")
        length = len(_text(text if text is not None else record.get("ssml") or ""))
        job = _Job(lane, _text(record["character"]), written_as_usual(_text(record.get("language") or "en-US")), length)
        return job.attempts(json.loads(header_text(headers, RETRY_ATTEMPTS) or "[]"))
    except _DECODE_ERRORS as error:
        raise UnreadableAttemptsError(f"{type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class _Job:
    """The fields that all attempts of a job share."""

    lane: Lane
    character: str
    language: str
    text_characters: int

    def attempts(self, listed: Any) -> list[Observation]:
        return [self._attempt(each, first=number == 0) for number, each in enumerate(listed)]

    def stored_take(self, completion: Mapping[str, Any], headers: Headers, *, first: bool) -> Observation:
        """A stored take that replaces a failed attempt is not the job's first answer."""
        decision = completion["decision"]
        return Observation(
            id=header_text(headers, "ce_id") or _text(completion["job_id"]),
            ended_at=_time(header_text(headers, "ce_time")),
            lane=self.lane,
            character=self.character,
            language=self.language,
            text_characters=self.text_characters,
            voice_model=_MODELS[completion["voice_model"]],
            decided=_MODELS[decision["voice_model"]],
            reason=_REASONS[decision["reason"]],
            revision=_natural(decision["revision"]),
            first=first,
            cached=True,
        )

    def _attempt(self, attempt: Mapping[str, Any], *, first: bool) -> Observation:
        failed = _RESULTS[attempt["result"]] is AttemptResult.ERROR
        decided, reason = attempt.get("decided"), attempt.get("reason")
        return Observation(
            id=_text(attempt["id"]),
            ended_at=_time(attempt["ended_at"]),
            lane=self.lane,
            character=self.character,
            language=self.language,
            text_characters=self.text_characters,
            voice_model=_MODELS[attempt["voice_model"]],
            # Earlier versions of the worker didn't publish the decision.
            decided=None if decided is None else _MODELS[decided],
            reason=None if reason is None else _REASONS[reason],
            revision=_revision(attempt),
            first=first,
            failure=_FAILURES[attempt.get("failure_class") or FailureClass.TRANSIENT] if failed else None,
            falls_back=attempt.get("falls_back") is True,
            called=attempt.get("calls") != 0,
            seconds=_seconds(attempt["seconds"]),
            billed=_natural(attempt["billed_characters"]),
        )


def _revision(attempt: Mapping[str, Any]) -> int:
    """Return the revision that an attempt counts for: in which it was decided, or an open circuit failed before that.

    A circuit that opened in the stage before refuses attempts in the next one, also after Chirp has healed.
    """
    revision, of_circuit = _natural(attempt.get("revision") or 0), attempt.get("circuit_revision")
    return revision if of_circuit is None else min(revision, _natural(of_circuit))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is no text")
    return value


def _natural(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{value!r:.80} is no whole number from 0 to {_LARGEST}")
    return value


def _seconds(value: object) -> float:
    # NaN fails both comparisons.
    if not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_S:
        raise ValueError(f"{value!r:.80} is no duration in seconds")
    return float(value)


def _time(value: str | None) -> datetime:
    time = datetime.fromisoformat(value or "")
    if time.tzinfo is None:
        raise ValueError(f"{value!r:.80} has no offset")
    return check_known(time)
