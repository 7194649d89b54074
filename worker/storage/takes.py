"""The key of a take: content-addressed, so that the same request always finds the same audio. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from schemas.words import AudioEncoding
from worker.speech.render import Rendered

_VERSION: Final = 1
"""Of the canonical form; a new one makes every take anew."""

EXTENSIONS: Final = {
    AudioEncoding.OGG_OPUS: "ogg",
    AudioEncoding.MP3: "mp3",
    AudioEncoding.LINEAR16: "wav",
    AudioEncoding.PCM: "pcm",
    AudioEncoding.MULAW: "mulaw.wav",
    AudioEncoding.ALAW: "alaw.wav",
}
CONTENT_TYPES: Final = {
    AudioEncoding.OGG_OPUS: "audio/ogg",
    AudioEncoding.MP3: "audio/mpeg",
    AudioEncoding.LINEAR16: "audio/wav",
    AudioEncoding.PCM: "audio/L16",
    AudioEncoding.MULAW: "audio/wav",
    AudioEncoding.ALAW: "audio/wav",
}


@dataclass(frozen=True)
class StoredTake:
    """What a look-up reports: `size` in bytes, `sha256` hexadecimal, `duration_s` in seconds, `sample_rate` in Hz."""

    key: str
    size: int
    sha256: str
    duration_s: float
    encoding: AudioEncoding
    sample_rate: int
    voice: str


def take_key(prefix: str, character: str, rendered: Rendered, take: int) -> str:
    """`<prefix>/<character>/<voice model>/<2 hex>/<SHA-256>.<ext>` of everything that changes the sound.

    Args:
        prefix: the key prefix, without slashes at its ends; may be empty.
        character: a key of the catalogue.
        rendered: the line as it is sent to Google.
        take: 1, or the number of another reading.
    """
    canonical = {
        "version": _VERSION,
        "voice_model": rendered.voice.voice_model,
        "voice": rendered.voice.name,
        "language": rendered.voice.locale,
        "inputs": [
            [entry.form, entry.content, [[p.phrase, p.phonetic, p.alphabet] for p in entry.pronunciations]]
            for entry in rendered.inputs
        ],
        "speaking_rate": rendered.speaking_rate,
        "pitch": rendered.pitch,
        "volume_gain_db": rendered.volume_gain_db,
        "encoding": rendered.encoding,
        "sample_rate": rendered.sample_rate,
        "effects": [],
        "take": take,
    }
    # JSON keeps fields apart whatever they hold; a separator in a text can't move a boundary.
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    name = f"{digest}.{EXTENSIONS[rendered.encoding]}"
    parts = (prefix, character, rendered.voice.voice_model.value, digest[:2], name)
    return "/".join(part for part in parts if part)


def made_take(key: str, rendered: Rendered, audio: bytes, duration_s: float) -> StoredTake:
    """The take that a line's audio is, once it is stored.

    Args:
        key: of it.
        rendered: the line as it was sent to Google.
        audio: whole.
        duration_s: of it, in seconds.
    """
    return StoredTake(
        key=key,
        size=len(audio),
        sha256=hashlib.sha256(audio).hexdigest(),
        duration_s=duration_s,
        encoding=rendered.encoding,
        sample_rate=rendered.sample_rate,
        voice=rendered.voice.name,
    )
