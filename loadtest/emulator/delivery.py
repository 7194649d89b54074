"""How an order is to sound: the timbre of its voice, and each sentence's rate and pitch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtest.emulator.script import Pause, Script, sentences
from loadtest.emulator.voices import CHIRP_NAMES

if TYPE_CHECKING:
    from random import Random

    from loadtest.emulator.rules import Order
    from loadtest.emulator.settings import VoiceModel
    from loadtest.emulator.voices import Gender, Voice

# espeak-ng's variants, in two families, so that the voice models sound unlike each other.
_CHIRP_MALES = "Andy Gene Gene2 Michael john edward travis norbert pablo robert adam Reed paul max miguel Mario"
_VARIANTS: dict[tuple[VoiceModel, Gender], tuple[str, ...]] = {
    ("chirp3-hd", "female"): ("Alicia", "Annie", "aunty", "belinda", "linda", "shelby", "steph"),
    ("chirp3-hd", "male"): tuple(_CHIRP_MALES.split()),
    ("wavenet", "female"): ("f1", "f2", "f3", "f4", "f5"),
    ("wavenet", "male"): ("m1", "m2", "m3", "m5", "m6", "m7"),
}
_LETTERS = "ABCDEFGHIJ"
_LANGUAGES = {"en-US": "en-us", "pt-BR": "pt-br", "es-US": "es-419"}
# Words a minute at which espeak-ng speaks about as fast as Google: 15 characters/s English, 4.5 Mandarin.
_WORDS_PER_MINUTE = {"en": 145, "cmn": 185}
_OTHER_WORDS_PER_MINUTE = 165


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence for espeak-ng."""

    text: str
    words_per_minute: float
    pitch_st: float
    """Semitones above the variant's own pitch."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything that decides the samples, before gain, rate of samples and encoding."""

    language: str
    variant: str
    pitch_range: int
    """espeak-ng's 0 to 100: how lively the melody is."""
    parts: tuple[Utterance | Pause, ...]


def espeak_language(locale: str) -> str:
    """espeak-ng's name for the language of a locale."""
    return _LANGUAGES.get(locale, locale.partition("-")[0])


def delivery_of(order: Order, random: Random) -> Delivery:
    """How an order sounds; `random` varies chirp3-hd, which is generative, and leaves wavenet alone."""
    voice = order.voice
    index = _index(voice)
    variants = _VARIANTS[voice.model, voice.gender]
    round_ = index // len(variants)
    # Voices that share a variant are 4 semitones apart, neighbours half of one to one and a half.
    own_pitch_st = 4.0 * round_ + (index * 3 % 4 - 1.5) * 0.5
    chirp = voice.model == "chirp3-hd"
    language = espeak_language(voice.locale)
    words_per_minute = _WORDS_PER_MINUTE.get(language.partition("-")[0], _OTHER_WORDS_PER_MINUTE)
    parts = tuple(_parts(order.script, order, words_per_minute, own_pitch_st, random if chirp else None))
    return Delivery(language, variants[index % len(variants)], (55 if chirp else 40) + index * 5 % 30, parts)


def _index(voice: Voice) -> int:
    if voice.model == "wavenet":
        return _LETTERS.index(voice.persona)
    return CHIRP_NAMES[voice.gender].index(voice.persona)


def _parts(
    script: Script, order: Order, words_per_minute: float, own_pitch_st: float, random: Random | None
) -> list[Utterance | Pause]:
    parts: list[Utterance | Pause] = []
    for part in script:
        if isinstance(part, Pause):
            parts.append(part)
            continue
        for sentence in sentences(part.text):
            rate, pitch_st = part.rate * order.rate, part.pitch_st + order.pitch_st + own_pitch_st
            if random is not None:
                rate *= random.uniform(0.96, 1.04)
                pitch_st += random.uniform(-0.6, 0.6)
            parts.append(Utterance(sentence, rate * words_per_minute, pitch_st))
    return parts
