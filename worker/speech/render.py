"""Renders a job's neutral line for one voice, in a form that its voice model accepts. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape, quoteattr  # writes XML; reading is schemas.ssml's

from schemas.enums import AudioEncoding, VoiceModel
from schemas.job import Job, Pronunciation
from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSE_MARK, PAUSES
from worker.speech.catalogue import Character, Voice
from worker.speech.chirp_ssml import break_seconds, chirp_line
from worker.speech.speaking_pace import NO_EXTRA, ExtraUnits, extra_units
from worker.speech.ssml_tempo import Tempo, find_tempo
from worker.speech.text_split import MAX_SENTENCE_CHARACTERS, longest_between_stops, split_text

MAX_INPUT_BYTES: Final = 5000
"""Google's limit for the text, SSML or markup of one request."""
_RATES: Final = (0.25, 2.0)


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
    compares the duration with `spoken_units`, `extra_units` and `pause_seconds`.
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
    extra_units: ExtraUnits = NO_EXTRA


def render(job: Job, character: Character, voice: Voice) -> Rendered:
    """Renders a job for a voice; the job's own controls override the character's."""
    chirp = voice.voice_model is VoiceModel.CHIRP3_HD
    pitch = job.pitch if job.pitch is not None else character.pitch
    rate = job.speaking_rate if job.speaking_rate is not None else character.rate
    words, pause_seconds, tempo = _spoken(job)
    units = spoken_units(words)
    if job.ssml is not None and chirp:
        line = chirp_line(job.ssml)
        form = InputForm.MARKUP if line.is_markup else InputForm.SSML
        inputs: tuple[Input, ...] = (Input(form, line.content, line.pronunciations),)
        rate, pause_seconds = min(max(rate * line.rate, _RATES[0]), _RATES[1]), line.pause_seconds
        if line.rate != 1.0:
            tempo = Tempo(spelled=tempo.spelled)
    elif job.ssml is not None:
        inputs = (Input(InputForm.SSML, job.ssml),)
    else:
        inputs = _inputs(job.text or "", job.pronunciations, chirp=chirp)
    return Rendered(
        voice=voice,
        inputs=inputs,
        speaking_rate=rate,
        # Chirp 3: HD refuses any pitch (home-assistant/core#144824).
        pitch=0.0 if chirp else pitch,
        volume_gain_db=job.volume_gain_db,
        encoding=job.audio.encoding,
        sample_rate=job.audio.sample_rate,
        spoken_units=units,
        pause_seconds=pause_seconds,
        extra_units=extra_units(PAUSE_MARK.sub("", words), units, tempo),
    )


def _spoken(job: Job) -> tuple[str, float, Tempo]:
    """The spoken words, the sum of the line's pauses in seconds, and what its SSML says of its tempo."""
    if job.text is not None:
        return job.text, sum(PAUSES[mark] for mark in PAUSE_MARK.findall(job.text)), Tempo()
    root = parse_ssml(job.ssml or "")
    for element in [*root.iter("sub")]:
        # The alias is spoken instead of the content.
        element.text, element[:] = element.get("alias", element.text), []
    pause_seconds = sum(break_seconds(element) or 0.0 for element in root.iter("break"))
    return "".join(root.itertext()), pause_seconds, find_tempo(root)


def spoken_units(text: str) -> int:
    """The length of what is spoken: letters and digits count one, Chinese characters three."""
    wide = "\u2e80"  # where the CJK blocks begin
    spoken = PAUSE_MARK.sub("", text)
    narrow = sum(map(str.isalnum, spoken))
    return narrow if spoken.isascii() else narrow + 2 * sum(each >= wide and each.isalnum() for each in spoken)


def _inputs(text: str, pronunciations: tuple[Pronunciation, ...], *, chirp: bool) -> tuple[Input, ...]:
    def render_part(part: str) -> Input:
        return _chirp_input(part, pronunciations) if chirp else _wavenet_input(part, pronunciations)

    def fits(part: str) -> bool:
        short_enough = len(part) <= MAX_SENTENCE_CHARACTERS or longest_between_stops(part) <= MAX_SENTENCE_CHARACTERS
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
    special = re.compile("|".join([PAUSE_MARK.pattern, *(whole_words(phrase) for phrase in phrases)]))
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


def whole_words(phrase: str) -> str:
    """A pattern that finds the phrase, unless it is part of a longer Latin word."""
    before = r"(?<![A-Za-z0-9])" if phrase[0].isascii() and phrase[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if phrase[-1].isascii() and phrase[-1].isalnum() else ""
    return before + re.escape(phrase) + after
