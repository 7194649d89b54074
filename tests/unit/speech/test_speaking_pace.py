"""How long a line should last: a bound while the voice's pace is unknown, its own pace once it is learnt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.makers import CHIRP, WAVENET, rendered_job
from worker.speech.catalogue import Voice
from worker.speech.speaking_pace import NO_EXTRA, Bounds, ExtraUnits, LineLength, SpeakingPace

PUCK = Voice(name="en-US-Chirp3-HD-Puck", locale="en-US", voice_model=CHIRP)
HANNI = Voice(name="th-TH-Chirp3-HD-Puck", locale="th-TH", voice_model=CHIRP)
TEXT = "Take the old road north until you see the tower, then wait for my signal."
SPOKEN_S = 4.9
"""What this text takes at 15 characters a second."""


def line(text: str | None = TEXT, voice_model: Any = CHIRP, **changes: Any) -> LineLength:
    made = rendered_job(voice_model, text=text, **changes)
    return LineLength(made.spoken_units, made.extra_units, made.pause_seconds, made.speaking_rate)


def bounds(text: str | None = TEXT, pace: SpeakingPace | None = None, voice: Voice = PUCK, **changes: Any) -> Bounds:
    return (pace or SpeakingPace()).bounds(voice, line(text, **changes))


def plausible(seconds: float, *args: Any, **changes: Any) -> bool:
    found = bounds(*args, **changes)
    return found.least_s <= seconds <= found.most_s


@pytest.mark.parametrize("factor", [0.75, 1.0, 1.3, 1.6])
def test_a_voice_that_nobody_has_heard_yet_may_be_faster_or_slower_than_others(factor: float) -> None:
    assert plausible(SPOKEN_S * factor)


@pytest.mark.parametrize("factor", [0.13, 0.3, 0.4, 4.0])
def test_forty_and_four_hundred_per_cent_are_implausible_from_the_first_line_on(factor: float) -> None:
    assert not plausible(SPOKEN_S * factor)


@pytest.mark.parametrize("own", [0.75, 1.3])
def test_a_learnt_pace_tightens_the_bounds_around_it(own: float) -> None:
    pace = SpeakingPace()
    for _ in range(20):
        pace.observe(PUCK, line(), SPOKEN_S * own)
    for factor, expected in ((0.45, False), (0.7, True), (1.0, True), (1.7, True), (3.0, False)):
        assert plausible(SPOKEN_S * own * factor, pace=pace) is expected, factor


def test_each_voice_has_its_own_pace() -> None:
    pace = SpeakingPace()
    for _ in range(20):
        pace.observe(PUCK, line(), SPOKEN_S * 1.4)
    kore = Voice(name="en-US-Chirp3-HD-Kore", locale="en-US", voice_model=CHIRP)
    assert bounds(pace=pace, voice=kore) == bounds()
    assert bounds(pace=pace) != bounds()


def test_a_few_takes_teach_no_pace_and_neither_do_lines_that_say_little_about_it() -> None:
    pace = SpeakingPace()
    for _ in range(3):
        pace.observe(PUCK, line(), SPOKEN_S * 1.4)
    for _ in range(50):
        pace.observe(PUCK, line("Hi!"), 1.4)
        pace.observe(PUCK, line("Dial 5550 1234 5678 9012 3456."), 12.0)
    assert bounds(pace=pace) == bounds()


def test_a_voice_that_goes_wrong_slowly_is_no_measure_for_itself() -> None:
    pace = SpeakingPace()
    for _ in range(100):
        pace.observe(PUCK, line(), SPOKEN_S * 0.3)
    assert not plausible(SPOKEN_S * 0.3, pace=pace)
    assert plausible(SPOKEN_S, pace=pace)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0, 5.0])
def test_the_pace_of_other_languages_is_anybodys_guess_until_it_is_learnt(factor: float) -> None:
    assert plausible(SPOKEN_S * factor, voice=HANNI)
    pace = SpeakingPace()
    for _ in range(20):
        pace.observe(HANNI, line(), SPOKEN_S * factor)
    assert plausible(SPOKEN_S * factor, voice=HANNI, pace=pace)


def test_pauses_count_from_below_too() -> None:
    text = f"{TEXT} [pause long] [pause long] [pause long] Go."
    assert not plausible(0.4 * (SPOKEN_S + 3.6), text)
    assert plausible(SPOKEN_S + 3.6, text)
    assert bounds(text).least_s > bounds(f"{TEXT} Go.").least_s + 1.5


def test_numbers_take_longer_than_their_digits_say() -> None:
    number = "Call 5550123456 or 5550987654 now."
    assert plausible(10.0, number)
    assert plausible(3.0, number)
    assert not plausible(1.0, number)
    assert plausible(1.0, "1000000")


def test_the_speaking_rate_counts() -> None:
    assert plausible(SPOKEN_S / 2, speaking_rate=2.0)
    assert not plausible(SPOKEN_S * 2.5, speaking_rate=2.0)
    assert plausible(SPOKEN_S * 4, speaking_rate=0.25)
    assert not plausible(SPOKEN_S, speaking_rate=0.25)


@pytest.mark.parametrize(("rate", "seconds"), [("x-slow", 10.5), ("200%", 2.6), ("+50%", 3.2)])
def test_rates_inside_ssml_count_for_what_may_be_spoken_so(rate: str, seconds: float) -> None:
    ssml = f'<speak>Now. <prosody rate="{rate}">{TEXT}</prosody> Go.</speak>'
    found = bounds(None, ssml=ssml, voice_model=WAVENET)
    assert found.least_s < seconds < found.most_s


def test_what_is_spelled_out_takes_the_names_of_its_letters() -> None:
    ssml = '<speak>The code is <say-as interpret-as="characters">XKCDWQZ</say-as></speak>'
    found = bounds(None, ssml=ssml, voice_model=WAVENET)
    assert found.most_s > 6.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("Ok", 0.4), ("Ok", 1.5), ("Seven!", 0.75), ("7", 0.6), ("Hm.", 1.2), ("Eeee!", 0.36)]
)
def test_short_lines_have_room(text: str, seconds: float) -> None:
    assert plausible(seconds, text)


def test_an_interjection_has_room() -> None:
    assert SpeakingPace().bounds(PUCK, LineLength(3, NO_EXTRA, 0.0, 1.0)).least_s < 0.17


@given(st.integers(0, 50_000), st.integers(0, 1000), st.floats(0, 600), st.floats(0.25, 2.0))
def test_the_bounds_hold_what_is_likely(units: int, extra: int, pause_seconds: float, rate: float) -> None:
    length = LineLength(units, ExtraUnits(extra // 4, extra, 2 * extra), pause_seconds, rate)
    found = SpeakingPace().bounds(PUCK, length)
    likely_s = length.speech_s(extra) + pause_seconds / rate
    assert 0 < found.least_heard_s <= found.least_s < likely_s < found.most_s
