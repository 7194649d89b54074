"""How a prosody becomes sound by neural models, with a tone in place of each model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from loadtest.emulator.engines import espeak, packages
from loadtest.emulator.engines.choice import Engines
from loadtest.emulator.engines.interface import LEVEL_RMS, Sentence, SpeechError
from loadtest.emulator.engines.neural import NeuralEngine
from loadtest.emulator.engines.neural_voices import all_styles
from loadtest.emulator.markup import Pause
from loadtest.emulator.prosody import Prosody, Utterance
from loadtest.emulator.settings import EmulatorSettings
from loadtest.emulator.voices import VOICES

PIPER, KOKORO = "en-US-Wavenet-A", "en-US-Chirp3-HD-Puck"
RATE = 24_000
TONE_HZ = 200.0


class ToneModel:
    """Speaks a second of a tone for ten characters at its own speed, between silences as models leave them."""

    styles = dict.fromkeys(all_styles(), np.zeros((1, 256), dtype=np.float32))

    def __init__(self, native_hz: int) -> None:
        self.native_hz = native_hz
        self.said: list[tuple[Any, ...]] = []

    def say(self, text: str, *how: Any) -> Sentence:
        self.said.append((text, *how))
        seconds = len(text) / 10 / how[-1]
        tone = np.sin(2 * np.pi * TONE_HZ * np.arange(round(seconds * self.native_hz)) / self.native_hz)
        silence = np.zeros(self.native_hz // 2)
        return Sentence(np.concatenate([silence, 0.3 * tone, silence]).astype(np.float32), 0.25)

    def close(self) -> None:
        pass


class Scene:
    def __init__(self, folder: Path) -> None:
        self.kokoro, self.piper = ToneModel(24_000), ToneModel(22_050)
        models: Any = {"kokoro_model": self.kokoro, "piper_process": self.piper}
        self.engine = NeuralEngine(folder, **models)

    def speak(self, voice: str, *parts: Utterance | Pause, sample_rate: int = RATE) -> np.ndarray[Any, Any]:
        return self.engine.speak(Prosody(VOICES[voice], parts), sample_rate, lambda: False)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def frequency(samples: np.ndarray[Any, Any], rate: int = RATE) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)


TEN = Utterance("ten chars.", 1.0, 0.0)


@pytest.mark.parametrize("voice", [PIPER, KOKORO])
@pytest.mark.parametrize("sample_rate", [8_000, 24_000, 48_000])
def test_a_sentence_has_its_length_and_level_at_every_sample_rate(scene: Scene, voice: str, sample_rate: int) -> None:
    samples = scene.speak(voice, TEN, sample_rate=sample_rate)
    assert samples.size / sample_rate == pytest.approx(1.0 + 0.05 + 0.06, abs=0.02)
    loud = samples[np.abs(samples) > 0.01]
    assert float(np.sqrt(np.mean(loud**2))) == pytest.approx(LEVEL_RMS, rel=0.1)


@pytest.mark.parametrize("rate", [0.65, 1.0, 1.3])
@pytest.mark.parametrize("pitch_st", [-12.0, 0.0, 12.0])
def test_the_pace_is_the_requests_whatever_the_pitch(scene: Scene, rate: float, pitch_st: float) -> None:
    samples = scene.speak(PIPER, Utterance("a sentence of thirty character", rate, pitch_st))
    assert samples.size / RATE == pytest.approx(3.0 / rate, abs=0.15)
    assert frequency(samples) == pytest.approx(TONE_HZ * 2 ** (pitch_st / 36), rel=0.02)


def test_pauses_are_as_long_as_they_should_be_and_sentences_have_a_breath_between_them(scene: Scene) -> None:
    alone = scene.speak(KOKORO, TEN).size
    assert scene.speak(KOKORO, TEN, Pause(1.2), TEN).size == pytest.approx(2 * alone + (1.2 - 0.05) * RATE, abs=10)
    assert scene.speak(KOKORO, TEN, TEN).size == pytest.approx(2 * alone + (0.25 - 0.05) * RATE, abs=10)


def test_a_sentence_is_spoken_once_for_all_processes(scene: Scene, tmp_path: Path) -> None:
    first = scene.speak(KOKORO, TEN, TEN)
    later = Scene(tmp_path)
    assert np.array_equal(later.speak(KOKORO, TEN, TEN), first)
    assert (len(scene.kokoro.said), later.kokoro.said) == (1, [])
    assert later.engine.figures.as_json() == {"kokoro": {"spoken": 0, "kept": 2, "sound_s": 0.0, "cpu_s": 0.0}}
    spoken = scene.engine.figures.as_json()["kokoro"]
    assert (spoken["spoken"], spoken["kept"], spoken["sound_s"], spoken["cpu_s"]) == (1, 1, 2.0, 0.25)


def test_another_take_of_a_line_is_spoken_anew(scene: Scene) -> None:
    scene.speak(KOKORO, Utterance("ten chars.", 1.02, 0.3))
    scene.speak(KOKORO, Utterance("ten chars.", 0.98, -0.2))
    assert len(scene.kokoro.said) == 2


def test_a_caller_who_has_gone_gets_no_further_sentence(scene: Scene) -> None:
    scene.engine.speak(Prosody(VOICES[KOKORO], (TEN, TEN)), RATE, lambda: bool(scene.kokoro.said))
    assert len(scene.kokoro.said) == 1


def test_a_sentence_without_a_sound_is_short(scene: Scene) -> None:
    assert scene.speak(KOKORO, Utterance("", 1.0, 0.0)).size <= RATE * 0.05


def test_espeak_speaks_where_no_model_does(tmp_path: Path) -> None:
    engines = Engines(tmp_path)
    scene = Scene(tmp_path)
    engines._neural = scene.engine
    try:
        assert engines.for_voice(VOICES["de-DE-Wavenet-A"], "neural")[0] is espeak
        assert engines.for_voice(VOICES["cmn-TW-Wavenet-A"], "neural")[0] is scene.engine
        assert engines.for_voice(VOICES["cmn-TW-Wavenet-A"], "espeak")[0] is espeak
    finally:
        engines.close()
    with pytest.raises(SpeechError, match="de-DE"):
        scene.speak("de-DE-Wavenet-A", TEN)


def test_without_the_packages_the_setting_is_refused_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing_packages", lambda: ["piper"])
    with pytest.raises(ValidationError, match=r"need piper: pip install -r requirements/neural\.txt"):
        EmulatorSettings(speech="neural")
    monkeypatch.setattr(packages, "missing_packages", list)
    assert EmulatorSettings(speech="neural").speech == "neural"
