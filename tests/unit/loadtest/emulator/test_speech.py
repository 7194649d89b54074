"""The emulator's speech, without a server around it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from loadtest.emulator.delivery import Delivery, Utterance, delivery_of
from loadtest.emulator.rules import Order
from loadtest.emulator.script import Say
from loadtest.emulator.speech import SpeechError, speak
from loadtest.emulator.voices import VOICES

FIRST_OF_ITS_LOCALE = {voice.locale: voice for voice in reversed(VOICES.values())}


@pytest.mark.parametrize("locale", sorted(FIRST_OF_ITS_LOCALE))
def test_every_locale_can_be_spoken(locale: str) -> None:
    order = Order(FIRST_OF_ITS_LOCALE[locale], "42.", "text", (Say("42."),), 1.0, 0.0, 0.0, "PCM", 24_000)
    samples = speak(delivery_of(order, Random(1)), 24_000, lambda: False)
    assert samples.size > 24_000 * 0.3
    assert float(np.sqrt(np.mean(samples**2))) > 0.03


def test_a_language_that_espeak_does_not_know_is_an_error() -> None:
    delivery = Delivery("tlh", "f1", 50, (Utterance("nuqneH", 150, 0.0),))
    with pytest.raises(SpeechError, match="tlh"):
        speak(delivery, 24_000, lambda: False)


def test_speech_is_cut_short_when_it_is_told_to_stop() -> None:
    delivery = Delivery("en-us", "f1", 50, (Utterance("one two three four five six seven " * 8, 150, 0.0),))
    whole = speak(delivery, 24_000, lambda: False)
    cut = speak(delivery, 24_000, lambda: True)
    assert cut.size < whole.size / 10
