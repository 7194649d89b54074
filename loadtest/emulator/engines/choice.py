"""Which engine speaks a voice, and on which threads."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loadtest.emulator.engines import espeak
from loadtest.emulator.engines.interface import Engine
from loadtest.emulator.engines.neural import VOICES_FOLDER, NeuralEngine
from loadtest.emulator.settings import Speech
from loadtest.emulator.voices import Voice


class Engines:
    """Owns the engines and their threads. A neural model is loaded when the first sentence wants it.

    What opens or closes the neural voices reads files and waits for a process: call it on a thread.

    Args:
        folder: for the neural voices' styles and takes.
    """

    def __init__(self, folder: Path = VOICES_FOLDER) -> None:
        self._folder = folder
        # The library has one caller at a time.
        self.espeak_threads = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self._neural_threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="neural")
        self._neural: NeuralEngine | None = None
        self._opening = threading.Lock()

    def for_voice(self, voice: Voice, speech: Speech) -> tuple[Engine, ThreadPoolExecutor]:
        """Returns who speaks a voice: eSpeak also where no neural model speaks its language."""
        if speech == "neural":
            neural = self._opened()
            if neural.voice_of(voice) is not None:
                return neural, self._neural_threads
        return espeak, self.espeak_threads

    def figures(self) -> dict[str, dict[str, float]]:
        """Returns what the neural models did; empty if none was wanted."""
        return self._neural.figures.as_json() if self._neural else {}

    def close(self) -> None:
        """Ends the threads and Piper's process; what is spoken at the moment fails or ends early."""
        self.espeak_threads.shutdown(wait=False, cancel_futures=True)
        self._neural_threads.shutdown(wait=False, cancel_futures=True)
        if self._neural:
            self._neural.close()

    def _opened(self) -> NeuralEngine:
        with self._opening:
            if self._neural is None:
                self._neural = NeuralEngine(self._folder)
            return self._neural
