"""The gRPC service google.cloud.texttospeech.v1.TextToSpeech: one call from its arrival to its answer."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

import grpc
from google.cloud import texttospeech_v1 as tts

from loadtest.emulator.rules import NATIVE_HZ, RefusedError, input_of, order_of
from loadtest.emulator.settings import ConstantLatency
from loadtest.emulator.speech import SpeechError
from loadtest.emulator.voices import VOICES, voice_model_of

if TYPE_CHECKING:
    from random import Random

    from google.cloud.texttospeech_v1.types import cloud_tts

    from loadtest.emulator.calls import Calls
    from loadtest.emulator.faults import Faults
    from loadtest.emulator.quota import Quota
    from loadtest.emulator.rules import Order
    from loadtest.emulator.settings import EmulatorSettings, Fault, Latency
    from loadtest.emulator.studio import Studio

SERVICE = "google.cloud.texttospeech.v1.TextToSpeech"
_TRUNCATED_TO = 0.3

# The raw protobuf classes: proto-plus costs more than all the rest of a canned call.
_SynthesizeRequest = tts.SynthesizeSpeechRequest.pb()
_SynthesizeResponse = tts.SynthesizeSpeechResponse.pb()
_ListRequest = tts.ListVoicesRequest.pb()
_ListResponse = tts.ListVoicesResponse.pb()


class Service:
    """Answers calls by the settings, faults and quota of its emulator."""

    def __init__(
        self,
        settings: EmulatorSettings,
        *,
        faults: Faults,
        quota: Quota,
        calls: Calls,
        studio: Studio,
        random: Random,
    ) -> None:
        """Take its parts; `random` draws latencies and garbled audio."""
        self.settings = settings
        self._faults = faults
        self._quota = quota
        self._calls = calls
        self._studio = studio
        self._random = random

    def handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server needs to serve the methods that are emulated."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                # The answers are serialized already.
                "SynthesizeSpeech": grpc.unary_unary_rpc_method_handler(
                    self.synthesize_speech, request_deserializer=_SynthesizeRequest.FromString
                ),
                "ListVoices": grpc.unary_unary_rpc_method_handler(
                    self.list_voices, request_deserializer=_ListRequest.FromString
                ),
            },
        )

    async def synthesize_speech(
        self, request: cloud_tts.SynthesizeSpeechRequest, context: grpc.aio.ServicerContext
    ) -> bytes:
        """One call, counted however it ends."""
        arrived, began = time.time(), time.monotonic()
        voice = request.voice.name
        voice_model = voice_model_of(voice)
        text = input_of(request)
        code, fault, answer, refusal = "UNKNOWN", None, b"", None
        self._calls.begin()
        try:
            fault = self._faults.choose(voice, voice_model, text)
            answer = await self._answer(request, fault, began)
            code = "OK"
        except RefusedError as error:
            refusal, code = error, error.code.name
        except asyncio.CancelledError:
            remaining = context.time_remaining()
            code = "CANCELLED" if remaining is None or remaining > 0 else "DEADLINE_EXCEEDED"
            raise
        finally:
            self._calls.end(
                model=voice_model or "unknown",
                time=arrived,
                voice=voice,
                text=text,
                code=code,
                seconds=time.monotonic() - began,
                fault=fault.kind if fault else None,
            )
        # Only now, so that whoever has the answer finds the call counted.
        if refusal is not None:
            await context.abort(refusal.code, refusal.message)
        return answer

    async def list_voices(self, request: cloud_tts.ListVoicesRequest, _context: grpc.aio.ServicerContext) -> bytes:
        """All voices, or those of one language code."""
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
                    if voice.locale.lower().startswith(wanted)
                ]
            ).SerializeToString()
        )

    async def _answer(self, request: cloud_tts.SynthesizeSpeechRequest, fault: Fault | None, began: float) -> bytes:
        settings = self.settings
        if fault and fault.kind == "hang":
            await asyncio.Event().wait()
        if fault and fault.kind == "status":
            await asyncio.sleep(fault.seconds)
            raise RefusedError(grpc.StatusCode[fault.code or "UNKNOWN"], fault.message)
        reached = self._quota.take(
            voice_model_of(request.voice.name), began, settings.quota_limits, settings.quota_window_s
        )
        if reached is not None:
            raise RefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Quota exceeded for quota metric '{reached} requests' and limit '{reached} requests per "
                "minute' of service 'texttospeech.googleapis.com'.",
            )
        order = order_of(request, settings)
        latency = latency_of(settings.latency, len(order.input), self._random)
        if fault and fault.kind == "slow":
            latency += fault.seconds
        audio = await self._audio(order, fault)
        answer = bytes(_SynthesizeResponse(audio_content=audio).SerializeToString())
        await asyncio.sleep(began + latency - time.monotonic())
        return answer

    async def _audio(self, order: Order, fault: Fault | None) -> bytes:
        kind = fault.kind if fault else None
        if kind == "empty":
            return b""
        try:
            if kind == "silent" or self.settings.speech == "espeak":
                audio = await self._studio.spoken(order, silent=kind == "silent")
            else:
                audio = await self._studio.canned(order)
        except SpeechError as error:
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        if kind == "truncated":
            return audio[: int(len(audio) * _TRUNCATED_TO)]
        return self._random.randbytes(len(audio)) if kind == "garbled" else audio


def latency_of(latency: Latency, characters: int, random: Random) -> float:
    """Seconds from a call's arrival to its answer."""
    if isinstance(latency, ConstantLatency):
        return latency.seconds
    median = latency.base_s + latency.per_character_s * characters
    return median * math.exp(latency.sigma * random.gauss(0.0, 1.0))
