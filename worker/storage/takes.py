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
CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
"""Of every take: what is stored under a key never changes (RFC 8246), and a year is as long as caches keep anything."""

PROBE_MARK: Final = ".probe-"
"""How the names of objects begin that were stored to find out whether the store takes any."""

REPORT_MARK: Final = ".report-"
"""How the names of objects begin that are reports on scripts. No take's key has a dot there."""

_CONTENT_TYPES: Final = {
    AudioEncoding.OGG_OPUS: "audio/ogg",
    AudioEncoding.MP3: "audio/mpeg",
    AudioEncoding.LINEAR16: "audio/wav",
    # IANA has no type for it: its audio/L16 is big-endian (RFC 2586), and would be played as noise. GStreamer's
    # audio/x-raw is the one type in wide use that names the order of the bytes.
    AudioEncoding.PCM: "audio/x-raw; format=S16LE; rate={sample_rate}; channels=1; layout=interleaved",
    AudioEncoding.MULAW: "audio/wav",
    AudioEncoding.ALAW: "audio/wav",
}


def content_type(encoding: AudioEncoding, sample_rate: int) -> str:
    """The media type of a take; that of PCM says all that a player must know, since the audio has no header.

    Args:
        encoding: of the audio.
        sample_rate: in Hz.
    """
    return _CONTENT_TYPES[encoding].format(sample_rate=sample_rate)


def probe_key(prefix: str, token: str) -> str:
    """The key of an object that a probe stores and removes again, such as `takes/.probe-1f2e`."""
    return f"{prefix}/{PROBE_MARK}{token}" if prefix else f"{PROBE_MARK}{token}"


def report_key(prefix: str, sha256: str) -> str:
    """The key of the report on a script, such as `takes/.report-<SHA-256>.json`: of its content alone."""
    name = f"{REPORT_MARK}{sha256}.json"
    return f"{prefix}/{name}" if prefix else name


def is_beside_takes(key: str) -> bool:
    """Whether a key is a probe's or a report's, which lie among the takes and are none."""
    return key.rpartition("/")[2].startswith((PROBE_MARK, REPORT_MARK))


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


def take_folder(key: str) -> str:
    """`<prefix>/<character>/<voice model>` of a take's key: what follows is its hash."""
    return "/".join(key.split("/")[:-2])


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
