"""The randomness of a take."""

from __future__ import annotations

from dataclasses import replace

from loadtest.emulator.markup import SpokenText
from loadtest.emulator.takes import Takes
from loadtest.emulator.validation import ValidRequest
from loadtest.emulator.voices import VOICES

LINE = ValidRequest(
    VOICES["en-US-Chirp3-HD-Puck"], "Go.", "text", (SpokenText("Go."),), 1.0, 0.0, 0.0, "OGG_OPUS", 24_000
)
OTHER = replace(LINE, input="Stop.", parsed=(SpokenText("Stop."),))


def test_a_take_is_the_same_whatever_was_spoken_in_between() -> None:
    alone, among_others = Takes(1), Takes(1)
    first, second = alone.next_of(LINE).random(), alone.next_of(LINE).random()
    assert first != second
    among_others.next_of(OTHER)
    assert among_others.next_of(LINE).random() == first
    among_others.next_of(OTHER)
    assert among_others.next_of(LINE).random() == second


def test_the_format_of_the_audio_makes_no_other_take_and_the_seed_does() -> None:
    assert Takes(1).next_of(replace(LINE, encoding="MP3")).random() == Takes(1).next_of(LINE).random()
    assert Takes(2).next_of(LINE).random() != Takes(1).next_of(LINE).random()
    assert Takes(1).next_of(replace(LINE, rate=1.1)).random() != Takes(1).next_of(LINE).random()
