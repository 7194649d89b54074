"""Makes audio on threads: one for espeak-ng, several for encoding, and a cache of the results."""

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
from loadtest.emulator.espeak import Samples, speak
from loadtest.emulator.markup import ParsedInput, Pause, SpokenText
from loadtest.emulator.prosody import Prosody, Utterance, espeak_language, prosody_for
from loadtest.emulator.settings import FaultKind
from loadtest.emulator.validation import Encoding, ValidRequest

T = TypeVar("T")
_CACHE_BYTES = 64 * 1024 * 1024
# The text that canned clips repeat, and how many characters of a line make one second.
_CANNED_CHINESE = ("商隊黎明就要出發了，我們不能再等那些拾荒者。", 4.5)
_CANNED_ENGLISH = ("The caravan leaves at dawn, and we can't wait for the scavengers.", 15.0)
_DENSE_LANGUAGES = frozenset({"cmn", "ja", "ko"})
_FINE_UP_TO_S, _COARSE_S = 20, 5
_WAVS = frozenset({"LINEAR16", "MULAW", "ALAW"})


class Synthesizer:
    """Makes audio for requests without blocking the event loop.

    Args:
        random: varies chirp3-hd, so that two takes of one line differ.
        encoder_threads: how many clips are encoded at the same time.
    """

    def __init__(self, random: Random, encoder_threads: int) -> None:
        self._random = random
        self._espeak = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._encoders = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self._stopping = threading.Event()
        self._cache = AudioCache(_CACHE_BYTES)

    def reseed(self, seed: int) -> None:
        """Restarts the random variation of chirp3-hd."""
        self._random.seed(seed)

    async def spoken(self, request: ValidRequest) -> bytes:
        """Returns the audio of a request.

        Raises:
            SpeechError: espeak-ng doesn't speak its language.
        """
        if request.voice.model == "chirp3-hd":
            return await self._synthesize(request)
        # WaveNet repeats itself exactly; espeak-ng and Ogg streams don't, so its takes are cached.
        return await self._cache.get(request, lambda: self._synthesize(request))

    async def spoiled(self, request: ValidRequest, kind: FaultKind, random: Random, *, canned: bool) -> bytes:
        """Returns the broken audio of a fault. Where the fault is in the samples, the request is spoken, canned or not.

        Raises:
            SpeechError: espeak-ng doesn't speak its language.
        """
        if change := SAMPLE_FAULTS.get(kind):
            return await self._synthesize(request, lambda samples: change(samples, random))
        if kind == "riff" and request.encoding not in _WAVS:
            # A header before plain samples, or a file in place of another one.
            return await self.spoken(replace(request, encoding="LINEAR16"))
        audio = await self.canned_clip(request) if canned else await self.spoken(request)
        return FILE_FAULTS[kind](audio, random)

    async def canned_clip(self, request: ValidRequest) -> bytes:
        """Returns a clip as long as the spoken request would be; the first request of each kind makes it."""
        language = espeak_language(request.voice.locale)
        dense_script = language in _DENSE_LANGUAGES
        characters, pauses_s = _spoken_characters(request.parsed), _pauses_s(request.parsed)
        seconds = canned_seconds(characters, request.rate, dense_script=dense_script, pauses_s=pauses_s)
        encoding, sample_rate = request.encoding, request.sample_rate
        key = (dense_script, encoding, sample_rate, seconds)
        return await self._cache.get(key, lambda: self._clip(seconds, encoding, sample_rate, dense_script))

    async def close(self) -> None:
        """Stops the threads; clips in progress end early."""
        self._stopping.set()
        await self._cache.close()
        self._espeak.shutdown(wait=False, cancel_futures=True)
        self._encoders.shutdown(wait=False, cancel_futures=True)

    async def _synthesize(
        self, request: ValidRequest, spoil: Callable[[Samples], Samples] = lambda samples: samples
    ) -> bytes:
        samples = await self._speak(prosody_for(request, self._random), request.sample_rate)
        samples = samples * np.float32(10 ** (request.gain_db / 20))
        return await self._encode(spoil(samples), request.encoding, request.sample_rate)

    async def _clip(self, seconds: int, encoding: Encoding, sample_rate: int, dense_script: bool) -> bytes:
        text, _ = _CANNED_CHINESE if dense_script else _CANNED_ENGLISH
        language, wpm = ("cmn", 185) if dense_script else ("en-us", 145)
        prosody = Prosody(language, "f2", 50, (Utterance(text, wpm, 0.0),))
        samples = await self._speak(prosody, sample_rate)
        return await self._encode(np.resize(samples, seconds * sample_rate), encoding, sample_rate)

    async def _speak(self, prosody: Prosody, sample_rate: int) -> Samples:
        return await self._on_thread(self._espeak, partial(speak, prosody, sample_rate))

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
