"""A script whose lines are all made already, with its manifest and its folder of audio."""

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.enums import AudioEncoding, JobStatus
from worker.app.rollout_seed import rollout_state
from worker.batch.entry import ManifestEntry
from worker.batch.file_names import audio_path
from worker.batch.line_status import next_job
from worker.batch.manifest import default_manifest, write_manifest
from worker.batch.voice_selection import PlannedLine, VoicePreference, VoiceSelector
from worker.cli.batch_check import check_script
from worker.config.settings import Settings
from worker.speech.catalogue import Catalogue

_RUNS: Final = 3
_AUDIO_BYTES: Final = 20_000
_TIMEOUT_S: Final = 600
_SCENE: Final = 50


async def measure_script(settings: Settings, catalogue: Catalogue, lines: int) -> list[float]:
    """Run `chirp-worker batch run` on such a script a few times; return seconds.

    Raises:
        RuntimeError: the command failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "script.csv"
        await asyncio.to_thread(_write, settings, catalogue, script, lines)
        return [await _run(script, folder / "audio") for _ in range(_RUNS)]


def _write(settings: Settings, catalogue: Catalogue, script: Path, count: int) -> None:
    names = sorted(catalogue.names)
    rows = []
    for number in range(count):
        text = f"The gate has been shut for {number + 2} days."
        rows.append(f"line_{number:06},{names[number % len(names)]},{text},{number // _SCENE}")
    script.write_text("\n".join(["job_id,character,text,scene", *rows]) + "\n")
    lines = check_script(script, settings.worker.max_text_bytes, catalogue, None).lines
    rollout = rollout_state(settings.rollout, catalogue.names)
    selector = VoiceSelector(catalogue, rollout, datetime.now(UTC), settings.storage.prefix)
    _write_results(script, [*selector.select(lines, VoicePreference())])


def _write_results(script: Path, planned_lines: Sequence[PlannedLine]) -> None:
    entries = {}
    for planned in planned_lines:
        entry, audio = _result(planned)
        entries[entry.line] = entry
        path = script.parent / "audio" / audio_path(entry.character, entry.line, AudioEncoding.OGG_OPUS)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio)
    write_manifest(default_manifest(script), entries, entries)


def _result(planned: PlannedLine) -> tuple[ManifestEntry, bytes]:
    job, sent = next_job(planned, None)
    audio = (sent.key.encode() * _AUDIO_BYTES)[:_AUDIO_BYTES]
    voice_model = planned.decision.voice_model
    entry = ManifestEntry(
        line=sent.line, character=job.character, status=JobStatus.DONE, job_id=sent.job_id, made=1, key=sent.key,
        decided=voice_model, voice_model=voice_model, voice=planned.voice.name, encoding=AudioEncoding.OGG_OPUS,
        uri=f"s3://audio/{sent.key}", sha256=hashlib.sha256(audio).hexdigest(), bytes=len(audio), duration_s=3.0,
        billed={voice_model: planned.billed},
    )  # fmt: skip
    return entry, audio


async def _run(script: Path, folder: Path) -> float:
    command = (sys.executable, "-m", "worker", "batch", "run", str(script), "--yes", "--download", str(folder))
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(_TIMEOUT_S):
        output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output.decode()}")
    return time.perf_counter() - started
