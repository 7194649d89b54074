"""What each voice sounds like in espeak-ng: language, variant, pace and pitch. Pure."""

from dataclasses import dataclass

from loadtest.emulator.settings import VoiceModel
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
class Timbre:
    """A voice's own sound."""

    language: str
    variant: str
    pitch_range: int
    """espeak-ng's parameter, 0 to 100: how much the melody varies."""
    pitch_st: float
    """Semitones above the variant's own pitch."""
    words_per_minute: int


def espeak_language(locale: str) -> str:
    """Returns espeak-ng's name for the language of a locale."""
    return _LANGUAGES.get(locale, locale.partition("-")[0])


def timbre_of(voice: Voice) -> Timbre:
    """Returns a voice's own sound; no two voices of a locale have the same."""
    index = voice_index(voice)
    variants = _VARIANTS[voice.model, voice.gender]
    language = espeak_language(voice.locale)
    return Timbre(
        language=language,
        variant=variants[index % len(variants)],
        pitch_range=(55 if voice.model == "chirp3-hd" else 40) + index * 5 % 30,
        # Voices that share a variant are 4 semitones apart, neighbouring voices 0.5 to 1.5.
        pitch_st=4.0 * (index // len(variants)) + (index * 3 % 4 - 1.5) * 0.5,
        words_per_minute=_WORDS_PER_MINUTE.get(language.partition("-")[0], _OTHER_WORDS_PER_MINUTE),
    )


def voice_index(voice: Voice) -> int:
    """Returns a voice's position: of a WaveNet voice its letter's, of a Chirp voice its name's in its gender."""
    if voice.model == "wavenet":
        return _LETTERS.index(voice.persona)
    return CHIRP_NAMES[voice.gender].index(voice.persona)
