"""What generative voices do when they go wrong, by the emulator's switches: each is refused in each encoding."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.benchmarks.audio_check.__main__ import count_false_alarms
from loadtest.benchmarks.audio_check.attempts import EmulatedAttempts
from loadtest.emulator.audio_faults import AUDIO_FAULTS
from loadtest.emulator.settings import FaultKind
from loadtest.emulator.synthesizer import Synthesizer
from schemas.enums import AudioEncoding, AudioFault, FailureClass
from tests.unit.makers import CHIRP, WAVENET, rendered_job
from worker.config.sections import AudioCheckSettings
from worker.speech.attempt import Spoken
from worker.speech.failures import Failure
from worker.speech.render import Rendered

E, F = AudioEncoding, AudioFault
LINE = "Take the old road north until you see the tower, then wait for my signal, and keep your head down."
UNHEARD: frozenset[FaultKind] = frozenset({"other", "click"})
"""What the check can't hear: other words of the same length, and a single click."""


def line(encoding: AudioEncoding, voice_model: Any = CHIRP, **changes: Any) -> Rendered:
    rate = 8000 if encoding in {E.MULAW, E.ALAW} else 24000
    return rendered_job(voice_model, **{"text": LINE, "audio": {"encoding": encoding, "sample_rate": rate}, **changes})


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(1, 1)


@pytest.fixture
def attempts(synthesizer: Synthesizer) -> EmulatedAttempts:
    return EmulatedAttempts(synthesizer)


@pytest.mark.parametrize("encoding", E)
@pytest.mark.parametrize("fault", sorted(AUDIO_FAULTS - UNHEARD))
async def test_each_kind_of_bad_audio_is_refused_in_each_encoding(
    attempts: EmulatedAttempts, fault: FaultKind, encoding: AudioEncoding
) -> None:
    end = await attempts.attempt(line(encoding), fault)
    assert isinstance(end.outcome, Failure), f"{end.outcome.duration_s:.2f} s"
    assert end.outcome.failure_class is FailureClass.BAD_AUDIO
    assert list(attempts.counted(CHIRP).values()) == [1]


@pytest.mark.parametrize("encoding", E)
@pytest.mark.parametrize("voice_model", [CHIRP, WAVENET])
async def test_a_good_line_is_taken_in_each_encoding(
    attempts: EmulatedAttempts, encoding: AudioEncoding, voice_model: Any
) -> None:
    for text in (LINE, "Go!", "避難所的門在黎明打開，沒有人知道為什麼。"):
        chinese = ord(text[0]) > 0x2E80
        language = {"language": "cmn-TW"} if chinese else {}
        if chinese and voice_model is CHIRP:
            continue
        end = await attempts.attempt(line(encoding, voice_model, text=text, **language))
        assert isinstance(end.outcome, Spoken), end.outcome
    assert not attempts.counted(voice_model)


@pytest.mark.parametrize("fault", sorted(UNHEARD))
async def test_words_that_nobody_wrote_and_a_click_are_not_heard(attempts: EmulatedAttempts, fault: FaultKind) -> None:
    end = await attempts.attempt(line(E.LINEAR16), fault)
    assert isinstance(end.outcome, Spoken)


CASES: list[tuple[dict[str, Any], FaultKind, AudioFault]] = [
    (
        {
            "text": "Truncated MP3 Take the old road north until you see the tower, then wait for my signal, "
            "and keep your head down.",
            "audio": {"encoding": "MP3", "sample_rate": 24000},
        },
        "truncated",
        F.CUT,
    ),
    ({"text": "Now silent Take the old road north until you see the tower.", "audio": None}, "silent", F.SILENCE),
    (
        {
            "text": "Garbled PCM Take the old road north until you see the tower.",
            "audio": {"encoding": "PCM", "sample_rate": 24000},
        },
        "garbled",
        # Google is asked for LINEAR16, which has a header that isn't there.
        F.UNREADABLE,
    ),
]


@pytest.mark.parametrize(("document", "fault", "check"), CASES, ids=[fault for _, fault, _ in CASES])
async def test_what_was_once_stored_as_good_is_bad_audio_by_the_check_that_hears_it(
    attempts: EmulatedAttempts, document: dict[str, Any], fault: FaultKind, check: AudioFault
) -> None:
    end = await attempts.attempt(rendered_job(CHIRP, **document), fault)
    assert isinstance(end.outcome, Failure)
    assert end.outcome.failure_class is FailureClass.BAD_AUDIO
    assert attempts.counted(CHIRP) == {check: 1}


async def test_a_check_that_is_set_to_warn_counts_and_lets_the_take_pass(synthesizer: Synthesizer) -> None:
    settings = AudioCheckSettings.model_validate({"AUDIO_CHECK_SILENCE": "warn"})
    attempts = EmulatedAttempts(synthesizer, settings)
    end = await attempts.attempt(line(E.LINEAR16), "silent")
    assert isinstance(end.outcome, Spoken)
    assert (attempts.counted(CHIRP, "warn"), attempts.counted(CHIRP)) == ({F.SILENCE: 1}, {})
    end = await attempts.attempt(line(E.LINEAR16), "long")
    assert isinstance(end.outcome, Failure)
    assert attempts.counted(CHIRP) == {F.LENGTH: 1}


async def test_good_lines_raise_no_alarm() -> None:
    """A sample; `make false-alarms` speaks some 4,400 lines."""
    tally = await count_false_alarms(12, 4, list(E))
    assert tally.alarms == []
    assert tally.checked.total() > 70
    assert set(tally.checked) == set(E)
