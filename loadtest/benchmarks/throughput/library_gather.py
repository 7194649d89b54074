"""The baseline of libraries: a bounded gather over aioboto3 and Google's client as documented. One process."""

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import aioboto3
import grpc
from botocore.config import Config
from botocore.exceptions import ClientError
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport
from prometheus_client import CollectorRegistry

from loadtest.benchmarks.throughput.gather import gather, rendered_with_key
from loadtest.benchmarks.throughput.lines import Run
from schemas.job import Job
from worker.config.sections import StorageSettings
from worker.config.settings import load_settings
from worker.observability.metrics import Metrics
from worker.speech.audio_check import AudioCheck
from worker.speech.catalogue_file import load_catalogue
from worker.speech.render import Rendered
from worker.storage.metadata import take_metadata
from worker.storage.takes import content_type, new_take


async def run_plain(run: Run) -> None:
    """Does the run's jobs; the requests say what the worker's say, field by field."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    storage, at_once = settings.storage, settings.worker.max_in_flight
    audio_check = AudioCheck(settings.audio_check, Metrics(CollectorRegistry(), ()))
    async with (
        grpc.aio.insecure_channel(settings.google.endpoint) as channel,
        _store(storage, at_once + 2) as store,
    ):
        google = tts.TextToSpeechAsyncClient(transport=TextToSpeechGrpcAsyncIOTransport(channel=channel))

        async def speak(job: Job) -> bool:
            rendered, key = rendered_with_key(job, catalogue, storage.prefix)
            try:
                await store.head_object(Bucket=storage.bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
                    raise
            else:
                return False
            answer = await google.synthesize_speech(request=_request(rendered), timeout=settings.google.timeout_base_s)
            audio = answer.audio_content
            take = new_take(key, rendered, audio, await audio_check.check(audio, rendered))
            await store.put_object(
                Bucket=storage.bucket,
                Key=key,
                Body=audio,
                IfNoneMatch="*",
                ContentType=content_type(take.encoding, take.sample_rate),
                Metadata=take_metadata(take),
            )
            return True

        await gather(run, at_once, speak)


def _store(storage: StorageSettings, connections: int) -> Any:
    secret = storage.secret_access_key
    session = aioboto3.Session(
        aws_access_key_id=storage.access_key_id.get_secret_value() if storage.access_key_id else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=storage.region,
    )
    config = Config(
        max_pool_connections=connections,
        # What the store understands, no matter of taste.
        request_checksum_calculation=storage.checksums,
        response_checksum_validation=storage.checksums,
    )
    return session.client("s3", endpoint_url=storage.endpoint_url, config=config)


def _request(rendered: Rendered) -> tts.SynthesizeSpeechRequest:
    return tts.SynthesizeSpeechRequest(
        input=tts.SynthesisInput(text=rendered.inputs[0].content),
        voice=tts.VoiceSelectionParams(language_code=rendered.voice.locale, name=rendered.voice.name),
        audio_config=tts.AudioConfig(
            audio_encoding=getattr(tts.AudioEncoding, rendered.encoding.value),
            sample_rate_hertz=rendered.sample_rate,
            speaking_rate=rendered.speaking_rate,
            pitch=rendered.pitch,
            volume_gain_db=rendered.volume_gain_db,
        ),
    )


if __name__ == "__main__":
    asyncio.run(run_plain(Run(sys.argv[1], int(sys.argv[2]))))
