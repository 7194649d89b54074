"""What a delivery is asked for: engine, form, names and mastering. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.errors import UsageError


class Engine(StrEnum):
    """Where the audio goes."""

    FOLDER = "folder"
    UNITY = "unity"
    UNREAL = "unreal"
    GODOT = "godot"
    WWISE = "wwise"
    FMOD = "fmod"
    RENPY = "renpy"


class Form(StrEnum):
    """An audio form, by the ending of its files."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    OPUS = "opus"
    MP3 = "mp3"


@dataclass(frozen=True)
class Mastering:
    """How a line is mastered.

    Attributes:
        sample_rate: of the result, in Hz.
        target_lufs: the integrated loudness; None leaves the level as it is, but for the peak.
        peak_dbtp: the true peak stays below this.
        pad_s: the silence before and after the sound, in seconds; None leaves it untrimmed.
    """

    sample_rate: int = 48_000
    target_lufs: float | None = -23.0
    peak_dbtp: float = -1.0
    pad_s: float | None = 0.05


@dataclass(frozen=True)
class DeliveryOptions:
    """What is delivered.

    Attributes:
        engine: whose tables are written.
        form: of the files.
        template: of their names.
        delete: files of lines that have left the script are removed.
    """

    engine: Engine
    form: Form
    template: str
    mastering: Mastering
    delete: bool = False

    @property
    def made_by(self) -> str:
        """A digest of all that changes a file's bytes but its take."""
        return hashlib.sha256(f"{self.form} {self.mastering}".encode()).hexdigest()[:16]


# Opus: RFC 6716, section 2.1.3; MP3: MPEG-1, MPEG-2 and MPEG-2.5 layer III.
_RATES: Final[Mapping[Form, tuple[int, ...]]] = {
    Form.OPUS: (8000, 12_000, 16_000, 24_000, 48_000),
    Form.MP3: (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}


def check_sample_rate(form: Form, sample_rate: int) -> None:
    """Check that a form knows a sample rate, in Hz.

    Raises:
        UsageError: it doesn't; the message has those that it knows.
    """
    rates = _RATES.get(form)
    if rates is not None and sample_rate not in rates:
        raise UsageError(f"--sample-rate {sample_rate}: {form} has {', '.join(map(str, rates))}")
