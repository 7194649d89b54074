"""Which model speaks each of Google's voices, in which style, and how far its pitch is moved. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from loadtest.emulator.voices import VOICES, Gender, Voice

NeuralEngineName = Literal["piper", "kokoro"]
Language = Literal["en", "cmn"]

HIGHEST_ST: Final = 4.0
"""Semitones: moved further by playing faster or slower, a voice is no person's any more."""
_REQUESTED: Final = 1 / 3
"""How much of the pitch that a request asks for is heard: twelve semitones become four."""

# Kokoro's American and British styles, the best by its makers' grades first.
_WOMEN: Final = """
    af_heart af_bella bf_emma af_nicole af_sarah bf_isabella af_kore af_aoede af_nova af_alloy bf_alice af_sky bf_lily
    af_jessica af_river
"""
_MEN: Final = """
    am_michael am_fenrir am_puck bm_george bm_fable am_onyx am_eric am_echo bm_lewis am_liam bm_daniel am_adam am_santa
"""
_STYLES: Final[dict[tuple[Language, Gender], tuple[str, ...]]] = {
    ("en", "female"): tuple(_WOMEN.split()),
    ("en", "male"): tuple(_MEN.split()),
    ("cmn", "female"): ("zf_xiaoxiao", "zf_xiaoyi", "zf_xiaobei", "zf_xiaoni"),
    ("cmn", "male"): ("zm_yunxi", "zm_yunjian", "zm_yunyang", "zm_yunxia"),
}
# By what Google's page calls each persona (Algenib is gravelly, Leda youthful), for those that the characters have.
_CHOSEN: Final[dict[str, tuple[str, float]]] = {
    "Achird": ("bm_fable", 0.0),
    "Algenib": ("am_onyx", -2.0),
    "Alnilam": ("bm_george", -1.0),
    "Enceladus": ("bm_lewis", -1.5),
    "Fenrir": ("am_fenrir", 0.0),
    "Iapetus": ("am_michael", 0.0),
    "Puck": ("am_puck", 0.0),
    "Rasalgethi": ("am_eric", 0.0),
    "Schedar": ("am_echo", 0.0),
    "Aoede": ("af_heart", 0.0),
    "Callirrhoe": ("bf_emma", 0.0),
    "Despina": ("bf_isabella", 0.0),
    "Kore": ("af_kore", 0.0),
    "Leda": ("af_bella", 0.0),
}
# The styles of the package that brings the weights: with an accent, for want of better ones.
_JAPANESE: Final[dict[Gender, tuple[str, ...]]] = {
    "female": ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro"),
    "male": ("jm_kumo",),
}
_MOVED_ST: Final = (1.5, -1.5, 2.5, -2.5, 0.75, -0.75, 3.5, -3.5, 2.0, -2.0, 3.0, -3.0, 1.1, -1.1, 0.4, -0.4)
# Piper has one voice, a man's: a woman's is higher by what keeps it a voice.
_PIPER_ST: Final[dict[Gender, tuple[float, ...]]] = {
    "male": (0.0, -0.4, 0.4, -0.8, 0.8),
    "female": (1.0, 1.9, 1.8, 1.3, 1.5),
}


@dataclass(frozen=True, slots=True)
class NeuralVoice:
    """What speaks for one of Google's voices."""

    engine: NeuralEngineName
    language: Language
    style: str
    """Of Kokoro; Piper's is the voice itself."""
    pitch_st: float
    """Semitones that the voice is moved by, before what a request asks for."""


def neural_voice(voice: Voice, styles: Collection[str]) -> NeuralVoice | None:
    """Returns what speaks for a voice; None where no model speaks its language.

    Args:
        voice: one of Google's.
        styles: the names of the styles that Kokoro has.
    """
    language = _language(voice.locale)
    if language is None:
        return None
    personas = _personas(voice)
    index = personas.index(voice.persona)
    if voice.model == "wavenet" and language == "en":
        moved = _PIPER_ST[voice.gender]
        return NeuralVoice("piper", language, "joe", moved[index % len(moved)])
    own = [name for name in _STYLES[language, voice.gender] if name in styles] or list(_JAPANESE[voice.gender])
    style, moved_by = _cast(personas, own)[index]
    return NeuralVoice("kokoro", language, style, moved_by)


def all_styles() -> frozenset[str]:
    """Returns the names of the styles that are wanted, whether Kokoro has them or not."""
    return frozenset(style for styles in _STYLES.values() for style in styles)


def heard_pitch_st(voice: NeuralVoice, requested_st: float) -> float:
    """Returns how far an utterance's pitch is moved, in semitones: the voice's own and a third of the request's."""
    return min(max(voice.pitch_st + requested_st * _REQUESTED, -HIGHEST_ST), HIGHEST_ST)


def _personas(voice: Voice) -> list[str]:
    """The voices that a voice must differ from: of its voice model, locale and gender."""
    return [
        each.persona
        for each in VOICES.values()
        if (each.model, each.locale, each.gender) == (voice.model, voice.locale, voice.gender)
    ]


def _cast(personas: Sequence[str], styles: Sequence[str]) -> list[tuple[str, float]]:
    """A style and semitones for each persona: the chosen one, else the next free one, else one at another pitch."""
    cast = {persona: _CHOSEN[persona] for persona in personas if _CHOSEN.get(persona, ("",))[0] in styles}
    taken = {style for style, _ in cast.values()}
    others = [persona for persona in personas if persona not in cast]
    free = [style for style in styles if style not in taken]
    cast |= {persona: (style, 0.0) for persona, style in zip(others, free, strict=False)}
    # Once all are taken they are taken again, each round at another pitch.
    for number, persona in enumerate(others[len(free) :]):
        cast[persona] = (styles[number % len(styles)], _MOVED_ST[number // len(styles)])
    return [cast[persona] for persona in personas]


def _language(locale: str) -> Language | None:
    language = locale.partition("-")[0]
    if language == "en":
        return "en"
    return "cmn" if language == "cmn" else None
