"""Where audio is checked: on the event loop while that is short, on a thread else; what is found is the same."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from prometheus_client import CollectorRegistry

from schemas.enums import AudioEncoding, AudioFault
from tests.unit.makers import audio, rendered
from worker.config.sections import AudioCheckSettings
from worker.observability.metrics import Metrics
from worker.speech import audio_check
from worker.speech.audio_check import AudioCheck
from worker.speech.audio_format import BadAudioError
from worker.speech.ogg_opus import OggOpus, read_pages

E = AudioEncoding


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was given to a thread."""
    given: list[Any] = []

    async def to_thread(work: Any) -> Any:
        given.append(work)
        return work()

    monkeypatch.setattr(audio_check.asyncio, "to_thread", to_thread)
    return given


def checking() -> AudioCheck:
    return AudioCheck(AudioCheckSettings(), Metrics(CollectorRegistry(), ()))


def silence(seconds: float) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, np.zeros(round(seconds * 24000)), 24000, format="OGG", subtype="OPUS")
    return made.getvalue()


@pytest.mark.parametrize("seconds", [0.75, 2.0, 20.0])
async def test_a_voice_in_ogg_opus_needs_no_thread(threads: list[Any], seconds: float) -> None:
    assert await checking().check(audio(E.OGG_OPUS, seconds), rendered(spoken_units=12 * seconds)) == pytest.approx(
        seconds, abs=0.001
    )
    assert not threads


async def test_ogg_opus_in_which_no_voice_is_heard_is_decoded_as_a_whole_on_a_thread(threads: list[Any]) -> None:
    with pytest.raises(BadAudioError, match="silent") as refused:
        await checking().check(silence(2.0), rendered(spoken_units=24))
    assert refused.value.fault is AudioFault.SILENCE
    assert len(threads) == 1


@pytest.mark.parametrize("changed", ["_LONGEST_PAGE_S", "_QUICK_BYTES"])
async def test_ogg_opus_of_long_pages_and_a_large_file_go_to_a_thread(
    threads: list[Any], changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_check, changed, 0.1)
    assert await checking().check(audio(E.OGG_OPUS, 2.0), rendered(spoken_units=24)) == pytest.approx(2.0, abs=0.001)
    assert len(threads) == 1


async def test_mp3_goes_to_a_thread(threads: list[Any]) -> None:
    await checking().check(audio(E.MP3, 2.0), rendered(encoding=E.MP3, spoken_units=24))
    assert len(threads) == 1


def test_the_longest_page_is_that_of_its_packets() -> None:
    pages = read_pages(audio(E.OGG_OPUS, 3.0))
    assert pages is not None
    assert pages.longest_page_s == pytest.approx(1.0, abs=0.05)
    assert OggOpus(0, ()).longest_page_s == 0
