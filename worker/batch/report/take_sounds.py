"""Measures the takes of a download folder for the report: loudness, and the longest silence within. Slow: it decodes.

What was measured is kept in the folder by SHA-256, so that the next report measures new takes alone.
"""

import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from schemas.enums import AudioEncoding
from worker.batch.atomic_file import replace_file
from worker.batch.audio_file import read_take
from worker.batch.entry import ManifestEntry
from worker.batch.regular_file import read_regular
from worker.batch.report.outliers import SoundFigures
from worker.lifecycle.cpus import usable_cpus
from worker.speech.audio_format import BadAudioError
from worker.speech.loudness import decode_whole, integrated_lufs
from worker.speech.sound import FRAMES_A_SECOND, block_samples, longest_run, measure

KEPT_IN: Final = ".sounds.json"
_LARGEST_BYTES: Final = 2**28
"""The file in the folder. It may be deleted at any time."""
_PCM_BYTES: Final = 2
# -50 dB of full scale: below it the audio check hears nothing either.
_HEARD: Final = 10 ** (-50 / 20)
_DECIMALS: Final = 2

ProgressCallback = Callable[[int, int], None]
"""Called with the number done and the total."""


def measure_takes(
    folder: Path, takes: Mapping[Path, ManifestEntry], progress: ProgressCallback
) -> dict[str, SoundFigures]:
    """The figures of takes by their SHA-256; what can't be read or decoded, or is another file, has none.

    Args:
        folder: of the download.
        takes: by the path where each should lie.
    """
    known = _read_known(folder / KEPT_IN)
    wanted = {entry.sha256: (path, entry) for path, entry in takes.items() if entry.sha256}
    missing = {sha256: each for sha256, each in wanted.items() if sha256 not in known}
    with ThreadPoolExecutor(usable_cpus()) as pool:
        waiting = {pool.submit(_measure, *each): sha256 for sha256, each in missing.items()}
        for number, ended in enumerate(as_completed(waiting), start=1):
            if (figures := ended.result()) is not None:
                known[waiting[ended]] = figures
            progress(number, len(missing))
    if missing and folder.is_dir():
        content = {sha256: asdict(figures) for sha256, figures in sorted(known.items())}
        replace_file(folder / KEPT_IN, json.dumps(content, separators=(",", ":")).encode())
    return {sha256: known[sha256] for sha256 in wanted if sha256 in known}


def figures_of(audio: bytes, encoding: AudioEncoding, sample_rate: int) -> SoundFigures:
    """Measures a take.

    Args:
        sample_rate: in Hz; used for PCM alone.

    Raises:
        BadAudioError: it can't be decoded.
    """
    samples, rate = decode_whole(audio, encoding, sample_rate)
    size = block_samples(rate)
    levels = measure([samples[at : at + size] for at in range(0, len(samples), size)], rate).levels
    heard = np.flatnonzero(levels > _HEARD)
    within = levels[heard[0] : heard[-1]] <= _HEARD if len(heard) else np.zeros(0, dtype=np.bool_)
    lufs = integrated_lufs(samples, rate)
    return SoundFigures(
        round(lufs, _DECIMALS) if math.isfinite(lufs) else None, round(longest_run(within) / FRAMES_A_SECOND, _DECIMALS)
    )


def _measure(path: Path, entry: ManifestEntry) -> SoundFigures | None:
    if entry.encoding is None or entry.sha256 is None:
        return None
    try:
        audio = read_take(path, entry.sha256)
        if audio is None:
            return None
        rate = round(len(audio) / _PCM_BYTES / entry.duration_s) if entry.duration_s else 0
        return figures_of(audio, entry.encoding, rate)
    except (OSError, BadAudioError):
        return None


def _read_known(path: Path) -> dict[str, SoundFigures]:
    """What is kept; nothing where the file is missing, damaged or of another version: it is measured anew."""
    try:
        content = json.loads(read_regular(path, _LARGEST_BYTES))
        return {
            str(sha256): SoundFigures(_number(each["lufs"]), float(each["silence_s"]))
            for sha256, each in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
