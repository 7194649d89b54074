"""The gRPC service google.cloud.texttospeech.v1.TextToSpeech: handles one call from arrival to answer."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from random import Random
from typing import NoReturn

import grpc
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.types import cloud_tts

from loadtest.emulator.audio_faults import AUDIO_FAULTS
from loadtest.emulator.calls import Call, Calls
from loadtest.emulator.engines.interface import EngineEndedError, SpeechError
from loadtest.emulator.faults import Faults
from loadtest.emulator.quota import Quota
from loadtest.emulator.settings import ConstantLatency, EmulatorSettings, Fault, Latency
from loadtest.emulator.streaming import GivenStream, paced, read_stream, validate_stream
from loadtest.emulator.synthesizer import Synthesizer
from loadtest.emulator.validation import NATIVE_HZ, RefusedError, ValidRequest, request_input, validate
from loadtest.emulator.voices import VOICES, voice_model_for

SERVICE = "google.cloud.texttospeech.v1.TextToSpeech"

# The raw protobuf classes: proto-plus costs more than the rest of a canned call together.
_SynthesizeRequest = tts.SynthesizeSpeechRequest.pb()
_SynthesizeResponse = tts.SynthesizeSpeechResponse.pb()
_StreamRequest = tts.StreamingSynthesizeRequest.pb()
_StreamResponse = tts.StreamingSynthesizeResponse.pb()
_ListRequest = tts.ListVoicesRequest.pb()
_ListResponse = tts.ListVoicesResponse.pb()


class Service:
    """Answers calls according to settings, faults and quota.

    Args:
        settings: the first ones; assign `settings` to change them.
        faults: the active faults.
        quota: limits requests per window.
        calls: records each call.
        synthesizer: makes the audio.
        random: draws latencies and garbled audio.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        *,
        faults: Faults,
        quota: Quota,
        calls: Calls,
        synthesizer: Synthesizer,
        random: Random,
    ) -> None:
        self.settings = settings
        self._faults = faults
        self._quota = quota
        self._calls = calls
        self._synthesizer = synthesizer
        self._random = random
        self._capacity = 1
        self._places = asyncio.Semaphore(self._capacity)

    def handler(self) -> grpc.GenericRpcHandler:
        """Returns the handler of the emulated methods."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                # No serializer: the methods return bytes.
                "SynthesizeSpeech": grpc.unary_unary_rpc_method_handler(
                    self.synthesize_speech, request_deserializer=_SynthesizeRequest.FromString
                ),
                "StreamingSynthesize": grpc.stream_stream_rpc_method_handler(
                    self.streaming_synthesize, request_deserializer=_StreamRequest.FromString
                ),
                "ListVoices": grpc.unary_unary_rpc_method_handler(
                    self.list_voices, request_deserializer=_ListRequest.FromString
                ),
            },
        )

    async def synthesize_speech(
        self, request: cloud_tts.SynthesizeSpeechRequest, context: grpc.aio.ServicerContext
    ) -> bytes:
        """Handles one call and counts it, whatever its result."""
        refusal, answer = None, b""
        with self._calls.record() as call:
            try:
                fault = self._choose_fault(call, request.voice.name, request_input(request))
                answer = await self._answer(request, fault, call.began)
                call.code = "OK"
            except RefusedError as error:
                refusal, call.code = error, error.code.name
            except asyncio.CancelledError:
                remaining = context.time_remaining()
                call.code = "CANCELLED" if remaining is None or remaining > 0 else "DEADLINE_EXCEEDED"
                raise
        # Not before the call is counted: a client with the answer must find it in the counts.
        if refusal is not None:
            await context.abort(refusal.code, refusal.message)
        return answer

    async def streaming_synthesize(
        self, requests: AsyncIterator[cloud_tts.StreamingSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        """Handles one stream once its input has ended, and counts it as one call."""
        refusal = None
        with self._calls.record() as call:
            try:
                given = await read_stream(requests)
                fault = self._choose_fault(call, given.config.voice.name, given.text)
                async for audio in self._stream(given, fault, call.began):
                    answer = _StreamResponse(audio_content=audio).SerializeToString()
                    call.first_audio = call.first_audio or time.time()
                    yield answer
                call.code = "OK"
            except RefusedError as error:
                refusal, call.code = error, error.code.name
            except (asyncio.CancelledError, GeneratorExit):
                call.code = "CANCELLED"
                raise
        if refusal is not None:
            await context.abort(refusal.code, refusal.message)

    def _choose_fault(self, call: Call, voice: str, text: str) -> Fault | None:
        """Chooses the fault of a call, and notes it with what the call asks for."""
        voice_model = voice_model_for(voice)
        call.model, call.voice, call.text = voice_model or "unknown", voice, text
        fault = self._faults.choose(voice, voice_model, text)
        call.fault = fault.kind if fault else None
        return fault

    async def list_voices(self, request: cloud_tts.ListVoicesRequest, _context: grpc.aio.ServicerContext) -> bytes:
        """Lists all voices, or those of one language code."""
        wanted = request.language_code.lower()
        return bytes(
            _ListResponse(
                voices=[
                    {
                        "language_codes": [voice.locale],
                        "name": voice.name,
                        "ssml_gender": voice.gender.upper(),
                        "natural_sample_rate_hertz": NATIVE_HZ,
                    }
                    for voice in VOICES.values()
                    if voice.locale.lower().startswith(wanted) and voice.name not in self.settings.removed_voices
                ]
            ).SerializeToString()
        )

    async def _answer(self, request: cloud_tts.SynthesizeSpeechRequest, fault: Fault | None, began: float) -> bytes:
        settings = self.settings
        if fault and fault.kind in ("hang", "stall"):
            await asyncio.Event().wait()
        if fault and fault.kind in ("status", "break"):
            await _fail(fault)
        self._take_quota(request.voice.name, began)
        valid = validate(request, settings)
        latency = draw_latency(settings.latency, len(valid.input), self._random)
        if fault and fault.kind == "slow":
            latency += fault.seconds
        async with self._place():
            begun = time.monotonic() if settings.capacity else began
            audio = await self._audio(valid, fault)
            answer = bytes(_SynthesizeResponse(audio_content=audio).SerializeToString())
            await asyncio.sleep(begun + latency - time.monotonic())
        return answer

    async def _stream(self, given: GivenStream, fault: Fault | None, began: float) -> AsyncIterator[bytes]:
        settings = self.settings
        if fault and fault.kind == "hang":
            await asyncio.Event().wait()
        if fault and fault.kind == "status":
            await _fail(fault)
        self._take_quota(given.config.voice.name, began)
        valid = validate_stream(given, settings)
        begun = time.monotonic() + (fault.seconds if fault and fault.kind == "slow" else 0.0)
        audio = await self._audio(valid, fault)
        sent = 0
        async for piece in paced(audio, valid, settings.streaming, begun):
            if fault and sent == fault.chunks and fault.kind == "stall":
                await asyncio.Event().wait()
            if fault and sent == fault.chunks and fault.kind == "break":
                await _fail(fault)
            yield piece
            sent += 1

    def _take_quota(self, voice: str, began: float) -> None:
        settings = self.settings
        reached = self._quota.take(voice_model_for(voice), began, settings.quota_limits, settings.quota_window_s)
        if reached is not None:
            raise RefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Quota exceeded for quota metric '{reached} requests' and limit '{reached} requests per "
                "minute' of service 'texttospeech.googleapis.com'.",
            )

    def _place(self) -> AbstractAsyncContextManager[None]:
        """A place among the calls that are worked on; a call that is given up while it waits leaves the line."""
        capacity = self.settings.capacity
        if capacity is None:
            return nullcontext()
        if capacity != self._capacity:
            self._capacity, self._places = capacity, asyncio.Semaphore(capacity)
        return self._places

    async def _audio(self, request: ValidRequest, fault: Fault | None) -> bytes:
        speech = self.settings.speech
        try:
            if fault and fault.kind in AUDIO_FAULTS:
                return await self._synthesizer.spoiled(request, fault.kind, self._random, speech)
            return await self._synthesizer.audio(request, speech)
        except EngineEndedError as error:
            # As Google's own engines fail: who asks again gets an answer.
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, str(error)) from error
        except SpeechError as error:
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error


async def _fail(fault: Fault) -> NoReturn:
    await asyncio.sleep(fault.seconds)
    raise RefusedError(grpc.StatusCode[fault.code or "UNKNOWN"], fault.message)


def draw_latency(latency: Latency, characters: int, random: Random) -> float:
    """Draws the seconds from a call's arrival to its answer."""
    if isinstance(latency, ConstantLatency):
        return latency.seconds
    median = latency.base_s + latency.per_character_s * characters
    return median * math.exp(latency.sigma * random.gauss(0.0, 1.0))
