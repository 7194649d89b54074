"""Pairs of stored takes as people write them down."""

from __future__ import annotations

import json

import pytest

from schemas.enums import AudioEncoding
from schemas.errors import UsageError
from tests.unit.rollouts import NOW
from worker.listening.pairs_file import parse_pairs
from worker.listening.written_pairs import pairs_of_stored
from worker.storage.takes import StoredTake


def pair(number: int, character: str = "pip_boy", **changes: object) -> dict[str, object]:
    keys = {"chirp": f"takes/chirp3-hd/{number}.ogg", "wavenet": f"takes/wavenet/{number}.ogg"}
    return {"character": character, "line": f"line-{number}", **keys, **changes}


def lines(*pairs: object) -> str:
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in pairs)


async def look_up(key: str) -> StoredTake | None:
    if key.endswith("/9.ogg"):
        return None
    voice = "en-US-Chirp3-HD-Puck" if "chirp3-hd" in key else "en-US-Wavenet-D"
    return StoredTake(key, 1, "00", 1.0, AudioEncoding.OGG_OPUS, 24_000, voice)


def test_a_file_has_a_pair_a_line() -> None:
    found = parse_pairs(lines(pair(1, text="Hi"), "", pair(2), pair(1, "ghoul")))
    assert [each.id for each in found] == [("pip_boy", "line-1"), ("pip_boy", "line-2"), ("ghoul", "line-1")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("nonsense", "line 2: is no JSON object"),
        ("[1]", "line 2: "),
        (pair(2, line=""), "line 2: line: "),
        (pair(2, wavenet="takes/chirp3-hd/2.ogg"), "wavenet: must be another take than chirp"),
        (pair(2, extra=1), "line 2: extra: "),
        (pair(1), "line 2: character 'pip_boy' has line 'line-1' twice"),
    ],
)
def test_a_wrong_line_is_named(wrong: object, said: str) -> None:
    with pytest.raises(ValueError, match="line 2") as refused:
        parse_pairs(lines(pair(1), wrong))
    assert said in str(refused.value)


async def test_the_voices_are_those_of_the_stored_takes() -> None:
    first, second = await pairs_of_stored(parse_pairs(lines(pair(1), pair(2))), look_up, time=NOW, source="/t")
    assert (first.first.voice, first.second.voice) == ("en-US-Chirp3-HD-Puck", "en-US-Wavenet-D")
    assert first.pair_id != second.pair_id


@pytest.mark.parametrize(
    ("wrong", "said"), [(pair(9), "isn't stored"), (pair(1, chirp="takes/wavenet/3.ogg"), "not chirp3-hd's")]
)
async def test_a_take_that_is_not_there_or_another_models_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        await pairs_of_stored(parse_pairs(lines(wrong)), look_up, time=NOW, source="/t")
