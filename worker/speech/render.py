"""Renders a job's neutral line for one voice, in a form that its voice model accepts. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.etree.ElementTree import Element, tostring  # writes XML; reading is schemas.ssml's
from xml.sax.saxutils import escape, quoteattr  # the same

from schemas.enums import AudioEncoding, VoiceModel
from schemas.job import Job, Pronunciation
from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSE_MARK, PAUSES
from worker.speech.catalogue import Character, Voice
from worker.speech.text_split import MAX_SENTENCE_CHARACTERS, longest_sentence, split_text

MAX_INPUT_BYTES: Final = 5000
"""Google's limit for the text, SSML or markup of one request."""

# By Google's documentation of Chirp 3: HD. It silently ignores other elements, so they are removed here.
CHIRP_ELEMENTS: Final = frozenset({"speak", "say-as", "p", "s", "phoneme", "sub", "break", "prosody"})
_BREAK_TIME: Final = re.compile(r"\s*\+?([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ms|s)\s*")


class InputForm(StrEnum):
    """The field of Google's SynthesisInput that an input goes into."""

    TEXT = "text"
    SSML = "ssml"
    MARKUP = "markup"


@dataclass(frozen=True)
class Input:
    """The input of one call; `pronunciations` are sent beside the content, for Chirp alone."""

    form: InputForm
    content: str
    pronunciations: tuple[Pronunciation, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A whole line for one voice: everything that changes the sound. Several inputs make one take.

    `speaking_rate` is a factor, `pitch` in semitones, `volume_gain_db` in dB, `sample_rate` in Hz. The audio check
    compares the duration with `spoken_units` and `pause_seconds`.
    """

    voice: Voice
    inputs: tuple[Input, ...]
    speaking_rate: float
    pitch: float
    volume_gain_db: float
    encoding: AudioEncoding
    sample_rate: int
    spoken_units: int
    pause_seconds: float


def render(job: Job, character: Character, voice: Voice) -> Rendered:
    """Renders a job for a voice; the job's own controls override the character's."""
    chirp = voice.voice_model is VoiceModel.CHIRP3_HD
    pitch = job.pitch if job.pitch is not None else character.pitch
    words, pause_seconds = _spoken(job)
    return Rendered(
        voice=voice,
        inputs=_inputs(job, chirp=chirp),
        speaking_rate=job.speaking_rate if job.speaking_rate is not None else character.rate,
        # Chirp 3: HD refuses any pitch (home-assistant/core#144824).
        pitch=0.0 if chirp else pitch,
        volume_gain_db=job.volume_gain_db,
        encoding=job.audio.encoding,
        sample_rate=job.audio.sample_rate,
        spoken_units=spoken_units(words),
        pause_seconds=pause_seconds,
    )


def _spoken(job: Job) -> tuple[str, float]:
    """The spoken words, and the sum of the line's pauses in seconds."""
    if job.text is not None:
        return job.text, sum(PAUSES[mark] for mark in PAUSE_MARK.findall(job.text))
    root = parse_ssml(job.ssml or "")
    for element in [*root.iter("sub")]:
        # The alias is spoken instead of the content.
        element.text, element[:] = element.get("alias", element.text), []
    breaks = (_BREAK_TIME.fullmatch(element.get("time", "")) for element in root.iter("break"))
    seconds = sum(float(found[1]) / (1000 if found[2] == "ms" else 1) for found in breaks if found)
    return "".join(root.itertext()), seconds


def spoken_units(text: str) -> int:
    """The length of what is spoken: letters and digits count one, Chinese characters three."""
    wide = 0x2E80  # where the CJK blocks begin
    spoken = PAUSE_MARK.sub("", text)
    return sum(3 if ord(character) >= wide else 1 for character in spoken if character.isalnum())


def _inputs(job: Job, *, chirp: bool) -> tuple[Input, ...]:
    if job.ssml is not None:
        return (Input(InputForm.SSML, _chirp_ssml(job.ssml) if chirp else job.ssml),)
    text = job.text or ""

    def render_part(part: str) -> Input:
        return _chirp_input(part, job.pronunciations) if chirp else _wavenet_input(part, job.pronunciations)

    def fits(part: str) -> bool:
        short_enough = longest_sentence(part) <= MAX_SENTENCE_CHARACTERS
        return short_enough and len(render_part(part).content.encode()) <= MAX_INPUT_BYTES

    return tuple(render_part(part) for part in split_text(text, fits))


def _chirp_input(text: str, pronunciations: tuple[Pronunciation, ...]) -> Input:
    # The neutral pause marks are those of Chirp's markup. A text without them is sent as plain text, in which
    # nothing is taken for markup.
    form = InputForm.MARKUP if PAUSE_MARK.search(text) else InputForm.TEXT
    return Input(form, text, tuple(entry for entry in pronunciations if entry.phrase in text))


def _wavenet_input(text: str, pronunciations: tuple[Pronunciation, ...]) -> Input:
    by_phrase = {entry.phrase: entry for entry in pronunciations if entry.phrase in text}
    if not by_phrase and not PAUSE_MARK.search(text):
        return Input(InputForm.TEXT, text)
    # The longest phrase first: "Vault City" before "Vault".
    phrases = sorted(by_phrase, key=len, reverse=True)
    special = re.compile("|".join([PAUSE_MARK.pattern, *(_whole_words(phrase) for phrase in phrases)]))
    spoken = []
    position = 0
    for found in special.finditer(text):
        spoken += [escape(text[position : found.start()]), _wavenet_tag(found[0], by_phrase)]
        position = found.end()
    spoken.append(escape(text[position:]))
    return Input(InputForm.SSML, f"<speak>{''.join(spoken)}</speak>")


def _wavenet_tag(found: str, by_phrase: dict[str, Pronunciation]) -> str:
    if found in PAUSES:
        return f'<break time="{round(PAUSES[found] * 1000)}ms"/>'
    entry = by_phrase[found]
    return f"<phoneme alphabet={quoteattr(entry.alphabet)} ph={quoteattr(entry.phonetic)}>{escape(found)}</phoneme>"


def _whole_words(phrase: str) -> str:
    """A pattern that finds the phrase, unless it is part of a longer Latin word."""
    before = r"(?<![A-Za-z0-9])" if phrase[0].isascii() and phrase[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if phrase[-1].isascii() and phrase[-1].isalnum() else ""
    return before + re.escape(phrase) + after


def _chirp_ssml(ssml: str) -> str:
    root = parse_ssml(ssml)
    if all(element.tag in CHIRP_ELEMENTS for element in root.iter()):
        return ssml
    return tostring(_without_unknown(root), encoding="unicode")


def _without_unknown(element: Element) -> Element:
    """The element without tags that Chirp doesn't know; their words stay in place."""
    kept = Element(element.tag, element.attrib)
    kept.text, kept.tail = element.text, element.tail
    for child in map(_without_unknown, element):
        if child.tag in CHIRP_ELEMENTS:
            kept.append(child)
            continue
        _append_text(kept, child.text)
        for grandchild in child:
            kept.append(grandchild)
        _append_text(kept, child.tail)
    return kept


def _append_text(element: Element, text: str | None) -> None:
    if text and len(element):
        element[-1].tail = (element[-1].tail or "") + text
    elif text:
        element.text = (element.text or "") + text
