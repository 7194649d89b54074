"""From pairs as people write them down to pairs of the topic: the voices come from the stored takes."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from schemas.enums import VoiceModel
from schemas.errors import UsageError
from schemas.pair import Pair, PairedTake
from worker.listening.known_pairs import LookUp
from worker.listening.pair_plan import PREFIX
from worker.listening.pairs_file import WrittenPair


async def pairs_of_stored(
    written: Iterable[WrittenPair], look_up: LookUp, *, time: datetime, source: str
) -> list[Pair]:
    """The pairs.

    Args:
        time: when they are made.
        source: URI reference of who makes them.

    Raises:
        UsageError: a take isn't stored, or another model spoke it.
        StorageError: the store doesn't answer.
    """
    return [
        Pair(
            pair_id=_pair_id(each),
            character=each.character,
            line=each.line,
            language=each.language,
            text=each.text,
            first=await _take(each, each.chirp, VoiceModel.CHIRP3_HD, look_up),
            second=await _take(each, each.wavenet, VoiceModel.WAVENET, look_up),
            time=time.isoformat(),
            source=source,
        )
        for each in written
    ]


def _pair_id(pair: WrittenPair) -> str:
    """The same for the same line of a character: written again, it takes the place of its pair."""
    said = f"{pair.character}\n{pair.language}\n{pair.line}"
    return PREFIX + hashlib.sha256(said.encode()).hexdigest()[:20]


async def _take(pair: WrittenPair, key: str, model: VoiceModel, look_up: LookUp) -> PairedTake:
    stored = await look_up(key)
    if stored is None:
        raise UsageError(f"{pair.character}, {pair.line}: the take {key} isn't stored")
    spoke = VoiceModel.CHIRP3_HD if "-Chirp3-HD-" in stored.voice else VoiceModel.WAVENET
    if spoke is not model:
        raise UsageError(f"{pair.character}, {pair.line}: {key} is {stored.voice}'s, not {model.value}'s")
    return PairedTake(audio=key, voice_model=model, voice=stored.voice)
