"""A line that Google refuses for a long sentence is spoken in smaller parts, by both voice models."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from loadtest.emulator.settings import EmulatorSettings
from loadtest.emulator.validation import RefusedError, validate
from schemas.enums import AudioEncoding, FailureClass, Lane
from tests.unit.makers import CHIRP, WAVENET, audio, rendered_job
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.attempt import AttemptEnd, Attempter, Spoken
from worker.speech.failures import CallFailedError, Failure, classify_failure
from worker.speech.google import synthesis_request
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue
from worker.speech.line_parts import MOST_SPLITS
from worker.storage.takes import take_key

MODELS = pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
ABBREVIATIONS = (
    "The road north of St. Louis was guarded by Dr. Mason and Mr. Black and Mrs. Green and Sgt. Hill who had come "
    "from the old Vault No. 21 with Capt. Rhodes and Lt. Cole and a mule that nobody could calm while the rain fell "
    "over the ruined city and the wind took the roof of the last house that still stood there since the war began"
)
NUMBERS = "Dial " + " ".join(f"{number}{number + 1}55512{number}" for number in range(10, 32)) + " now"
SSML = f'<speak>Listen. <prosody rate="90%">{ABBREVIATIONS}</prosody><break time="300ms"/> Go.</speak>'


class StrictGoogle:
    """Refuses what the emulator refuses, by Google's words; `refuses` are texts that it refuses as too long too."""

    def __init__(self, *refuses: str) -> None:
        self.refuses = refuses
        self.spoken: list[str] = []
        self.refused: list[str] = []
        self.encodings: set[AudioEncoding] = set()

    async def synthesize(self, entry: Any, rendered: Any, encoding: AudioEncoding) -> bytes:
        self.encodings.add(encoding)
        refusal = self.refusal(synthesis_request(entry, rendered, encoding))
        if refusal is None and any(text in entry.content for text in self.refuses):
            refusal = "This request contains sentences that are too long."
        if refusal is not None:
            self.refused.append(entry.content)
            raise CallFailedError(classify_failure("INVALID_ARGUMENT", refusal))
        self.spoken.append(entry.content)
        return audio(encoding, len(entry.content) / 15, rendered.sample_rate)

    @staticmethod
    def refusal(request: Any) -> str | None:
        try:
            validate(request, EmulatorSettings())
        except RefusedError as error:
            return error.message
        return None


async def attempt(google: StrictGoogle, voice_model: Any, **changes: Any) -> AttemptEnd:
    metrics = Metrics(CollectorRegistry(), ["pip_boy"])
    clock = Clock(monotonic=lambda: 1000.0, now=lambda: datetime(2026, 1, 31, tzinfo=UTC))
    queue = RateLimitQueue(RateLimits(RateLimitRules({}, 0, 0.0)), 0.25, metrics, clock)
    queue.set_share(1.0)
    line = rendered_job(voice_model, **{"audio": {"encoding": "PCM", "sample_rate": 8000}, **changes})
    permits = Permits(queue, {}, metrics, clock)
    async with permits.acquire(voice_model, Lane.DIALOGUE, nullcontext, may_skip=False) as permit:
        return await Attempter(google, metrics, 0.0, clock).attempt(line, permit)


@MODELS
@pytest.mark.parametrize("text", [ABBREVIATIONS, NUMBERS])
async def test_a_line_that_is_too_long_for_google_alone_is_spoken_in_parts(voice_model: Any, text: str) -> None:
    google = StrictGoogle()
    end = await attempt(google, voice_model, text=text)
    assert isinstance(end.outcome, Spoken), end
    assert google.refused[0] == text, "it is tried as a whole first: that is what its take's key is made of"
    assert "".join(google.spoken) == text
    assert end.entry.calls == len(google.refused) + len(google.spoken)
    assert end.entry.billed_characters == len(text), "a refused call isn't billed"
    assert end.outcome.duration_s == pytest.approx(len(text) / 15, abs=0.1)


@MODELS
async def test_ssml_with_a_long_sentence_is_spoken_in_parts_too(voice_model: Any) -> None:
    google = StrictGoogle()
    end = await attempt(google, voice_model, text=None, ssml=SSML)
    assert isinstance(end.outcome, Spoken), end
    assert len(google.spoken) > 2
    assert (
        all(part.startswith("<speak>") and part.endswith("</speak>") for part in google.spoken) or voice_model is CHIRP
    )


@MODELS
@pytest.mark.parametrize("encoding", ["OGG_OPUS", "MP3", "LINEAR16", "MULAW"])
async def test_the_take_has_the_encoding_that_was_requested(voice_model: Any, encoding: str) -> None:
    google = StrictGoogle()
    end = await attempt(google, voice_model, text=ABBREVIATIONS, audio={"encoding": encoding, "sample_rate": 24000})
    assert isinstance(end.outcome, Spoken), end
    assert google.encodings == {AudioEncoding(encoding), AudioEncoding.LINEAR16}


@MODELS
async def test_a_part_that_is_refused_is_split_again(voice_model: Any) -> None:
    google = StrictGoogle("St. Louis")
    end = await attempt(google, voice_model, text=ABBREVIATIONS)
    assert isinstance(end.outcome, Spoken), end
    assert "".join(google.spoken) == ABBREVIATIONS
    assert len(google.refused) <= MOST_SPLITS


@MODELS
async def test_what_is_always_refused_fails_after_a_bounded_number_of_calls(voice_model: Any) -> None:
    google = StrictGoogle("o", "e", "a", "i")
    end = await attempt(google, voice_model, text=ABBREVIATIONS)
    assert isinstance(end.outcome, Failure)
    assert end.outcome.failure_class is FailureClass.INVALID
    assert "too long" in end.outcome.message
    assert len(google.refused) <= MOST_SPLITS + 4


@MODELS
async def test_of_a_long_text_only_the_refused_part_is_split(voice_model: Any) -> None:
    calm = "The caravan leaves at dawn. " * 190
    google = StrictGoogle()
    end = await attempt(google, voice_model, text=f"{calm}{ABBREVIATIONS}. {calm}")
    assert isinstance(end.outcome, Spoken), end
    assert len(google.refused) == 1
    assert end.outcome.duration_s == pytest.approx(end.entry.billed_characters / 15, abs=0.5)


@MODELS
async def test_pcm_is_asked_for_as_linear16_and_has_no_header(voice_model: Any) -> None:
    google = StrictGoogle()
    end = await attempt(google, voice_model, text="Take the old road north.")
    assert isinstance(end.outcome, Spoken), end
    assert google.encodings == {AudioEncoding.LINEAR16}
    assert end.outcome.audio == audio(AudioEncoding.PCM, 24 / 15, 8000)
    assert end.entry.calls == 1


KEYS = {
    (CHIRP, "OGG_OPUS", 24000): "98/98d72136fd7f67e260ad196217abab0531d39ed0933b20a2b33dd190296f2e4e.ogg",
    (CHIRP, "PCM", 8000): "8a/8abc20c87798426cbb53c026fd875b619f01bab51519030f2712bc2ba96fde04.pcm",
    (WAVENET, "OGG_OPUS", 24000): "d1/d1ad2d534200a4d884f3a1101408bbc2455a9787ad9afc67449d722baeba7615.ogg",
    (WAVENET, "PCM", 8000): "90/908b03bb5a7101940115d2357d941ac9bc5aaf42cbf0b47b7377bec329d5534f.pcm",
}


@pytest.mark.parametrize(("voice_model", "encoding", "sample_rate"), KEYS)
def test_the_take_of_such_a_line_keeps_the_key_of_version_0_1(
    voice_model: Any, encoding: str, sample_rate: int
) -> None:
    line = rendered_job(voice_model, text=ABBREVIATIONS, audio={"encoding": encoding, "sample_rate": sample_rate})
    assert take_key("", "pip_boy", line, 1).endswith(KEYS[voice_model, encoding, sample_rate])
