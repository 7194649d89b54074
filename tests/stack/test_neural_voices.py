"""The emulator's human voices over gRPC, where their packages are installed."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest
import soundfile
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport

from loadtest.emulator.engines.neural import STYLES_FILE, VOICES_FOLDER
from loadtest.emulator.engines.packages import missing_packages
from loadtest.emulator.server import Emulator
from loadtest.emulator.settings import ConstantLatency, EmulatorSettings

pytestmark = pytest.mark.skipif(
    bool(missing_packages()),
    reason="requirements/neural.txt isn't installed (make demo VOICES=neural installs it); CI needs it as little",
)
CHIRP, WAVENET, MANDARIN = "en-US-Chirp3-HD-Puck", "en-US-Wavenet-B", "cmn-TW-Wavenet-B"
LINES = {
    CHIRP: "Careful. There is a step missing here.",
    WAVENET: "We built this wall. You sleep somewhere else.",
    MANDARIN: "早安！今天的輻射值偏低。",
}


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    # The styles of the real folder, where npm fetched them, and takes of its own.
    if (VOICES_FOLDER / STYLES_FILE).exists():
        (tmp_path / STYLES_FILE).symlink_to(VOICES_FOLDER / STYLES_FILE)
    settings = EmulatorSettings(speech="neural", latency=ConstantLatency(seconds=0))
    async with Emulator(settings, voices_folder=tmp_path) as running:
        yield running


async def synthesize(emulator: Emulator, voice: str, given: dict[str, Any], **config: Any) -> tuple[Any, int]:
    async with grpc.aio.insecure_channel(emulator.endpoint) as channel:
        client = tts.TextToSpeechAsyncClient(transport=TextToSpeechGrpcAsyncIOTransport(channel=channel))
        answer = await client.synthesize_speech(
            input=given,
            voice={"language_code": "-".join(voice.split("-")[:2]), "name": voice},
            audio_config={"audio_encoding": "LINEAR16", **config},
            retry=None,
            timeout=600,
        )
    return soundfile.read(io.BytesIO(answer.audio_content))


async def figures(emulator: Emulator) -> dict[str, dict[str, float]]:
    async with aiohttp.ClientSession() as session, session.get(f"{emulator.control_url}/voices") as answer:
        found: dict[str, dict[str, float]] = await answer.json()
        return found


def piper_processes() -> list[int]:
    """The children of this process that are Piper's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"piper_process.py" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("voice", LINES)
async def test_a_line_is_spoken_at_a_persons_pace_and_kept(emulator: Emulator, voice: str) -> None:
    samples, rate = await synthesize(emulator, voice, {"text": LINES[voice]})
    dense = 3 if voice == MANDARIN else 1
    assert 8 < len(LINES[voice]) * dense / (len(samples) / rate) < 25
    assert 0.02 < float(np.sqrt(np.mean(samples**2))) < 0.2
    (spoken,) = (await figures(emulator)).values()
    assert spoken["spoken"] == 2

    # WaveNet's second take is its first; Chirp's is another one.
    again, _ = await synthesize(emulator, voice, {"text": LINES[voice]})
    assert (voice == CHIRP) != np.array_equal(samples, again)
    emulator.change_settings({"seed": 2})
    emulator.change_settings({"seed": 1})
    third, _ = await synthesize(emulator, voice, {"text": LINES[voice]}, sample_rate_hertz=24_000)
    assert np.array_equal(samples, third), "the first take of the seed once more, from the cache"
    (spoken,) = (await figures(emulator)).values()
    assert spoken["spoken"] == (4 if voice == CHIRP else 2)


async def test_pauses_rates_and_encodings_are_as_with_every_other_voice(emulator: Emulator) -> None:
    emulator.change_settings({"seed": 7})
    plain, rate = await synthesize(emulator, WAVENET, {"text": "Go now."})
    slow, _ = await synthesize(emulator, WAVENET, {"text": "Go now."}, speaking_rate=0.6)
    assert len(slow) / len(plain) == pytest.approx(1 / 0.6, rel=0.25)
    paused, _ = await synthesize(emulator, WAVENET, {"ssml": "<speak>Go <break time='2s'/> now.</speak>"})
    assert (len(paused) - len(plain)) / rate > 1.8
    ogg, ogg_rate = await synthesize(emulator, WAVENET, {"text": "Go now."}, audio_encoding="OGG_OPUS")
    assert len(ogg) / ogg_rate == pytest.approx(len(plain) / rate, abs=0.1)


async def test_a_language_without_a_model_is_espeaks(emulator: Emulator) -> None:
    samples, _ = await synthesize(emulator, "de-DE-Wavenet-A", {"text": "Guten Morgen."})
    assert np.abs(samples).max() > 0.05
    assert await figures(emulator) == {}


async def test_when_pipers_process_is_killed_one_call_fails_as_googles_do_and_the_next_is_spoken(
    emulator: Emulator,
) -> None:
    await synthesize(emulator, WAVENET, {"text": "One."})
    (piper,) = piper_processes()
    os.kill(piper, signal.SIGKILL)
    try:
        await synthesize(emulator, WAVENET, {"text": "Two."})
    except ServiceUnavailable as error:
        assert "Piper's process ended" in str(error)  # noqa: PT017  # a process that was reaped in time is no failure
    samples, _ = await synthesize(emulator, WAVENET, {"text": "Two."})
    assert np.abs(samples).max() > 0.05
