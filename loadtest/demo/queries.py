"""Evaluates the plan's four queries over the run, from the worker's counters before and after it."""

from dataclasses import dataclass
from typing import Final

from loadtest.stack.counters import Counters
from schemas.enums import AttemptResult, VoiceModel

_ATTEMPTS: Final = "tts_synthesis_total"
_FALLBACKS: Final = "tts_chirp3_fallback_total"
_SECONDS: Final = "tts_synthesis_duration_seconds"


@dataclass(frozen=True)
class Reading:
    """One of the plan's queries: its name in the plan, what it means, and what it gave."""

    name: str
    meaning: str
    value: str


def plan_readings(run: Counters) -> list[Reading]:
    """The plan's four queries, with the run in place of its five minutes."""
    attempts = run.total(_ATTEMPTS)
    chirp_attempts = run.total(_ATTEMPTS, voice_model=VoiceModel.CHIRP3_HD)
    succeeded = run.total(_ATTEMPTS, status=AttemptResult.SUCCESS)
    fallbacks = run.total(_FALLBACKS)
    return [
        Reading(
            "success rate",
            "successful / all attempts",
            f"{_percent(succeeded, attempts)}  ({succeeded:.0f} of {attempts:.0f})",
        ),
        Reading(
            "mean synthesis time",
            "seconds / attempts",
            _by_model({model: _mean_seconds(run, model) for model in VoiceModel}),
        ),
        Reading(
            "fallback rate",
            "fallbacks / Chirp attempts",
            f"{_percent(fallbacks, chirp_attempts)}  ({fallbacks:.0f} of {chirp_attempts:.0f})",
        ),
        Reading(
            "attempts by voice model",
            "a failed one and its fallback are two",
            _by_model({model: f"{run.total(_ATTEMPTS, voice_model=model):.0f}" for model in VoiceModel}),
        ),
    ]


@dataclass(frozen=True)
class Totals:
    """What the run came to. `audio_s` is what was made, in seconds; cached takes were not."""

    fallbacks: int
    attempts: int
    google_calls: int
    billed_characters: int
    audio_s: float


def totals_of(run: Counters) -> Totals:
    """The run's totals as the worker counted them."""
    return Totals(
        fallbacks=round(run.total(_FALLBACKS)),
        attempts=round(run.total(_ATTEMPTS)),
        google_calls=round(run.total("tts_google_calls_total")),
        billed_characters=round(run.total("tts_billed_characters_total")),
        audio_s=run.total("tts_audio_seconds_total"),
    )


def _mean_seconds(run: Counters, voice_model: VoiceModel) -> str:
    count = run.total(f"{_SECONDS}_count", voice_model=voice_model)
    return f"{run.total(f'{_SECONDS}_sum', voice_model=voice_model) / count:.2f} s" if count else "none"


def _by_model(values: dict[VoiceModel, str]) -> str:
    return ", ".join(f"{model} {value}" for model, value in values.items())


def _percent(part: float, whole: float) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "none"
