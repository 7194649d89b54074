"""Piper in a process of its own, for its licence: starts it, asks it, and starts another one once it has ended."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from loadtest.emulator.engines.interface import EngineEndedError, Sentence, SpeechError

VERSION: Final = "piper-joe-medium"
NATIVE_HZ: Final = 22_050
# Without its folder in the path: `piper` there is this module.
PROGRAM: Final = (sys.executable, "-P", str(Path(__file__).with_name("piper_process.py")))
_START_S: Final = 120.0
_ANSWER_S: Final = 60.0
_LONGEST_HEAD: Final = 4096
_SLOWEST, _FASTEST = 0.4, 2.5


class Piper:
    """The voice Joe. One request at a time; others wait for it.

    Args:
        command: the program, for tests another one.
        start_s: how long it may load, in seconds.
        answer_s: how long a sentence may take, in seconds.
    """

    def __init__(
        self, command: Sequence[str] = PROGRAM, *, start_s: float = _START_S, answer_s: float = _ANSWER_S
    ) -> None:
        self._command = command
        self._start_s, self._answer_s = start_s, answer_s
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def say(self, text: str, speed: float) -> Sentence:
        """Returns a sentence at `NATIVE_HZ`, at a speed that is held within 0.4 to 2.5.

        Raises:
            EngineEndedError: the process ended, or didn't answer in time.
            SpeechError: it answered with an error.
        """
        request = {"text": text, "length": 1.0 / min(max(speed, _SLOWEST), _FASTEST)}
        with self._one_at_a_time:
            if self._closed:
                raise EngineEndedError("Piper's process was closed")
            try:
                process = self._running()
                _stdin(process).write(json.dumps(request).encode() + b"\n")
                _stdin(process).flush()
                head, samples = _read_answer(process, self._answer_s)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._end()
                raise EngineEndedError(f"Piper's process ended: {error}") from error
        if "error" in head:
            raise SpeechError(f"Piper failed: {head['error']}")
        return Sentence(np.frombuffer(samples, dtype="<i2").astype(np.float32) / 32768.0, float(head["cpu_s"]))

    @property
    def process_id(self) -> int | None:
        """The running process; None while there is none."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """Ends the process; who waits for its answer gets an error."""
        self._closed = True
        # Who waits reads the pipe's end: it must not be closed before.
        if process := self._process:
            process.kill()
        with self._one_at_a_time:
            self._end()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if self._closed:
                self._process.kill()
            _read_answer(self._process, self._start_s)
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                # Bytes that it didn't take are of no use any more.
                with contextlib.suppress(OSError):
                    _open(pipe).close()


def _read_answer(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[dict[str, Any], bytes]:
    """Reads one answer: its head and its samples.

    Raises:
        OSError: the process ended, or the time did.
        ValueError: it is no answer.
    """
    pipe = _open(process.stdout).fileno()
    until = time.monotonic() + seconds
    read = bytearray()
    while b"\n" not in read:
        if len(read) > _LONGEST_HEAD:
            raise ValueError("it wrote no line of JSON")
        read += _read(pipe, until)
    line, _, samples = bytes(read).partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    size = int(head["bytes"])
    body = bytearray(samples)
    while len(body) < size:
        body += _read(pipe, until)
    return head, bytes(body)


def _read(pipe: int, until: float) -> bytes:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(until - time.monotonic(), 0.0)):
            raise TimeoutError("no answer in time")
    read = os.read(pipe, 1 << 16)
    if not read:
        raise BrokenPipeError("it said nothing more")
    return read


def _stdin(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    return _open(process.stdin)


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the process has no pipes")
    return pipe
