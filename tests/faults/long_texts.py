"""Speaks long texts side by side as a worker does, with a stand-in for Google and the store, and prints its memory.

Run as a process of its own, so that nothing else counts: `python -m tests.faults.long_texts TEXTS BUDGET_MB ENCODING`.
"""

import asyncio
import io
import json
import os
import sys

import numpy as np
import soundfile

from schemas.enums import Lane
from tests.faults.resident_memory import resident_mb
from tests.unit.makers import job
from tests.unit.world import World
from worker.config.sections import AudioCheckSettings
from worker.lifecycle.memory_budget import MemoryBudget
from worker.speech.attempt import Attempter

RATE = 48_000
TEXT_BYTES = 50_000
# Five minutes for 5,000 bytes, as slow voices need.
SECONDS_A_BYTE = 0.06


class LongGoogle:
    """Gives each part sound of its length: noise is cheap to make, and no two parts share memory."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(1).integers(-8000, 8000, RATE * 30, dtype=np.int16)

    async def synthesize(self, entry, *_):
        return await asyncio.to_thread(self._sound, len(entry.content.encode()))

    def _sound(self, size: int) -> bytes:
        made = io.BytesIO()
        left = int(size * SECONDS_A_BYTE * RATE)
        with soundfile.SoundFile(made, "w", samplerate=RATE, channels=1, format="WAV", subtype="PCM_16") as sound:
            while left > 0:
                sound.buffer_write(self._noise[:left].tobytes(), dtype="int16")
                left -= len(self._noise)
        return made.getvalue()


async def speak(texts: int, budget_mb: int, encoding: str) -> dict[str, float]:
    world = World()
    warn = AudioCheckSettings.model_construct(**dict.fromkeys(AudioCheckSettings.model_fields, "warn"))
    world.shelf.keeps_audio = False
    maker = world.pipeline._takes._maker
    maker._memory = MemoryBudget(budget_mb * 2**20)
    maker._attempter = Attempter(LongGoogle(), world.metrics, 0.0, world.clock, audio_checks=warn)
    sentence = "The vault door opens at dawn, and nobody knows why number {} is late. "
    at_start = resident_mb(os.getpid())
    jobs = []
    for number in range(texts):
        line = sentence.format(number)
        text = (line * (TEXT_BYTES // len(line) + 1))[:TEXT_BYTES]
        audio = {"encoding": encoding, "sample_rate": RATE}
        long = job(job_id=f"long-{number}", text=text, audio=audio)
        jobs.append(world.pipeline.run(long, Lane.BATCH, 0.0, world.waiting))
    outcomes = await asyncio.gather(*jobs)
    done = sum(each.completion is not None and each.completion.status == "done" for each in outcomes)
    return {
        "texts": texts,
        "done": done,
        "budget_mb": budget_mb,
        "start_mb": at_start,
        "peak_mb": resident_mb(os.getpid()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(speak(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))))
