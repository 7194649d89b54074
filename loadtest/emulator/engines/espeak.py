"""Speaks with espeak-ng through ctypes. Blocking: call it on a thread."""

import ctypes
import functools
import threading
from typing import Any

import espeakng_loader
import numpy as np

from loadtest.emulator.engines.espeak_timbre import Timbre, timbre_of
from loadtest.emulator.engines.interface import LEAD_S, Samples, SpeechError, Stopped, levelled, silence
from loadtest.emulator.markup import Pause
from loadtest.emulator.prosody import Prosody, Utterance

# From espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 3, 4
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PHONEMES_IPA = 2
_SLOWEST_WPM, _FASTEST_WPM = 80, 450
# Measured: the semitones that espeak-ng's pitch parameter (50 is a variant's own pitch) adds to any variant.
_PITCH_PARAMETERS = (0.0, 25.0, 50.0, 75.0, 99.0)
_PITCHES_ST = (-6.8, -4.0, 0.0, 4.4, 9.0)
_STRETCH_FRAME = 1024

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
# The library has global state: one caller at a time in the process, however many emulators it runs.
_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def _library() -> tuple[Any, int]:
    """Loads the library; returns it and its sample rate."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    sample_rate = library.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _INITIALIZE_DONT_EXIT
    )
    if sample_rate <= 0:
        raise SpeechError("espeak-ng did not start")
    return library, int(sample_rate)


def speak(prosody: Prosody, sample_rate: int, stopped: Stopped) -> Samples:
    """Returns mono samples in -1…1 at `sample_rate`. Ends early when `stopped` returns true.

    Raises:
        SpeechError: espeak-ng has no voice for the language.
    """
    timbre = timbre_of(prosody.voice)
    pieces = [silence(LEAD_S, sample_rate)]
    for part in prosody.parts:
        if isinstance(part, Pause):
            pieces.append(silence(part.seconds, sample_rate))
        else:
            pieces.append(_utter(part, timbre, sample_rate, stopped))
    return np.concatenate(pieces)


def phonemes(text: str, language: str) -> str:
    """Returns a text's phonemes in the IPA, clauses joined by spaces; punctuation is lost.

    Raises:
        SpeechError: espeak-ng doesn't know the language.
    """
    encoded = ctypes.create_string_buffer(text.encode())
    position = ctypes.c_void_p(ctypes.addressof(encoded))
    clauses = []
    with _ONE_AT_A_TIME:
        library, _ = _library()
        if library.espeak_SetVoiceByName(language.encode()) != 0:
            raise SpeechError(f"espeak-ng has no voice {language}")
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        while position.value:
            clause = library.espeak_TextToPhonemes(ctypes.byref(position), _CHARS_UTF8, _PHONEMES_IPA)
            clauses.append((clause or b"").decode().strip())
    return " ".join(filter(None, clauses))


def _utter(utterance: Utterance, timbre: Timbre, sample_rate: int, stopped: Stopped) -> Samples:
    # Pitch beyond the parameter's range comes from playing faster or slower; words per minute compensate for that.
    pitch_st = timbre.pitch_st + utterance.pitch_st
    within = float(np.clip(pitch_st, _PITCHES_ST[0], _PITCHES_ST[-1]))
    play_speed = 2.0 ** ((pitch_st - within) / 12.0)
    wanted_wpm = utterance.rate * timbre.words_per_minute / play_speed
    given_wpm = round(min(max(wanted_wpm, _SLOWEST_WPM), _FASTEST_WPM))
    parameters = {
        _PARAMETER_RATE: given_wpm,
        _PARAMETER_PITCH: round(float(np.interp(within, _PITCHES_ST, _PITCH_PARAMETERS))),
        _PARAMETER_RANGE: timbre.pitch_range,
    }
    samples, native_rate = _synthesize(utterance.text, f"{timbre.language}+{timbre.variant}", parameters, stopped)
    if samples.size == 0:
        return samples
    samples = levelled(samples)
    tempo = wanted_wpm / given_wpm
    if abs(tempo - 1.0) > 0.02:  # noqa: PLR2004  # less is inaudible rounding
        samples = _stretched(samples, tempo)
    return _resampled(samples, play_speed * native_rate / sample_rate)


def _synthesize(text: str, voice: str, parameters: dict[int, int], stopped: Stopped) -> tuple[Samples, int]:
    chunks: list[bytes] = []

    def receive(wave: Any, count: int, _events: Any) -> int:
        if wave and count:
            chunks.append(ctypes.string_at(wave, count * 2))
        return int(stopped())

    callback = _CALLBACK(receive)
    encoded = text.encode() + b"\0"
    with _ONE_AT_A_TIME:
        library, sample_rate = _library()
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechError(f"espeak-ng has no voice {voice}")
        for parameter, value in parameters.items():
            library.espeak_SetParameter(parameter, value, 0)
        # The lengths are size_t; ctypes would pass a plain int as 32 bits.
        failed = library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        library.espeak_Synchronize()
    if failed:
        raise SpeechError(f"espeak-ng failed with {failed}")
    return np.frombuffer(b"".join(chunks), dtype=np.int16).astype(np.float32) / 32768.0, sample_rate


def _resampled(samples: Samples, step: float) -> Samples:
    """Takes every `step`-th sample by linear interpolation, which is good enough for an emulator."""
    positions = np.arange(0.0, samples.size - 1, step)
    resampled: Samples = np.interp(positions, np.arange(samples.size), samples).astype(np.float32)
    return resampled


def _stretched(samples: Samples, tempo: float) -> Samples:
    """Changes the tempo (0.5 is half as fast) and keeps the pitch, by overlapping similar frames."""
    hop = _STRETCH_FRAME // 2
    window = np.hanning(_STRETCH_FRAME).astype(np.float32)
    padded = np.pad(samples, (0, 3 * _STRETCH_FRAME))
    frames = max(int(samples.size / tempo) // hop, 1)
    out = np.zeros((frames + 1) * hop, dtype=np.float32)
    start = 0
    for frame in range(frames):
        wanted = int(frame * hop * tempo)
        if frame:
            # Of the frames near the wanted position, take the one most similar to the continuation of the last frame.
            first = max(wanted - hop // 2, 0)
            near = padded[first : wanted + hop // 2 + hop]
            start = first + int(np.argmax(np.correlate(near, padded[start + hop : start + 2 * hop], "valid")))
        out[frame * hop : frame * hop + _STRETCH_FRAME] += window * padded[start : start + _STRETCH_FRAME]
    return out
