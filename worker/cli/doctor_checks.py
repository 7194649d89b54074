"""Health checks of a deployment: Kafka, S3, Google and the catalogue of voices, each with advice where it fails."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiokafka.errors import KafkaError
from google.auth.exceptions import GoogleAuthError

from schemas.topics import all_topics
from worker.config.sections import DeliverySettings, GoogleSettings, KafkaSettings, StorageSettings
from worker.config.settings import Settings
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.topics import missing_topics
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_check import check_voices
from worker.speech.failures import CallFailedError, Failure
from worker.speech.google import connect_google
from worker.speech.health import trial_call
from worker.storage.client import connect_store
from worker.storage.errors import StorageError


@dataclass(frozen=True)
class CheckResult:
    """The result of one check; `advice` says what to do where it isn't `ok`."""

    subject: str
    ok: bool
    message: str
    advice: str = ""


def _passed(subject: str, message: str) -> CheckResult:
    return CheckResult(subject, ok=True, message=message)


def _failed(subject: str, message: str, advice: str) -> CheckResult:
    return CheckResult(subject, ok=False, message=message, advice=advice)


async def check_dependencies(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Checks Kafka, S3 and Google in turn; each result comes as soon as it is known."""
    yield await _kafka(settings.kafka, settings.delivery)
    async for result in _storage(settings.storage):
        yield result
    async for result in _google(settings.google, catalogue):
        yield result


async def _kafka(settings: KafkaSettings, delivery: DeliverySettings) -> CheckResult:
    subject = f"Kafka at {settings.bootstrap_servers}"
    try:
        async with connect_admin(settings) as admin:
            present = await admin.list_topics()
    except (KafkaError, OSError) as error:
        return _failed(subject, f"{type(error).__name__}: {error}", "start it, or set KAFKA_BOOTSTRAP_SERVERS")
    delays, reply_topics = delivery.retry_delays, delivery.reply_topics
    if missing := missing_topics(present, settings.topic_prefix, delays, reply_topics):
        return _failed(subject, f"reached; no topic {', '.join(missing)}", "run `chirp-worker topics create`")
    return _passed(subject, f"reached; all {len(all_topics(delays)) + len(reply_topics)} topics are there")


async def _storage(settings: StorageSettings) -> AsyncIterator[CheckResult]:
    subject = f"S3 bucket {settings.bucket} at {settings.endpoint_url or 'AWS'}"
    async with connect_store(settings, connections=2) as store:
        try:
            await store.check_bucket()
        except StorageError as error:
            advice = "check S3_ENDPOINT_URL, S3_BUCKET and the keys; the keys need GetObject, PutObject and ListBucket"
            yield _failed(subject, str(error), advice)
            return
        yield _passed(subject, "reached")
        key = "/".join(part for part in (settings.prefix, ".doctor-probe") if part)
        try:
            honoured = await store.probe_conditional_put(key)
        except StorageError as error:
            yield _failed("S3 conditional PUT", str(error), "the keys need PutObject and DeleteObject here")
            return
        advice = "use a store that honours it, or two jobs may each store a take and report different audio"
        message = "the second PUT was refused with 412" if honoured else "If-None-Match: * is ignored"
        yield CheckResult("S3 conditional PUT", honoured, message, "" if honoured else advice)


async def _google(settings: GoogleSettings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    subject = f"Google at {settings.endpoint}"
    try:
        async with connect_google(settings) as google:
            try:
                listed = await google.voices()
            except CallFailedError as failed:
                yield _failed(subject, _describe(failed.failure), _google_advice(failed.failure))
                return
            yield _passed(subject, f"reached; {len(listed)} voices")
            failure = await trial_call(google, catalogue)()
            message = "speaks" if failure is None else _describe(failure)
            yield CheckResult("Google, WaveNet", failure is None, message, _google_advice(failure) if failure else "")
            wrong = [finding for finding in check_voices(catalogue, listed) if finding.error]
            message = wrong[0].message if wrong else "Google has every voice of the catalogue"
            yield CheckResult("Catalogue", not wrong, message, "run `chirp-worker voices check`" if wrong else "")
    except GoogleAuthError as error:
        advice = "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`"
        yield _failed(subject, str(error).splitlines()[0], advice)


def _describe(failure: Failure) -> str:
    return f"{failure.code}: {failure.message}"


def _google_advice(failure: Failure) -> str:
    if failure.failure_class == "denied":
        return "check that the API is enabled, billing is on and the account may use it"
    return "check TTS_ENDPOINT, and the network on the way to it"
