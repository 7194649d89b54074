"""Makes audio on threads: one for espeak-ng, several for encoding, and a cache of the results."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np

from loadtest.emulator.audio_cache import AudioCache
from loadtest.emulator.encoding import encode
from loadtest.emulator.espeak import Samples, speak
from loadtest.emulator.prosody import Prosody, Utterance, espeak_language, prosody_for
from loadtest.emulator.validation import Encoding, ValidRequest

_CACHE_BYTES = 64 * 1024 * 1024
# The text that canned clips repeat, and how many characters of a line make one second.
_CANNED_CHINESE = ("商隊黎明就要出發了，我們不能再等那些拾荒者。", 4.5)
_CANNED_ENGLISH = ("The caravan leaves at dawn, and we can't wait for the scavengers.", 15.0)
_DENSE_LANGUAGES = frozenset({"cmn", "ja", "ko"})
_FINE_UP_TO_S, _COARSE_S = 20, 5


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

    async def synthesize(self, request: ValidRequest, *, silent: bool = False) -> bytes:
        """Returns the audio of a request.

        Raises:
            SpeechError: espeak-ng doesn't speak its language.
        """
        if request.voice.model == "chirp3-hd" or silent:
            return await self._synthesize(request, silent=silent)
        # WaveNet repeats itself exactly; espeak-ng and Ogg streams don't, so its takes are cached.
        return await self._cache.get(request, lambda: self._synthesize(request, silent=False))

    async def canned_clip(self, request: ValidRequest) -> bytes:
        """Returns a clip as long as the spoken request would be; the first request of each kind makes it."""
        language = espeak_language(request.voice.locale)
        dense_script = language in _DENSE_LANGUAGES
        seconds = canned_seconds(len(request.input), request.rate, dense_script=dense_script)
        encoding, sample_rate = request.encoding, request.sample_rate
        key = (dense_script, encoding, sample_rate, seconds)
        return await self._cache.get(key, lambda: self._clip(seconds, encoding, sample_rate, dense_script))

    async def close(self) -> None:
        """Stops the threads; clips in progress end early."""
        self._stopping.set()
        await self._cache.close()
        self._espeak.shutdown(wait=False, cancel_futures=True)
        self._encoders.shutdown(wait=False, cancel_futures=True)

    async def _synthesize(self, request: ValidRequest, *, silent: bool) -> bytes:
        samples = await self._speak(prosody_for(request, self._random), request.sample_rate)
        samples = np.zeros_like(samples) if silent else samples * np.float32(10 ** (request.gain_db / 20))
        return await self._encode(samples, request.encoding, request.sample_rate)

    async def _clip(self, seconds: int, encoding: Encoding, sample_rate: int, dense_script: bool) -> bytes:
        text, _ = _CANNED_CHINESE if dense_script else _CANNED_ENGLISH
        language, wpm = ("cmn", 185) if dense_script else ("en-us", 145)
        prosody = Prosody(language, "f2", 50, (Utterance(text, wpm, 0.0),))
        samples = await self._speak(prosody, sample_rate)
        return await self._encode(np.resize(samples, seconds * sample_rate), encoding, sample_rate)

    async def _speak(self, prosody: Prosody, sample_rate: int) -> Samples:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._espeak, speak, prosody, sample_rate, self._stopping.is_set)

    async def _encode(self, samples: Samples, encoding: Encoding, sample_rate: int) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoders, encode, samples, encoding, sample_rate, self._stopping.is_set)


def canned_seconds(characters: int, rate: float, *, dense_script: bool) -> int:
    """Returns the length in whole seconds, at least 1, in steps of 5 above 20."""
    _, characters_a_second = _CANNED_CHINESE if dense_script else _CANNED_ENGLISH
    seconds = max(round(characters / characters_a_second / rate), 1)
    return seconds if seconds <= _FINE_UP_TO_S else _COARSE_S * round(seconds / _COARSE_S)
