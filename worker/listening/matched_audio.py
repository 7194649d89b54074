"""Two takes as listeners hear them: equally loud, and in one form, so that neither shows which model made it.

The louder one is turned down, as samples: a player's own volume doesn't work on iPhones, and would tell by its number
which take was turned down. WAV loses nothing more to a codec.
"""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import soundfile

from schemas.errors import UnavailableError
from worker.speech.audio_format import BadAudioError
from worker.speech.loudness import decode_whole, integrated_lufs, matching_gains_db, with_gain
from worker.speech.sound import Values
from worker.storage.takes import StoredTake

MEDIA_TYPE: Final = "audio/wav"
_MOST_KNOWN: Final = 10_000

FetchWhole = Callable[[str], Awaitable[tuple[StoredTake, bytes] | None]]
"""A stored take with its audio by its key, or None; raises StorageError."""


@dataclass(frozen=True)
class _Take:
    stored: StoredTake
    audio: bytes


class MatchedAudio:
    """Makes the audio of pairs, and remembers how loud each take is."""

    def __init__(self, fetch: FetchWhole) -> None:
        self._fetch = fetch
        self._lufs: OrderedDict[str, float] = OrderedDict()

    async def wav(self, key: str, beside: str) -> bytes:
        """A take as WAV, no louder than the one beside it.

        Raises:
            StorageError: the store doesn't answer.
            UnavailableError: a take isn't stored any more, or can't be decoded.
        """
        take = await self._take(key)
        own = await self._loudness(key, take)
        other = await self._loudness(beside, None)
        gain, _ = matching_gains_db(own, other)
        return await asyncio.to_thread(_wav, take, gain)

    async def _loudness(self, key: str, take: _Take | None) -> float:
        if key not in self._lufs:
            self._lufs[key] = await asyncio.to_thread(_measure, take or await self._take(key))
            if len(self._lufs) > _MOST_KNOWN:
                self._lufs.popitem(last=False)
        return self._lufs[key]

    async def _take(self, key: str) -> _Take:
        found = await self._fetch(key)
        if found is None:
            raise UnavailableError(f"the take {key} isn't stored any more")
        return _Take(*found)


def _measure(take: _Take) -> float:
    return integrated_lufs(*_decoded(take))


def _wav(take: _Take, gain_db: float) -> bytes:
    samples, rate = _decoded(take)
    file = io.BytesIO()
    soundfile.write(file, with_gain(samples, gain_db), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _decoded(take: _Take) -> tuple[Values, int]:
    try:
        return decode_whole(take.audio, take.stored.encoding, take.stored.sample_rate)
    except BadAudioError as error:
        raise UnavailableError(f"the take {take.stored.key} can't be played: {error}") from None
