"""Speaks by neural models, each sentence from the cache where it was spoken before. Blocking: call it on a thread."""

from pathlib import Path
from typing import Final

import numpy as np
import soxr

from loadtest.emulator.engines import kokoro, piper
from loadtest.emulator.engines.figures import Figures
from loadtest.emulator.engines.interface import LEAD_S, Samples, SpeechError, Stopped, levelled, silence
from loadtest.emulator.engines.neural_voices import NeuralVoice, heard_pitch_st, neural_voice
from loadtest.emulator.engines.take_cache import Key, TakeCache
from loadtest.emulator.markup import Pause
from loadtest.emulator.prosody import Prosody, Utterance
from loadtest.emulator.voices import Voice

VOICES_FOLDER: Final = Path(__file__).parents[3] / "build" / "voices"
"""Where `make` leaves the styles, and takes are kept."""
STYLES_FILE: Final = "styles.npz"
_BETWEEN_SENTENCES_S: Final = 0.25
_AUDIBLE: Final = 0.01
_EDGE_S: Final = 0.03


class NeuralEngine:
    """Piper for WaveNet, Kokoro for Chirp and for Mandarin.

    Args:
        folder: for styles and takes.
        kokoro_model: Kokoro.
        piper_process: Piper.
    """

    def __init__(
        self,
        folder: Path = VOICES_FOLDER,
        *,
        kokoro_model: kokoro.Kokoro | None = None,
        piper_process: piper.Piper | None = None,
    ) -> None:
        self._kokoro = kokoro_model or kokoro.Kokoro(folder / STYLES_FILE)
        self._piper = piper_process or piper.Piper()
        self._cache = TakeCache(folder / "takes")
        self.figures = Figures()
        """What was spoken so far."""

    def voice_of(self, voice: Voice) -> NeuralVoice | None:
        """Returns what speaks for a voice; None where no model speaks its language."""
        return neural_voice(voice, self._kokoro.styles)

    def speak(self, prosody: Prosody, sample_rate: int, stopped: Stopped) -> Samples:
        """Returns mono samples in -1…1 at `sample_rate`. Ends early when `stopped` returns true.

        Raises:
            SpeechError: no model speaks the language, or the model failed.
        """
        voice = self.voice_of(prosody.voice)
        if voice is None:
            raise SpeechError(f"no neural voice speaks {prosody.voice.locale}")
        pieces = [silence(LEAD_S, sample_rate)]
        after_speech = False
        for part in prosody.parts:
            if stopped():
                break
            if isinstance(part, Pause):
                pieces.append(silence(part.seconds, sample_rate))
                after_speech = False
                continue
            if after_speech:
                pieces.append(silence(_BETWEEN_SENTENCES_S / part.rate, sample_rate))
            pieces.append(self._utter(part, voice, sample_rate))
            after_speech = True
        return np.concatenate(pieces)

    def close(self) -> None:
        """Ends Piper's process."""
        self._piper.close()

    def _utter(self, utterance: Utterance, voice: NeuralVoice, sample_rate: int) -> Samples:
        # Played faster it is higher, formants and all; the model speaks as much slower, so that the pace stays.
        play_speed = 2.0 ** (heard_pitch_st(voice, utterance.pitch_st) / 12.0)
        speed = round(utterance.rate / play_speed, 3)
        samples, native_hz = self._said(utterance.text, voice, speed)
        audible = np.flatnonzero(np.abs(samples) > _AUDIBLE)
        if not audible.size:
            return samples[:0]
        edge = round(_EDGE_S * native_hz)
        samples = levelled(samples[max(audible[0] - edge, 0) : audible[-1] + edge])
        ratio = sample_rate / native_hz / play_speed
        return np.asarray(soxr.resample(samples, 1.0, ratio), dtype=np.float32)

    def _said(self, text: str, voice: NeuralVoice, speed: float) -> tuple[Samples, int]:
        by_piper = voice.engine == "piper"
        model, native_hz = (piper.VERSION, piper.NATIVE_HZ) if by_piper else (kokoro.VERSION, kokoro.NATIVE_HZ)
        key: Key = {"model": model, "style": voice.style, "language": voice.language, "speed": speed, "text": text}
        kept = self._cache.find(key)
        if kept is not None:
            self.figures.count_kept(voice.engine)
            return kept, native_hz
        spoken = (
            self._piper.say(text, speed) if by_piper else self._kokoro.say(text, voice.style, voice.language, speed)
        )
        self.figures.count_spoken(voice.engine, spoken.samples.size / native_hz, spoken.cpu_s)
        return self._cache.keep(key, spoken.samples), native_hz
