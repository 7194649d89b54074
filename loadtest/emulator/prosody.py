"""How a request sounds: the timbre of its voice, and the rate and pitch of each sentence. Pure."""

from dataclasses import dataclass
from random import Random

from loadtest.emulator.markup import Pause, sentences
from loadtest.emulator.settings import VoiceModel
from loadtest.emulator.validation import ValidRequest
from loadtest.emulator.voices import CHIRP_NAMES, Gender, Voice

# Two disjoint sets of espeak-ng's variants, so that the voice models sound different.
_CHIRP_MALES = "Andy Gene Gene2 Michael john edward travis norbert pablo robert adam Reed paul max miguel Mario"
_VARIANTS: dict[tuple[VoiceModel, Gender], tuple[str, ...]] = {
    ("chirp3-hd", "female"): ("Alicia", "Annie", "aunty", "belinda", "linda", "shelby", "steph"),
    ("chirp3-hd", "male"): tuple(_CHIRP_MALES.split()),
    ("wavenet", "female"): ("f1", "f2", "f3", "f4", "f5"),
    ("wavenet", "male"): ("m1", "m2", "m3", "m5", "m6", "m7"),
}
_LETTERS = "ABCDEFGHIJ"
_LANGUAGES = {"en-US": "en-us", "pt-BR": "pt-br", "es-US": "es-419"}
# At these rates espeak-ng is about as fast as Google: 15 characters/s in English, 4.5 in Mandarin.
_WORDS_PER_MINUTE = {"en": 145, "cmn": 185}
_OTHER_WORDS_PER_MINUTE = 165


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence for espeak-ng to speak."""

    text: str
    words_per_minute: float
    pitch_st: float
    """Semitones above the variant's own pitch."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Everything that determines the samples, except gain, sample rate and encoding."""

    language: str
    variant: str
    pitch_range: int
    """espeak-ng's parameter, 0 to 100: how much the melody varies."""
    parts: tuple[Utterance | Pause, ...]


def espeak_language(locale: str) -> str:
    """Returns espeak-ng's name for the language of a locale."""
    return _LANGUAGES.get(locale, locale.partition("-")[0])


def prosody_for(request: ValidRequest, random: Random) -> Prosody:
    """Returns the prosody of a request. `random` varies chirp3-hd, which is generative, and not wavenet."""
    voice = request.voice
    index = _index(voice)
    variants = _VARIANTS[voice.model, voice.gender]
    round_ = index // len(variants)
    # Voices that share a variant are 4 semitones apart, neighbouring voices 0.5 to 1.5.
    own_pitch_st = 4.0 * round_ + (index * 3 % 4 - 1.5) * 0.5
    chirp = voice.model == "chirp3-hd"
    language = espeak_language(voice.locale)
    words_per_minute = _WORDS_PER_MINUTE.get(language.partition("-")[0], _OTHER_WORDS_PER_MINUTE)
    parts = tuple(_parts(request, words_per_minute, own_pitch_st, random if chirp else None))
    return Prosody(language, variants[index % len(variants)], (55 if chirp else 40) + index * 5 % 30, parts)


def _index(voice: Voice) -> int:
    if voice.model == "wavenet":
        return _LETTERS.index(voice.persona)
    return CHIRP_NAMES[voice.gender].index(voice.persona)


def _parts(
    request: ValidRequest, words_per_minute: float, own_pitch_st: float, random: Random | None
) -> list[Utterance | Pause]:
    parts: list[Utterance | Pause] = []
    for part in request.parsed:
        if isinstance(part, Pause):
            parts.append(part)
            continue
        for sentence in sentences(part.text):
            rate, pitch_st = part.rate * request.rate, part.pitch_st + request.pitch_st + own_pitch_st
            if random is not None:
                rate *= random.uniform(0.96, 1.04)
                pitch_st += random.uniform(-0.6, 0.6)
            parts.append(Utterance(sentence, rate * words_per_minute, pitch_st))
    return parts
