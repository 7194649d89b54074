"""Which lines stand out from their voice's others: each measure at, below and above its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.batch.report.outliers import SoundFigures, SpokenLine, find_outliers

TEXT = "x" * 30
USUAL = SoundFigures(-20.0, 0.2)


def spoken(number: object, *, seconds: float = 2.0, sound: SoundFigures | None = USUAL, **more: str) -> SpokenLine:
    given = {"character": "ghoul", "voice": "en-US-Wavenet-B", "language": "en-US", "text": TEXT, **more}
    return SpokenLine(line=f"l-{number}", seconds=seconds, sound=sound, **given)


def usual(count: int = 9) -> list[SpokenLine]:
    """Of 14 to 16 characters a second, -20.4 to -19.6 LUFS, and 0.16 to 0.24 s of silence."""
    return [
        spoken(n, seconds=30 / (14 + 2 * n / (count - 1)), sound=SoundFigures(-20.4 + 0.1 * n, 0.16 + 0.01 * n))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        (spoken("x", seconds=30 / 28), "It speaks faster than its voice does: 28.0 characters a second, the median is"),
        (spoken("x", seconds=30 / 7), "It speaks slower than its voice does: 7.0 characters a second, the median is"),
        (spoken("x", sound=SoundFigures(-12.0, 0.2)), "It is louder than its voice is: -12.0 LUFS, the median is"),
        (spoken("x", sound=SoundFigures(-31.5, 0.2)), "It is softer than its voice is: -31.5 LUFS, the median is"),
        (spoken("x", sound=SoundFigures(-20.0, 1.4)), "It is silent for 1.4 s on end, and the median of its voice is"),
    ],
)
def test_a_line_that_stands_out_is_said_why_in_a_sentence(odd: SpokenLine, sentence: str) -> None:
    found = find_outliers([*usual(), odd])
    assert list(found) == ["l-x"]
    (said,) = found["l-x"]
    assert said.startswith(sentence)
    assert said.endswith(".")


@pytest.mark.parametrize(
    "near",
    [
        spoken("x", seconds=30 / 19),
        spoken("x", seconds=30 / 11),
        spoken("x", sound=SoundFigures(-17.5, 0.2)),
        spoken("x", sound=SoundFigures(-22.5, 0.2)),
        spoken("x", sound=SoundFigures(-20.0, 0.65)),
        spoken("x", sound=SoundFigures(-20.0, 0.0)),
        spoken("x", sound=SoundFigures(None, 0.2)),
        spoken("x", sound=None),
        spoken("x", seconds=0.5, text="Oh, no!"),
        spoken("x", seconds=2.0, text=f"<speak>{TEXT}<break time='1s'/><prosody rate='90%'></prosody></speak>"),
        spoken("x", seconds=2.0, text=f"[pause long]{TEXT}[pause]"),
        spoken("x", seconds=0.5, language="cmn-TW"),
        spoken("x", seconds=0.5, character="raider"),
        spoken("x", seconds=0.5, voice="en-US-Wavenet-C"),
    ],
)
def test_what_is_near_or_of_another_voice_doesn_t_stand_out(near: SpokenLine) -> None:
    assert find_outliers([*usual(), near]) == {}


def test_of_few_lines_none_stands_out() -> None:
    odd = spoken("x", seconds=30 / 28)
    assert find_outliers([*usual(6), odd]) == {}
    assert find_outliers([*usual(7), odd]) != {}


def test_of_lines_that_vary_much_a_distance_is_none_that_stands_out_otherwise() -> None:
    wide = [spoken(n, sound=SoundFigures(-30.0 + 2 * n, 0.2)) for n in range(10)]
    assert find_outliers([*wide, spoken("x", sound=SoundFigures(-12.0, 0.2))]) == {}
    assert find_outliers([*usual(), spoken("x", sound=SoundFigures(-12.0, 0.2))]) != {}


def test_a_third_of_wrong_lines_hides_none_of_them() -> None:
    wrong = [spoken(f"x{n}", sound=SoundFigures(-40.0 - n, 0.2)) for n in range(4)]
    assert set(find_outliers([*usual(), *wrong])) == {each.line for each in wrong}


@given(st.permutations([*usual(), spoken("x", seconds=30 / 28), spoken("y", sound=SoundFigures(-5.0, 2.0))]))
def test_the_order_of_lines_changes_nothing(lines: list[SpokenLine]) -> None:
    found = find_outliers(lines)
    assert {line: len(said) for line, said in found.items()} == {"l-x": 1, "l-y": 2}
