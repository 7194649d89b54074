"""A stream's input, checked by Google's rules, and its audio in pieces at a settable pace."""

import asyncio
import io
import math
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
import soundfile
from google.cloud import texttospeech_v1 as tts

from loadtest.emulator.settings import EmulatorSettings, Streaming
from loadtest.emulator.validation import Encoding, RefusedError, ValidRequest, validate

# The longest pause between two inputs (livekit/agents#2406).
_INPUT_S = 5.0
_ENCODINGS: dict[int, Encoding] = {int(tts.AudioEncoding.OGG_OPUS): "OGG_OPUS", int(tts.AudioEncoding.PCM): "PCM"}
"""MULAW and ALAW, which Google streams too, aren't emulated."""
_SAMPLE_BYTES = 2
_SynthesizeRequest = tts.SynthesizeSpeechRequest.pb()


@dataclass(frozen=True, slots=True)
class GivenStream:
    """What a client has sent by the end of its input: raw protobuf messages."""

    config: Any
    inputs: tuple[Any, ...]

    @property
    def text(self) -> str:
        """All inputs as sent, one after the other."""
        return "".join(_content(each) for each in self.inputs)


async def read_stream(requests: AsyncIterator[Any]) -> GivenStream:
    """Reads a stream's input to its end.

    Raises:
        RefusedError: its first message isn't the configuration, a later one is, or none comes for five seconds.
    """
    config, inputs = None, []
    while True:
        try:
            async with asyncio.timeout(_INPUT_S):
                request = await anext(requests)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise RefusedError(
                grpc.StatusCode.ABORTED,
                "Stream aborted due to long duration elapsed without input sent. Input must be sent continuously, "
                "at least every 5s seconds.",
            ) from None
        is_config = request.WhichOneof("streaming_request") == "streaming_config"
        if is_config != (config is None):
            raise _invalid("The first message must have `streaming_config`, and all later ones `input`.")
        if is_config:
            config = request.streaming_config
        else:
            inputs.append(request.input)
    if config is None:
        raise _invalid("The stream has no message.")
    return GivenStream(config, tuple(inputs))


def validate_stream(given: GivenStream, settings: EmulatorSettings) -> ValidRequest:
    """Checks a stream as one request with all of its inputs. Pure.

    Raises:
        RefusedError: INVALID_ARGUMENT.
    """
    audio = given.config.streaming_audio_config
    encoding = _ENCODINGS.get(audio.audio_encoding)
    if encoding is None:
        raise _invalid(f"Unsupported audio encoding {audio.audio_encoding} for streaming.")
    if not given.inputs:
        raise _invalid("The stream has no input.")
    each = [validate(_one_call(given, entry), settings) for entry in given.inputs]
    if each[0].voice.model != "chirp3-hd":
        raise _invalid("Currently, only Chirp 3: HD voices are supported for streaming synthesis.")
    parsed = tuple(part for request in each for part in request.parsed)
    return replace(each[0], input=given.text, parsed=parsed, encoding=encoding)


def _one_call(given: GivenStream, entry: Any) -> Any:
    form = entry.WhichOneof("input_source")
    if form not in ("text", "markup"):
        raise _invalid("Exactly one of `input.text` and `input.markup` must be set.")
    audio = given.config.streaming_audio_config
    request = _SynthesizeRequest(
        voice=given.config.voice,
        audio_config={
            # Chirp refuses PCM in a call, and streams it.
            "audio_encoding": int(tts.AudioEncoding.LINEAR16),
            "sample_rate_hertz": audio.sample_rate_hertz,
            "speaking_rate": audio.speaking_rate,
        },
    )
    setattr(request.input, form, _content(entry))
    request.input.custom_pronunciations.CopyFrom(given.config.custom_pronunciations)
    return request


def _content(entry: Any) -> str:
    form = entry.WhichOneof("input_source")
    return str(getattr(entry, form)) if form in ("text", "markup") else ""


def _invalid(message: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, message)


async def paced(audio: bytes, request: ValidRequest, pace: Streaming, begun: float) -> AsyncIterator[bytes]:
    """The audio in pieces, each when it is due.

    Args:
        begun: when the input had ended, by the monotonic clock.
    """
    for number, piece in enumerate(_pieces(audio, _seconds(audio, request), pace.chunk_s)):
        due = begun + pace.first_s + number * pace.chunk_s / pace.speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield piece


def _seconds(audio: bytes, request: ValidRequest) -> float:
    if request.encoding == "PCM":
        return len(audio) / _SAMPLE_BYTES / request.sample_rate
    try:
        return float(soundfile.info(io.BytesIO(audio)).duration)
    except soundfile.LibsndfileError:
        # Audio that a fault has spoiled.
        return 1.0


def _pieces(audio: bytes, seconds: float, chunk_s: float) -> Iterator[bytes]:
    """Pieces of about equal length; each has whole samples."""
    size = max(_SAMPLE_BYTES, _SAMPLE_BYTES * math.ceil(len(audio) * chunk_s / max(seconds, chunk_s) / _SAMPLE_BYTES))
    for start in range(0, len(audio), size):
        yield audio[start : start + size]
