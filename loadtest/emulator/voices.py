"""Google's list of voices. Pure."""

from dataclasses import dataclass
from typing import Literal

from loadtest.emulator.settings import VoiceModel

Gender = Literal["female", "male"]

# From Google's page on Chirp 3: HD, in that page's order: a persona's sound depends on its position.
_FEMALE_CHIRPS = """
    Achernar Aoede Autonoe Callirrhoe Despina Erinome Gacrux Kore Laomedeia Leda Pulcherrima Sulafat
    Vindemiatrix Zephyr
"""
_MALE_CHIRPS = """
    Achird Algenib Algieba Alnilam Charon Enceladus Fenrir Iapetus Orus Puck Rasalgethi Sadachbia Sadaltager
    Schedar Umbriel Zubenelgenubi
"""
_CHIRP_LOCALES = """
    ar-XA bn-IN bg-BG hr-HR cs-CZ da-DK nl-BE nl-NL en-AU en-IN en-GB en-US et-EE fi-FI fr-CA fr-FR de-DE
    el-GR gu-IN he-IL hi-IN hu-HU id-ID it-IT ja-JP kn-IN ko-KR lv-LV lt-LT ml-IN cmn-CN mr-IN nb-NO pl-PL
    pt-BR pa-IN ro-RO ru-RU sr-RS sk-SK sl-SI es-ES es-US sw-KE sv-SE ta-IN te-IN th-TH tr-TR uk-UA ur-IN vi-VN
"""
CHIRP_NAMES: dict[Gender, tuple[str, ...]] = {
    "female": tuple(_FEMALE_CHIRPS.split()),
    "male": tuple(_MALE_CHIRPS.split()),
}
CHIRP_LOCALES = tuple(_CHIRP_LOCALES.split())
# Locale → one mark per WaveNet letter, from A: f(emale), m(ale), - where Google has no such voice.
WAVENET_GENDERS = {
    "en-US": "mmfmffffmm",
    "cmn-TW": "fmm",
    "cmn-CN": "fmmf",
    "en-GB": "fmfm-f",
    "en-AU": "fmfm",
    "en-IN": "fmmf",
    "de-DE": "fmfm",
    "es-ES": "-mff",
    "fr-FR": "fmfm",
    "ja-JP": "ffmm",
    "ko-KR": "ffmm",
    "pt-BR": "fmf",
}


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice that a request can name."""

    name: str
    locale: str
    model: VoiceModel
    gender: Gender
    persona: str
    """Identifies it within its voice model and locale: `Kore`, or a WaveNet letter."""


def _all_voices() -> dict[str, Voice]:
    voices = [
        Voice(f"{locale}-Chirp3-HD-{name}", locale, "chirp3-hd", gender, name)
        for locale in CHIRP_LOCALES
        for gender, names in CHIRP_NAMES.items()
        for name in names
    ]
    genders: dict[str, Gender] = {"f": "female", "m": "male"}
    voices += [
        Voice(f"{locale}-Wavenet-{letter}", locale, "wavenet", genders[mark], letter)
        for locale, marks in WAVENET_GENDERS.items()
        for letter, mark in zip("ABCDEFGHIJ", marks, strict=False)
        if mark in genders
    ]
    return {voice.name: voice for voice in voices}


VOICES = _all_voices()


def default_voice(locale: str, gender: Gender | None) -> Voice | None:
    """Returns the voice for a request without a name: the first of the locale, preferably WaveNet."""
    candidates = [
        voice for voice in VOICES.values() if voice.locale.lower() == locale.lower() and gender in (None, voice.gender)
    ]
    return min(candidates, key=lambda voice: voice.model != "wavenet", default=None)


def voice_model_for(name: str) -> VoiceModel | None:
    """Returns the voice model of a name, even if no such voice exists."""
    if "-Chirp3-HD-" in name:
        return "chirp3-hd"
    return "wavenet" if "-Wavenet-" in name else None
