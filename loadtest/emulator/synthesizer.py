"""Makes audio on threads: those of the engines, others for encoding, and a cache of the results."""

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from random import Random
from typing import TypeVar

import numpy as np

from loadtest.emulator.audio_cache import AudioCache
from loadtest.emulator.audio_faults import FILE_FAULTS, SAMPLE_FAULTS
from loadtest.emulator.encoding import encode
from loadtest.emulator.engines.choice import Engines
from loadtest.emulator.engines.interface import Samples
from loadtest.emulator.markup import ParsedInput, Pause, SpokenText
from loadtest.emulator.prosody import Prosody, Utterance, prosody_for
from loadtest.emulator.settings import FaultKind, Speech
from loadtest.emulator.takes import Takes
from loadtest.emulator.validation import Encoding, ValidRequest
from loadtest.emulator.voices import VOICES

T = TypeVar("T")
_CACHE_BYTES = 64 * 1024 * 1024
# The text that canned clips repeat, and how many characters of a line make one second.
_CANNED_CHINESE = ("商隊黎明就要出發了，我們不能再等那些拾荒者。", 4.5)
_CANNED_ENGLISH = ("The caravan leaves at dawn, and we can't wait for the scavengers.", 15.0)
_DENSE_LANGUAGES = ("cmn-", "ja-", "ko-")
_FINE_UP_TO_S, _COARSE_S = 20, 5
_WAVS = frozenset({"LINEAR16", "MULAW", "ALAW"})


class Synthesizer:
    """Makes audio for requests without blocking the event loop.

    Args:
        seed: varies chirp3-hd, so that two takes of one line differ.
        encoder_threads: how many clips are encoded at the same time.
        engines: who speak; closed with the synthesizer.
    """

    def __init__(self, seed: int, encoder_threads: int, engines: Engines | None = None) -> None:
        self._takes = Takes(seed)
        self._engines = engines or Engines()
        self._encoders = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self._stopping = threading.Event()
        self._cache = AudioCache(_CACHE_BYTES)

    def reseed(self, seed: int) -> None:
        """Restarts the random variation of chirp3-hd."""
        self._takes = Takes(seed)

    def figures(self) -> dict[str, dict[str, float]]:
        """Returns what the neural models did."""
        return self._engines.figures()

    async def audio(self, request: ValidRequest, speech: Speech = "espeak") -> bytes:
        """Returns the audio of a request.

        Raises:
            SpeechError: no engine speaks its language, or the engine failed.
        """
        if speech == "canned":
            return await self._canned_clip(request)
        if request.voice.model == "chirp3-hd":
            return await self._synthesize(request, speech)
        # WaveNet repeats itself exactly; espeak-ng and Ogg streams don't, so its takes are cached.
        return await self._cache.get((request, speech), lambda: self._synthesize(request, speech))

    async def spoiled(self, request: ValidRequest, kind: FaultKind, random: Random, speech: Speech = "espeak") -> bytes:
        """Returns the broken audio of a fault. Where the fault is in the samples, the request is spoken, canned or not.

        Raises:
            SpeechError: no engine speaks its language, or the engine failed.
        """
        aloud: Speech = "espeak" if speech == "canned" else speech
        if change := SAMPLE_FAULTS.get(kind):
            return await self._synthesize(request, aloud, lambda samples: change(samples, random))
        if kind == "riff" and request.encoding not in _WAVS:
            # A header before plain samples, or a file in place of another one.
            return await self.audio(replace(request, encoding="LINEAR16"), aloud)
        return FILE_FAULTS[kind](await self.audio(request, speech), random)

    async def _canned_clip(self, request: ValidRequest) -> bytes:
        """A clip as long as the spoken request would be; the first request of each kind makes it."""
        dense_script = request.voice.locale.startswith(_DENSE_LANGUAGES)
        characters, pauses_s = _spoken_characters(request.parsed), _pauses_s(request.parsed)
        seconds = canned_seconds(characters, request.rate, dense_script=dense_script, pauses_s=pauses_s)
        encoding, sample_rate = request.encoding, request.sample_rate
        key = (dense_script, encoding, sample_rate, seconds)
        return await self._cache.get(key, lambda: self._clip(seconds, encoding, sample_rate, dense_script))

    async def close(self) -> None:
        """Stops the threads; clips in progress end early."""
        self._stopping.set()
        await self._cache.close()
        await asyncio.to_thread(self._engines.close)
        self._encoders.shutdown(wait=False, cancel_futures=True)

    async def _synthesize(
        self, request: ValidRequest, speech: Speech, spoil: Callable[[Samples], Samples] = lambda samples: samples
    ) -> bytes:
        samples = await self._speak(prosody_for(request, self._takes.next_of(request)), request.sample_rate, speech)
        samples = samples * np.float32(10 ** (request.gain_db / 20))
        return await self._encode(spoil(samples), request.encoding, request.sample_rate)

    async def _clip(self, seconds: int, encoding: Encoding, sample_rate: int, dense_script: bool) -> bytes:
        text, _ = _CANNED_CHINESE if dense_script else _CANNED_ENGLISH
        voice = VOICES["cmn-CN-Wavenet-A" if dense_script else "en-US-Wavenet-C"]
        samples = await self._speak(Prosody(voice, (Utterance(text, 1.0, 0.0),)), sample_rate, "espeak")
        return await self._encode(np.resize(samples, seconds * sample_rate), encoding, sample_rate)

    async def _speak(self, prosody: Prosody, sample_rate: int, speech: Speech) -> Samples:
        if speech == "neural":
            engine, threads = await asyncio.to_thread(self._engines.for_voice, prosody.voice, speech)
        else:
            engine, threads = self._engines.for_voice(prosody.voice, speech)
        return await self._on_thread(threads, partial(engine.speak, prosody, sample_rate))

    async def _encode(self, samples: Samples, encoding: Encoding, sample_rate: int) -> bytes:
        return await self._on_thread(self._encoders, partial(encode, samples, encoding, sample_rate))

    async def _on_thread(self, threads: ThreadPoolExecutor, work: Callable[[Callable[[], bool]], T]) -> T:
        """Does work on a thread; the work ends early, or isn't begun, once its caller is cancelled."""
        given_up = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(threads, work, lambda: given_up.is_set() or self._stopping.is_set())
        except asyncio.CancelledError:
            given_up.set()
            raise


def canned_seconds(characters: float, rate: float, *, dense_script: bool, pauses_s: float = 0.0) -> int:
    """Returns the length in whole seconds, rounded up, in steps of 5 above 20."""
    _, characters_a_second = _CANNED_CHINESE if dense_script else _CANNED_ENGLISH
    seconds = max(math.ceil(characters / characters_a_second / rate + pauses_s), 1)
    return seconds if seconds <= _FINE_UP_TO_S else _COARSE_S * round(seconds / _COARSE_S)


def _spoken_characters(parsed: ParsedInput) -> float:
    """How many characters a voice at its own rate speaks in the same time; tags are none."""
    return sum(len(part.text) / part.rate for part in parsed if isinstance(part, SpokenText))


def _pauses_s(parsed: ParsedInput) -> float:
    return sum(part.seconds for part in parsed if isinstance(part, Pause))
