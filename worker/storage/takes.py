"""Takes and their keys: content-addressed, so that the same request always finds the same audio. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from schemas.enums import AudioEncoding
from worker.storage.synthesis_request import SynthesisRequest

_VERSION: Final = 1
"""The version of the canonical form. A new version gives every take a new key, so all are synthesized again."""

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
    """A take in the store: `size` in bytes, `sha256` hexadecimal, `sample_rate` in Hz."""

    key: str
    size: int
    sha256: str
    duration_s: float
    encoding: AudioEncoding
    sample_rate: int
    voice: str


def take_key(prefix: str, character: str, request: SynthesisRequest, take: int) -> str:
    """`<prefix>/<character>/<voice model>/<2 hex>/<SHA-256>.<ext>` of everything that changes the sound.

    Args:
        prefix: the key prefix, without slashes at its ends; may be empty.
        character: a key of the catalogue.
        request: the line as it is sent to Google.
        take: 1, or the number of another reading of the same line.
    """
    canonical = {
        "version": _VERSION,
        "voice_model": request.voice.voice_model,
        "voice": request.voice.name,
        "language": request.voice.locale,
        "inputs": [
            [entry.form, entry.content, [[p.phrase, p.phonetic, p.alphabet] for p in entry.pronunciations]]
            for entry in request.inputs
        ],
        "speaking_rate": request.speaking_rate,
        "pitch": request.pitch,
        "volume_gain_db": request.volume_gain_db,
        "encoding": request.encoding,
        "sample_rate": request.sample_rate,
        "effects": [],
        "take": take,
    }
    # JSON keeps the fields apart, whatever separators a text holds.
    text = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    name = f"{digest}.{EXTENSIONS[request.encoding]}"
    parts = (prefix, character, request.voice.voice_model.value, digest[:2], name)
    return "/".join(part for part in parts if part)


def new_take(key: str, request: SynthesisRequest, audio: bytes, duration_s: float) -> StoredTake:
    """The take of new audio, as it is about to be stored."""
    return StoredTake(
        key=key,
        size=len(audio),
        sha256=hashlib.sha256(audio).hexdigest(),
        duration_s=duration_s,
        encoding=request.encoding,
        sample_rate=request.sample_rate,
        voice=request.voice.name,
    )
