"""The six panels that the rollout's plan names, with its own queries word for word.

Where a query misleads, a second line in the same panel shows what the rollout's gates look at, and the text says why.
"""

from typing import Final

from monitoring.panel import Limits, Panel, Query
from monitoring.promql import rate, series, total
from worker.observability import metric_catalogue as metrics

SUCCESS_RATE: Final = 'sum(rate(tts_synthesis_total{status="success"}[5m])) / sum(rate(tts_synthesis_total[5m])) * 100'
MEAN_TIME: Final = "rate(tts_synthesis_duration_seconds_sum[5m]) / rate(tts_synthesis_duration_seconds_count[5m])"
FALLBACK_RATE: Final = (
    'sum(rate(tts_chirp3_fallback_total[5m])) / sum(rate(tts_synthesis_total{voice_model="chirp3-hd"}[5m])) * 100'
)
BY_MODEL: Final = "sum(rate(tts_synthesis_total[5m])) by (voice_model)"

_WINDOW: Final = "5m"
_ATTEMPTS_BY_MODEL: Final = total(rate(series(metrics.SYNTHESIS), _WINDOW), "voice_model")
_BY_MODEL_LEGEND: Final = "{{voice_model}} alone"


def _share_by_model(status: str) -> str:
    part = total(rate(series(metrics.SYNTHESIS, status=status), _WINDOW), "voice_model")
    return f"{part} / {_ATTEMPTS_BY_MODEL} * 100"


def _share(part: str, whole: str) -> str:
    return f"{total(rate(part, _WINDOW))} / {total(rate(whole, _WINDOW))} * 100"


_HIT = series(metrics.CACHE_REQUESTS, result="hit")
_LOOK_UPS = series(metrics.CACHE_REQUESTS)

PLAN_PANELS: Final = (
    Panel(
        "Success rate trend",
        "Of all attempts, those that succeeded; the plan's query. It is over both voice models: with the fallback on, "
        "a broken Chirp at 10 % still shows over 90 % here. The rollout's gates look at Chirp alone.",
        (Query(SUCCESS_RATE, "all attempts"), Query(_share_by_model("success"), _BY_MODEL_LEGEND)),
        unit="percent",
        limits=Limits(hold=95, roll_back=90),
        maximum=100,
    ),
    Panel(
        "Mean synthesis time, Chirp against WaveNet",
        "Seconds per call to Google. The plan's query isn't summed: it has a line for each worker, voice model and "
        "character (thin). The thick lines are over all of them.",
        (
            Query(MEAN_TIME, "{{voice_model}} {{character_key}}", thin=True),
            Query(
                f"{total(rate(series(metrics.SYNTHESIS_DURATION, 'sum'), _WINDOW), 'voice_model')}"
                f" / {total(rate(series(metrics.SYNTHESIS_DURATION, 'count'), _WINDOW), 'voice_model')}",
                "{{voice_model}}, all characters",
            ),
        ),
        unit="s",
        limits=Limits(hold=2, roll_back=5),
        minimum=0,
    ),
    Panel(
        "Fallback rate trend",
        "Of Chirp's attempts, those after which WaveNet answered; the plan's query. Without attempts of Chirp there is "
        "no value.",
        (Query(FALLBACK_RATE, "fallbacks"),),
        unit="percent",
        limits=Limits(hold=5, roll_back=20),
        minimum=0,
    ),
    Panel(
        "Use by character",
        "Attempts a second by character, of both voice models.",
        (Query("sum(rate(tts_synthesis_total[5m])) by (character_key)", "{{character_key}}"),),
        unit="reqps",
        stacked=True,
        minimum=0,
    ),
    Panel(
        "Error rate trend",
        "Of all attempts, those that failed; over both voice models, and for each alone, which is what "
        "the gates look at.",
        (
            Query(_share(series(metrics.SYNTHESIS, status="error"), series(metrics.SYNTHESIS)), "all attempts"),
            Query(_share_by_model("error"), _BY_MODEL_LEGEND),
        ),
        unit="percent",
        limits=Limits(hold=5, roll_back=10),
        minimum=0,
    ),
    Panel(
        "Cache hit rate",
        "Of the look-ups of stored takes, those that found one. A new voice model means new takes, so the rate falls "
        "with each step of the percentage; each model's own rate shouldn't.",
        (
            Query(_share(_HIT, _LOOK_UPS), "all look-ups"),
            Query(
                f"{total(rate(_HIT, _WINDOW), 'voice_model')} / {total(rate(_LOOK_UPS, _WINDOW), 'voice_model')} * 100",
                _BY_MODEL_LEGEND,
            ),
        ),
        unit="percent",
        minimum=0,
        maximum=100,
    ),
)
"""In the plan's order."""

USE_BY_MODEL: Final = Panel(
    "Use by voice model",
    "Attempts a second by voice model; the plan's query. A failed attempt of Chirp and its fallback are two.",
    (Query(BY_MODEL, "{{voice_model}}"),),
    unit="reqps",
    minimum=0,
)
"""The plan's fourth query, for which it names no panel."""
