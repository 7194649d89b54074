"""The waveform's address: a take's sound as bars, what can't be decoded as a sentence, what isn't a take not at all."""

from __future__ import annotations

from dataclasses import replace

from schemas.enums import AudioEncoding
from tests.unit.console.web.consoles import console_parts, signed_in
from tests.unit.makers import audio
from worker.console.web.parts import ConsoleParts
from worker.storage.takes import StoredTake

DIGEST = "ab" + "0" * 62


def with_take(sound: bytes | None) -> ConsoleParts:
    async def fetch(key: str) -> tuple[StoredTake, bytes] | None:
        take = StoredTake(key, 1, "00", 1.0, AudioEncoding.OGG_OPUS, 24_000, "en-US-Wavenet-B")
        return None if sound is None else (take, sound)

    return replace(console_parts(), fetch_take=fetch)


def address(parts: ConsoleParts) -> str:
    return f"/lines/waveform?key={parts.settings.storage.prefix}/ghoul/wavenet/ab/{DIGEST}.ogg"


async def test_a_take_is_drawn_and_kept_by_the_browser() -> None:
    parts = with_take(audio(AudioEncoding.OGG_OPUS, seconds=1.0))
    answer = await (await signed_in(parts)).get(address(parts))
    assert answer.status == 200
    assert 'class="wave"' in answer.text
    assert answer.text.count("M") >= 49
    assert answer.header("cache-control") == "private, max-age=86400"


async def test_what_cannot_be_decoded_is_said_and_not_kept() -> None:
    parts = with_take(b"no audio")
    answer = await (await signed_in(parts)).get(address(parts))
    assert "can&#39;t be decoded" in answer.text
    assert answer.header("cache-control") == "no-store"


async def test_what_is_no_take_of_this_deployment_is_not_there() -> None:
    parts = with_take(None)
    visiting = await signed_in(parts)
    for path in (address(parts), "/lines/waveform?key=../secret", "/lines/waveform"):
        assert (await visiting.get(path)).status == 404


async def test_a_search_for_an_unknown_character_or_too_long_a_text_is_refused() -> None:
    visiting = await signed_in(console_parts())
    for query, said in (
        ("character=nobody", "is unknown; the characters are"),
        (f"text={'x' * 201}", "allowed are 200"),
    ):
        answer = await visiting.get(f"/lines?{query}")
        assert answer.status == 422
        assert said in answer.text
