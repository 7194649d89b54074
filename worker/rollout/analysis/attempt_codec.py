"""What completions and retry records tell of attempts. Pure; a record that can't be read tells nothing."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from schemas.errors import ChirpWorkerError
from schemas.headers import RETRY_ATTEMPTS, Headers, header_text
from schemas.words import AttemptResult, DecisionReason, FailureClass, Lane, VoiceModel
from worker.rollout.analysis.tally import Observation

# Fields are picked and looked at by hand: to validate whole completions takes a controller longer than all the rest,
# and after a restart it reads weeks of them.
_LANES: Final = {each.value: each for each in Lane}
_MODELS: Final = {each.value: each for each in VoiceModel}
_REASONS: Final = {each.value: each for each in DecisionReason}
_FAILURES: Final = {each.value: each for each in FailureClass}
_RESULTS: Final = {each.value: each for each in AttemptResult}
_LONGEST_S: Final = 86_400.0
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class UnreadableAttemptsError(ChirpWorkerError):
    """A record tells nothing of attempts; the message says why."""


def of_completion(value: bytes | None, headers: Headers) -> list[Observation]:
    """The attempts of a completion, and the stored take that answered, if one did.

    Raises:
        UnreadableAttemptsError: it is no completion.
    """
    try:
        told = json.loads(value or b"")
        if not (attempts := told.get("attempts", ())) and not told.get("audio"):
            # A job that nobody could read has no character, and nothing was asked for it.
            return []
        of = _Of(
            _LANES[told["lane"]], _text(told["character"]), _text(told["language"]), _whole(told["text_characters"])
        )
        observations = of.attempts(attempts)
        if (audio := told.get("audio")) and audio["cached"]:
            observations.append(of.stored(told, headers, first=not observations))
    except _UNREADABLE as error:
        raise UnreadableAttemptsError(f"{type(error).__name__}: {error}") from None
    return observations


def of_retry(value: bytes | None, headers: Headers, lane: Lane) -> list[Observation]:
    """The attempts so far of a job on its way to a retry.

    Raises:
        UnreadableAttemptsError: it is no retry record.
    """
    try:
        job = json.loads(value or b"")
        text = job.get("text")
        length = len(_text(text if text is not None else job.get("ssml") or ""))
        of = _Of(lane, _text(job["character"]), _text(job.get("language", "en-US")), length)
        return of.attempts(json.loads(header_text(headers, RETRY_ATTEMPTS) or "[]"))
    except _UNREADABLE as error:
        raise UnreadableAttemptsError(f"{type(error).__name__}: {error}") from None


class _Of:
    """A job, as all its attempts have it in common."""

    def __init__(self, lane: Lane, character: str, language: str, text_characters: int) -> None:
        self.lane = lane
        self.character = character
        self.language = language
        self.text_characters = text_characters

    def attempts(self, listed: Any) -> list[Observation]:
        return [self._attempt(each, first=number == 0) for number, each in enumerate(listed)]

    def stored(self, told: Mapping[str, Any], headers: Headers, *, first: bool) -> Observation:
        """A stored take; one that stands in for a failed attempt is no first answer."""
        decision = told["decision"]
        return Observation(
            id=header_text(headers, "ce_id") or _text(told["job_id"]),
            ended_at=_time(header_text(headers, "ce_time")),
            lane=self.lane,
            character=self.character,
            language=self.language,
            text_characters=self.text_characters,
            voice_model=_MODELS[told["voice_model"]],
            decided=_MODELS[decision["voice_model"]],
            reason=_REASONS[decision["reason"]],
            revision=_whole(decision["revision"]),
            first=first,
            cached=True,
        )

    def _attempt(self, told: Mapping[str, Any], *, first: bool) -> Observation:
        failed = _RESULTS[told["result"]] is AttemptResult.ERROR
        decided, reason = told.get("decided"), told.get("reason")
        return Observation(
            id=_text(told["id"]),
            ended_at=_time(told["ended_at"]),
            lane=self.lane,
            character=self.character,
            language=self.language,
            text_characters=self.text_characters,
            voice_model=_MODELS[told["voice_model"]],
            # Workers of before didn't tell the decision.
            decided=None if decided is None else _MODELS[decided],
            reason=None if reason is None else _REASONS[reason],
            revision=_whole(told.get("revision") or 0),
            first=first,
            failure=_FAILURES[told.get("failure_class") or FailureClass.TRANSIENT] if failed else None,
            falls_back=told.get("falls_back") is True,
            called=told.get("calls") != 0,
            seconds=_seconds(told["seconds"]),
            billed=_whole(told["billed_characters"]),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is no text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r:.80} is no number from 0 up")
    return value


def _seconds(value: object) -> float:
    # Not a number is not between anything.
    if not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_S:
        raise ValueError(f"{value!r:.80} is no time in seconds")
    return float(value)


def _time(value: str | None) -> datetime:
    time = datetime.fromisoformat(value or "")
    if time.tzinfo is None:
        raise ValueError(f"{value!r:.80} has no offset")
    return time
