"""Client of Google Cloud Text-to-Speech: a call, or a stream, with a timeout gives audio or a failure."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import (
    TextToSpeechGrpcAsyncIOTransport,
)

from schemas.enums import AudioEncoding, PhoneticAlphabet
from schemas.job import Pronunciation
from worker.config.sections import GoogleSettings
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.speech.failures import CallFailedError, Failure, classify_failure
from worker.speech.render import Input, Rendered

_ALPHABETS: Final = {
    PhoneticAlphabet.IPA: tts.CustomPronunciationParams.PhoneticEncoding.PHONETIC_ENCODING_IPA,
    PhoneticAlphabet.X_SAMPA: tts.CustomPronunciationParams.PhoneticEncoding.PHONETIC_ENCODING_X_SAMPA,
    PhoneticAlphabet.PINYIN: tts.CustomPronunciationParams.PhoneticEncoding.PHONETIC_ENCODING_PINYIN,
}
"""Chirp's alphabets; jyutping is none of them."""
_SYNTHESIZE: Final = "google.cloud.texttospeech.v1.TextToSpeech/SynthesizeSpeech"
# Raw protobuf: Google's client puts proto-plus and a wrapper around each call, which cost more than the call itself.
_Request: Final = tts.SynthesizeSpeechRequest.pb()
_Response: Final = tts.SynthesizeSpeechResponse.pb()
_STREAM: Final = "google.cloud.texttospeech.v1.TextToSpeech/StreamingSynthesize"
_StreamRequest: Final = tts.StreamingSynthesizeRequest.pb()
_StreamResponse: Final = tts.StreamingSynthesizeResponse.pb()
_CHANNEL: Final = [
    # A long LINEAR16 answer exceeds gRPC's default limit of 4 MiB.
    ("grpc.max_receive_message_length", 64 * 2**20),
    ("grpc.keepalive_time_ms", 60_000),
    # After an outage the channel must reconnect before the next probe; by default it pauses for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Despite its name, the timeout of one try to connect; 20 s by default.
    ("grpc.min_reconnect_backoff_ms", 5_000),
]


class Google:
    """The client of Google, or of anything that speaks Google's protocol.

    Args:
        client: Google's own, for what no job waits for.
        channel: the client's; each request for audio goes over it directly.
    """

    def __init__(
        self, client: tts.TextToSpeechAsyncClient, channel: grpc.aio.Channel, settings: GoogleSettings, tracer: Tracer
    ) -> None:
        self._client = client
        self._synthesize: grpc.aio.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
            f"/{_SYNTHESIZE}",
            request_serializer=_Request.SerializeToString,
            response_deserializer=_Response.FromString,
        )
        self._stream: grpc.aio.StreamStreamMultiCallable[Any, Any] = channel.stream_stream(
            f"/{_STREAM}",
            request_serializer=_StreamRequest.SerializeToString,
            response_deserializer=_StreamResponse.FromString,
        )
        self._tracer = tracer
        self._settings = settings

    async def synthesize(self, entry: Input, rendered: Rendered, encoding: AudioEncoding) -> bytes:
        """Speaks one input of a line.

        Args:
            entry: the input of this call.
            rendered: the line that the input is part of.
            encoding: the answer's; the parts of a long line have another one than the line.

        Returns:
            The audio as Google sent it, unchecked.

        Raises:
            CallFailedError: Google answered with a status other than OK, or not in time.
        """
        timeout = self._settings.timeout_s(len(entry.content))
        request = synthesis_request(entry, rendered, encoding)
        with self._tracer.call(_SYNTHESIZE, self._settings.endpoint, voice_model=rendered.voice.voice_model):
            try:
                answer = await self._synthesize(request, timeout=timeout)
            except (GoogleAuthError, grpc.aio.AioRpcError) as error:
                failure = _failure(error)
                self._tracer.fail(failure.code)
                raise CallFailedError(failure) from error
        return bytes(answer.audio_content)

    async def stream(self, rendered: Rendered, encoding: AudioEncoding) -> AsyncGenerator[bytes, None]:
        """Speaks a whole line in one stream, and gives each piece of its audio as soon as Google does.

        Close the generator if you don't read it to its end: the stream is cancelled then.

        Args:
            encoding: the stream's.

        Raises:
            CallFailedError: Google answered with a status other than OK, or nothing came for too long.
        """
        with self._tracer.call(_STREAM, self._settings.endpoint, voice_model=rendered.voice.voice_model):
            call = self._stream(_given(stream_requests(rendered, encoding)))
            timeout_s = self._settings.stream_first_s
            try:
                answers = aiter(call)
                while True:
                    async with asyncio.timeout(timeout_s):
                        answer = await anext(answers, None)
                    if answer is None:
                        return
                    timeout_s = self._settings.stream_idle_s
                    if answer.audio_content:
                        yield bytes(answer.audio_content)
            except TimeoutError as error:
                failure = classify_failure("DEADLINE_EXCEEDED", f"the stream brought nothing for {timeout_s:g} s")
                self._tracer.fail(failure.code)
                raise CallFailedError(failure) from error
            except (GoogleAuthError, grpc.aio.AioRpcError) as error:
                failure = _failure(error)
                self._tracer.fail(failure.code)
                raise CallFailedError(failure) from error
            finally:
                call.cancel()

    async def voices(self) -> dict[str, str]:
        """All voices that Google lists, each with its gender: `male`, `female` or `neutral`.

        Raises:
            CallFailedError: Google answered with a status other than OK, or not in time.
        """
        try:
            answer = await self._client.list_voices(
                request=tts.ListVoicesRequest(), timeout=self._settings.timeout_max_s, retry=None
            )
        except (GoogleAPICallError, RetryError, GoogleAuthError, grpc.aio.AioRpcError) as error:
            raise CallFailedError(_failure(error)) from error
        return {voice.name: tts.SsmlVoiceGender(voice.ssml_gender).name.lower() for voice in answer.voices}


@asynccontextmanager
async def connect_google(settings: GoogleSettings, tracer: Tracer = NO_TRACER) -> AsyncIterator[Google]:
    """Opens the process's one channel to Google; the tracer records the requests for audio.

    Raises:
        GoogleAuthError: there are no application default credentials.
    """
    if settings.plaintext:
        channel = grpc.aio.insecure_channel(settings.endpoint, options=_CHANNEL)
        transport = TextToSpeechGrpcAsyncIOTransport(channel=channel)
    else:
        host = settings.endpoint if ":" in settings.endpoint else f"{settings.endpoint}:443"
        channel = TextToSpeechGrpcAsyncIOTransport.create_channel(host, options=_CHANNEL)
        transport = TextToSpeechGrpcAsyncIOTransport(channel=channel, host=settings.endpoint)
    try:
        yield Google(tts.TextToSpeechAsyncClient(transport=transport), channel, settings, tracer)
    finally:
        await channel.close()


def synthesis_request(entry: Input, rendered: Rendered, encoding: AudioEncoding) -> Any:
    """The request for one input of a line, a `SynthesizeSpeechRequest` of protobuf.

    An alphabet that Chirp has no name for is left out.
    """
    request = _Request(
        input={entry.form.value: entry.content},
        voice={"language_code": rendered.voice.locale, "name": rendered.voice.name},
        audio_config={
            "audio_encoding": encoding.value,
            "sample_rate_hertz": rendered.sample_rate,
            "speaking_rate": rendered.speaking_rate,
            "pitch": rendered.pitch,
            "volume_gain_db": rendered.volume_gain_db,
        },
    )
    _add_pronunciations(request.input, entry.pronunciations)
    return request


def stream_requests(rendered: Rendered, encoding: AudioEncoding) -> Iterator[Any]:
    """The messages of one stream, of protobuf: how to speak, and then the line's inputs in order."""
    first = _StreamRequest(
        streaming_config={
            "voice": {"language_code": rendered.voice.locale, "name": rendered.voice.name},
            "streaming_audio_config": {
                "audio_encoding": encoding.value,
                "sample_rate_hertz": rendered.sample_rate,
                "speaking_rate": rendered.speaking_rate,
            },
        }
    )
    # Several inputs may have the same phrase, which always has the same pronunciation.
    said = dict.fromkeys(each for entry in rendered.inputs for each in entry.pronunciations)
    _add_pronunciations(first.streaming_config, said)
    yield first
    for entry in rendered.inputs:
        yield _StreamRequest(input={entry.form.value: entry.content})


async def _given(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for each in requests:
        yield each


def _add_pronunciations(message: Any, entries: Iterable[Pronunciation]) -> None:
    for each in entries:
        if each.alphabet in _ALPHABETS:
            message.custom_pronunciations.pronunciations.add(
                phrase=each.phrase, pronunciation=each.phonetic, phonetic_encoding=_ALPHABETS[each.alphabet]
            )


def _failure(error: Exception) -> Failure:
    if isinstance(error, grpc.aio.AioRpcError):
        return classify_failure(error.code().name, error.details() or "")
    if isinstance(error, TransportError):
        return classify_failure("UNAVAILABLE", f"the credentials' server can't be reached: {error}")
    if isinstance(error, GoogleAuthError):
        return classify_failure("UNAUTHENTICATED", str(error))
    status = getattr(error, "grpc_status_code", None)
    return classify_failure(status.name if status else "UNKNOWN", getattr(error, "message", str(error)))
