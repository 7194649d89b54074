"""espeak-ng as the emulator uses it, without a server."""

from random import Random

import numpy as np
import pytest

from loadtest.emulator.engines.espeak import speak
from loadtest.emulator.engines.interface import SpeechError
from loadtest.emulator.markup import SpokenText
from loadtest.emulator.prosody import Prosody, Utterance, prosody_for
from loadtest.emulator.validation import ValidRequest
from loadtest.emulator.voices import VOICES, Voice

FIRST_OF_ITS_LOCALE = {voice.locale: voice for voice in reversed(VOICES.values())}


@pytest.mark.parametrize("locale", sorted(FIRST_OF_ITS_LOCALE))
def test_every_locale_can_be_spoken(locale: str) -> None:
    request = ValidRequest(
        FIRST_OF_ITS_LOCALE[locale], "42.", "text", (SpokenText("42."),), 1.0, 0.0, 0.0, "PCM", 24_000
    )
    samples = speak(prosody_for(request, Random(1)), 24_000, lambda: False)
    assert samples.size > 24_000 * 0.3
    assert float(np.sqrt(np.mean(samples**2))) > 0.03


def test_a_language_that_espeak_does_not_know_is_an_error() -> None:
    prosody = Prosody(Voice("tlh", "tlh", "wavenet", "female", "A"), (Utterance("nuqneH", 1.0, 0.0),))
    with pytest.raises(SpeechError, match="tlh"):
        speak(prosody, 24_000, lambda: False)


def test_speech_ends_early_when_stopped() -> None:
    prosody = Prosody(VOICES["en-US-Wavenet-A"], (Utterance("one two three four five six seven " * 8, 1.0, 0.0),))
    whole = speak(prosody, 24_000, lambda: False)
    cut = speak(prosody, 24_000, lambda: True)
    assert cut.size < whole.size / 10
