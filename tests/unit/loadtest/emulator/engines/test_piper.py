"""The protocol of Piper's process, with programs in Piper's place that fail as processes do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from loadtest.emulator.engines.interface import EngineEndedError, SpeechError
from loadtest.emulator.engines.piper import Piper

READY = """
import json, sys, time
answers = sys.stdout.buffer
def answer(head, samples=b""):
    answers.write(json.dumps({**head, "bytes": len(samples)}).encode() + b"\\n" + samples)
    answers.flush()
answer({})
"""
# As many samples as the text has characters, each as large as the length is.
ECHO = """
for line in sys.stdin:
    request = json.loads(line)
    number = round(request["length"] * 1000).to_bytes(2, "little")
    answer({"cpu_s": 0.5}, number * len(request["text"]))
"""


@contextmanager
def piper(program: str, *, answer_s: float = 60.0, start_s: float = 60.0) -> Iterator[Piper]:
    voice = Piper([sys.executable, "-c", program], answer_s=answer_s, start_s=start_s)
    try:
        yield voice
    finally:
        voice.close()


def test_a_sentence_is_answered_with_its_samples_and_its_cost() -> None:
    with piper(READY + ECHO) as voice:
        sentence = voice.say("Hello.", 2.0)
        assert np.allclose(sentence.samples * 32768, [500] * 6)
        assert sentence.cpu_s == 0.5


def test_an_answer_longer_than_a_pipe_holds_is_read_whole() -> None:
    with piper(READY + ECHO) as voice:
        assert voice.say("a" * 500_000, 1.0).samples.size == 500_000
        assert voice.say("b", 1.0).samples.size == 1


def test_the_speed_is_held_within_what_stays_speech() -> None:
    with piper(READY + ECHO) as voice:
        assert np.allclose(voice.say("a", 9.0).samples * 32768, 400)
        assert np.allclose(voice.say("a", 0.1).samples * 32768, 2500)


def test_an_error_is_the_sentences_own_and_the_process_goes_on() -> None:
    program = READY + 'for line in sys.stdin: answer({"error": "ValueError: no"} if "bad" in line else {"cpu_s": 0})'
    with piper(program) as voice:
        with pytest.raises(SpeechError, match="ValueError: no") as refused:
            voice.say("bad", 1.0)
        assert not isinstance(refused.value, EngineEndedError)
        assert voice.say("good", 1.0).samples.size == 0


def test_after_a_death_the_next_sentence_starts_another_process() -> None:
    program = READY + 'line = sys.stdin.readline()\nif "die" in line: sys.exit(3)\nanswer({"cpu_s": 0}, b"ab")'
    with piper(program) as voice:
        with pytest.raises(EngineEndedError, match="ended"):
            voice.say("die", 1.0)
        assert voice.say("live", 1.0).samples.size == 1


def test_a_death_in_the_middle_of_an_answer_is_no_answer() -> None:
    program = READY + 'sys.stdin.readline()\nanswers.write(b\'{"cpu_s": 0, "bytes": 100}\\n123\')'
    with piper(program) as voice, pytest.raises(EngineEndedError):
        voice.say("Hello.", 1.0)


def test_a_process_that_does_not_start_is_an_error() -> None:
    with piper("raise SystemExit('no such module')") as voice, pytest.raises(EngineEndedError):
        voice.say("Hello.", 1.0)
    absent = Piper(["/nonexistent/piper"])
    with pytest.raises(EngineEndedError, match="No such file"):
        absent.say("Hello.", 1.0)


@pytest.mark.parametrize("said", ["print('hello')", "print('x' * 10000)", "print('[]')", "print('{}')"])
def test_what_is_no_answer_ends_the_process(said: str) -> None:
    with piper(READY + f"sys.stdin.readline()\n{said}\nsys.stdout.flush()\ntime.sleep(600)") as voice:
        with pytest.raises(EngineEndedError):
            voice.say("Hello.", 1.0)
        assert voice.process_id is None


def test_a_process_that_is_silent_for_too_long_is_ended() -> None:
    with piper(READY + "time.sleep(600)", answer_s=0.2) as voice:
        with pytest.raises(EngineEndedError, match="no answer in time"):
            voice.say("Hello.", 1.0)
        assert voice.process_id is None
    with piper("import time; time.sleep(600)", start_s=0.2) as voice, pytest.raises(EngineEndedError):
        voice.say("Hello.", 1.0)


def test_who_waits_for_a_process_that_is_closed_gets_an_error() -> None:
    voice = Piper([sys.executable, "-c", READY + 'sys.stdin.readline()\nanswer({"cpu_s": 0})\ntime.sleep(600)'])
    voice.say("It runs.", 1.0)
    raised = list[BaseException]()

    def wait() -> None:
        try:
            voice.say("Hello.", 1.0)
        except EngineEndedError as error:
            raised.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    voice.close()
    waiting.join(60)
    assert raised
    with pytest.raises(EngineEndedError, match="closed"):
        voice.say("Hello.", 1.0)
