"""Writes when each word and phone of delivered English lines is spoken, by forced alignment with PocketSphinx.

Its package brings an English model and a dictionary, and needs no network. No kept package that brings its weights was
found for other languages. A line with a word that the dictionary lacks gets no times, and is named: a guess would look
like a measurement.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr

from schemas.errors import UsageError
from worker.batch.delivery.model import DeliveredLine, Table

NAME: Final = "word_times.json"
_RATE: Final = 16_000
"""Of the model's audio, in Hz."""
_FRAMES_S: Final = 100
"""PocketSphinx' frames a second."""
_WORD: Final = re.compile(r"[a-z]+(?:['.][a-z]+)*'?")
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'"})
_UNSPOKEN: Final = ("<", "[", "+")
"""How PocketSphinx' own words begin, such as silence."""


@dataclass
class WordTimes:
    """Makes the table `word_times.json`: by line id the words and their phones (ARPAbet), in seconds of the file.

    A line whose file and words are as before keeps its times.

    Attributes:
        notes: why lines have none.
    """

    folder: Path
    notes: list[str] = field(default_factory=list)

    def tables(self, lines: Sequence[DeliveredLine]) -> Iterator[Table]:
        """The one table, of the English lines.

        Raises:
            UsageError: the library isn't installed.
            OSError: a delivered file can't be read.
        """
        before = self._before()
        decoder = _decoder()
        found: dict[str, Any] = {}
        foreign = 0
        for line in lines:
            if line.language.partition("-")[0].lower() != "en":
                foreign += 1
                continue
            words = spoken_words(line.caption)
            unknown = [word for word in words if decoder.lookup_word(word) is None]
            content = (self.folder / line.file).read_bytes()
            made_of = hashlib.sha256(content + " ".join(words).encode()).hexdigest()
            kept = before.get(line.id, {})
            if unknown or not words or re.search(r"\d", line.caption):
                reason = f"the dictionary lacks {', '.join(unknown[:5])}" if unknown else "it has a number, or no word"
                self.notes.append(f"{line.id}: no word times: {reason}")
            elif kept.get("made_of") == made_of:
                found[line.id] = kept
            elif aligned := align(decoder, content, words):
                found[line.id] = {"file": line.file, "made_of": made_of, "words": aligned}
            else:
                self.notes.append(f"{line.id}: no word times: the words weren't found in the sound")
        if foreign:
            self.notes.append(f"{foreign:,} lines in other languages than English have no word times")
        yield Table(NAME, (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode())

    def _before(self) -> Mapping[str, Any]:
        try:
            document = json.loads((self.folder / NAME).read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}


def spoken_words(text: str) -> list[str]:
    """The words of a text as a dictionary has them."""
    return [word.strip(".") for word in _WORD.findall(text.translate(_APOSTROPHES).lower())]


def align(decoder: Any, audio: bytes, words: Sequence[str]) -> list[dict[str, Any]]:
    """The words with start and end, and the phones inside of them; empty where they aren't found. Slow.

    Args:
        audio: a delivered file.
    """
    samples, sample_rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    resampled = soxr.resample(samples, sample_rate, _RATE)
    sound = (np.clip(resampled, -1, 1) * np.iinfo(np.int16).max).astype(np.int16).tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _decode(decoder, sound)
        decoder.set_alignment()
        _decode(decoder, sound)
        alignment = decoder.get_alignment() or ()
    except RuntimeError:
        return []
    found = [_times(word, [_times(phone) for phone in word]) for word in alignment if _is_spoken(word.name)]
    return found if len(found) == len(words) else []


def _decode(decoder: Any, sound: bytes) -> None:
    decoder.start_utt()
    try:
        decoder.process_raw(sound, full_utt=True)
    finally:
        decoder.end_utt()


def _is_spoken(name: str) -> bool:
    return not name.startswith(_UNSPOKEN)


def _times(entry: Any, phones: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    # A second pronunciation of a word is called `word(2)`.
    name, _, _ = entry.name.partition("(")
    times = {"start": entry.start / _FRAMES_S, "end": (entry.start + entry.duration) / _FRAMES_S}
    return {"phone" if phones is None else "word": name, **times, **({} if phones is None else {"phones": phones})}


def _decoder() -> Any:
    try:
        pocketsphinx = import_module("pocketsphinx")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"word times need {error.name}: install the extra `timing`, pip install 'chirp-worker[timing]'"
        ) from None
    return pocketsphinx.Decoder(lm=None, loglevel="FATAL")
