"""Where audio is made: espeak-ng's one thread, the encoders' threads, and what is kept of their work."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from loadtest.emulator.delivery import Delivery, Utterance, delivery_of, espeak_language
from loadtest.emulator.encoding import encode
from loadtest.emulator.kept import Kept
from loadtest.emulator.rules import Encoding
from loadtest.emulator.speech import Samples, speak

if TYPE_CHECKING:
    from random import Random

    from loadtest.emulator.rules import Order

_KEPT_BYTES = 64 * 1024 * 1024
# What canned clips say, again and again, and how many characters of a line are a second of it.
_CANNED_CHINESE = ("商隊黎明就要出發了，我們不能再等那些拾荒者。", 4.5)
_CANNED_ENGLISH = ("The caravan leaves at dawn, and we can't wait for the scavengers.", 15.0)
_CLOSE_WRITTEN = frozenset({"cmn", "ja", "ko"})
_FINE_UP_TO_S, _COARSE_S = 20, 5


class Studio:
    """Makes audio for orders without holding up the event loop."""

    def __init__(self, random: Random, encoder_threads: int) -> None:
        """Start its threads; `random` is what makes two chirp3-hd takes of one line differ."""
        self._random = random
        self._espeak = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._encoders = ThreadPoolExecutor(encoder_threads, thread_name_prefix="encoder")
        self._stopping = threading.Event()
        self._kept = Kept(_KEPT_BYTES)

    def reseed(self, seed: int) -> None:
        """Begin the random variation of chirp3-hd anew."""
        self._random.seed(seed)

    async def spoken(self, order: Order, *, silent: bool = False) -> bytes:
        """The audio of an order.

        Raises:
            SpeechError: its language can't be spoken.
        """
        if order.voice.model == "chirp3-hd" or silent:
            return await self._spoken(order, silent=silent)
        # WaveNet's takes are kept, for neither espeak-ng nor an Ogg stream comes out the same twice.
        return await self._kept.get(order, lambda: self._spoken(order, silent=False))

    async def canned(self, order: Order) -> bytes:
        """A ready clip, as long as the order's words would take; made when it is asked for first."""
        language = espeak_language(order.voice.locale)
        close_written = language in _CLOSE_WRITTEN
        seconds = canned_seconds(len(order.input), order.rate, close_written=close_written)
        encoding, sample_rate = order.encoding, order.sample_rate
        key = (close_written, encoding, sample_rate, seconds)
        return await self._kept.get(key, lambda: self._clip(seconds, encoding, sample_rate, close_written))

    async def close(self) -> None:
        """Stop the threads; what they are making is cut short."""
        self._stopping.set()
        await self._kept.close()
        self._espeak.shutdown(wait=False, cancel_futures=True)
        self._encoders.shutdown(wait=False, cancel_futures=True)

    async def _spoken(self, order: Order, *, silent: bool) -> bytes:
        samples = await self._speak(delivery_of(order, self._random), order.sample_rate)
        samples = np.zeros_like(samples) if silent else samples * np.float32(10 ** (order.gain_db / 20))
        return await self._encode(samples, order.encoding, order.sample_rate)

    async def _clip(self, seconds: int, encoding: Encoding, sample_rate: int, close_written: bool) -> bytes:
        text, _ = _CANNED_CHINESE if close_written else _CANNED_ENGLISH
        language, wpm = ("cmn", 185) if close_written else ("en-us", 145)
        delivery = Delivery(language, "f2", 50, (Utterance(text, wpm, 0.0),))
        samples = await self._speak(delivery, sample_rate)
        return await self._encode(np.resize(samples, seconds * sample_rate), encoding, sample_rate)

    async def _speak(self, delivery: Delivery, sample_rate: int) -> Samples:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._espeak, speak, delivery, sample_rate, self._stopping.is_set)

    async def _encode(self, samples: Samples, encoding: Encoding, sample_rate: int) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoders, encode, samples, encoding, sample_rate, self._stopping.is_set)


def canned_seconds(characters: int, rate: float, *, close_written: bool) -> int:
    """Whole seconds, at least 1, that so many characters take; coarser where they are many."""
    _, characters_a_second = _CANNED_CHINESE if close_written else _CANNED_ENGLISH
    seconds = max(round(characters / characters_a_second / rate), 1)
    return seconds if seconds <= _FINE_UP_TO_S else _COARSE_S * round(seconds / _COARSE_S)
