"""Chirp beside WaveNet on the page: figures as texts, curves on one scale, gaps where nothing was measured."""

from __future__ import annotations

from schemas.rollout_status import ArmRates, RolloutStatus
from tests.unit.cli.views.test_status import status
from worker.console.web.rollout.arms import arm_curves, arm_rows


def arm(model: str, attempts: int = 200, errors: int = 4, p95_s: float | None = 1.5) -> ArmRates:
    return ArmRates(
        voice_model=model, window="5m", attempts=attempts, errors=errors, fallbacks=errors, p50_s=0.8, p95_s=p95_s
    )


def round_of(*arms: ArmRates) -> RolloutStatus:
    return status(arms=arms)  # type: ignore[arg-type]


def test_rates_are_percents_and_wavenet_has_no_fallbacks() -> None:
    chirp, wavenet = arm_rows(round_of(arm("chirp3-hd"), arm("wavenet", errors=1)))
    assert (chirp.error_rate, chirp.fallback_rate, chirp.p50, chirp.p95) == ("2.00 %", "2.00 %", "0.8 s", "1.5 s")
    assert (wavenet.error_rate, wavenet.fallback_rate) == ("0.50 %", "")


def test_an_arm_without_attempts_shows_nothing_instead_of_zero() -> None:
    (row,) = arm_rows(round_of(arm("wavenet", attempts=0, errors=0, p95_s=None)))
    assert (row.error_rate, row.p95) == ("", "")


def test_both_arms_share_a_scale_and_a_gap_is_left_out() -> None:
    rounds = [
        round_of(arm("chirp3-hd", errors=0), arm("wavenet", errors=10)),
        round_of(arm("chirp3-hd", attempts=0, errors=0), arm("wavenet", errors=10)),
        round_of(arm("chirp3-hd", errors=20), arm("wavenet", errors=10)),
    ]
    errors, _ = arm_curves(rounds)
    assert (errors.title, errors.window, errors.highest) == ("error_rate", "5m", "11.00 %")
    assert errors.chirp == "0.0,24.0 100.0,2.2"
    assert errors.wavenet == "0.0,13.1 50.0,13.1 100.0,13.1"


def test_without_arms_or_with_one_round_there_is_no_curve() -> None:
    assert arm_curves([]) == []
    assert arm_curves([round_of()]) == []
    assert arm_curves([round_of(arm("chirp3-hd"), arm("wavenet"))]) == []
