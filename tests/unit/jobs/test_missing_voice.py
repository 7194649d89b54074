"""A voice that Google has no more: the character's second voice speaks; a job that named the voice is told so."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.enums import DecisionReason, FailureClass
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET
from tests.unit.world import World, failed, spoke
from worker.rollout.state import RolloutState
from worker.speech.failures import CallFailedError, classify_failure

WAVENET_ALONE = RolloutState(enabled=True, percentage=0, characters=None)


class Voices:
    """Stands between the pipeline and its studio: refuses some voices in Google's words."""

    def __init__(self, world: World, *missing: str) -> None:
        self.synthesize_there = world.google.synthesize
        self.missing = missing
        self.requested: list[str] = []
        world.google.synthesize = self.synthesize  # type: ignore[method-assign]

    async def synthesize(self, entry: Any, rendered: Any, encoding: Any) -> bytes:
        self.requested.append(rendered.voice.name)
        if rendered.voice.name in self.missing:
            message = f"Voice '{rendered.voice.name}' does not exist. Is it misspelled?"
            raise CallFailedError(classify_failure("INVALID_ARGUMENT", message))
        return await self.synthesize_there(entry, rendered, encoding)


async def test_the_second_voice_speaks_when_the_first_is_gone() -> None:
    world = World(WAVENET_ALONE)
    voices = Voices(world, "en-US-Wavenet-I")
    completion = spoke(await world.run())
    assert voices.requested == ["en-US-Wavenet-I", "en-US-Wavenet-A"]
    assert (completion.voice, completion.voice_model, completion.fallback) == ("en-US-Wavenet-A", WAVENET, False)
    assert [each.voice for each in completion.attempts] == voices.requested
    assert not any(each.falls_back for each in completion.attempts)
    assert world.counted() == {"wavenet error": 1, "wavenet success": 1}


async def test_the_second_voices_take_is_found_again() -> None:
    world = World(WAVENET_ALONE)
    voices = Voices(world, "en-US-Wavenet-I")
    first, again = spoke(await world.run()), spoke(await world.run(job_id="again"))
    assert again.audio.cached
    assert again.audio.key == first.audio.key
    assert voices.requested == ["en-US-Wavenet-I", "en-US-Wavenet-A", "en-US-Wavenet-I"]


async def test_it_speaks_for_a_chirp_voice_that_fails_too() -> None:
    world = World()
    Voices(world, "en-US-Chirp3-HD-Puck", "en-US-Wavenet-I")
    completion = spoke(await world.run())
    assert (completion.voice, completion.fallback) == ("en-US-Wavenet-A", True)
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "wavenet success": 1, "fallback": 1}


async def test_a_job_whose_voices_are_all_gone_is_a_dead_letter() -> None:
    world = World(WAVENET_ALONE)
    voices = Voices(world, "en-US-Wavenet-I", "en-US-Wavenet-A")
    completion = failed(await world.run())
    assert len(voices.requested) == 2
    assert completion.error.failure_class == FailureClass.INVALID
    assert "en-US-Wavenet-A" in completion.error.message


@pytest.mark.parametrize("name", ["en-US-Wavenet-Z", "en-US-Wavenet-I", "en-US-Chirp3-HD-Puk"])
async def test_a_voice_that_the_job_names_and_google_has_not_is_a_dead_letter_that_names_the_field(name: str) -> None:
    world = World()
    voices = Voices(world, name)
    completion = failed(await world.run(voice=name))
    assert voices.requested == [name], "nobody speaks instead of a voice that was named"
    assert (completion.error.field, completion.error.code) == ("voice", "INVALID_ARGUMENT")
    assert name in completion.error.message
    assert completion.decision.reason is DecisionReason.FORCED
    assert world.count("tts_chirp3_fallback_total") == 0


@pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
async def test_a_voice_model_that_the_job_names_falls_back_and_has_a_second_voice(voice_model: Any) -> None:
    world = World()
    name = CATALOGUE.voice("pip_boy", "en-US", voice_model)
    assert name is not None
    Voices(world, name.name)
    completion = spoke(await world.run(voice=voice_model.value))
    assert completion.voice == ("en-US-Wavenet-I" if voice_model is CHIRP else "en-US-Wavenet-A")
