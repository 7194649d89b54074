"""Health checks of a deployment: Kafka, S3, Google and the catalogue of voices, each with advice where it fails."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from aiokafka.errors import KafkaError
from google.auth.exceptions import GoogleAuthError

from schemas.errors import UsageError
from schemas.topics import all_topics, prefixed
from worker.cli.acl import deployment_names
from worker.config.sections import DeliverySettings, GoogleSettings, KafkaSettings, StorageSettings
from worker.config.settings import Settings
from worker.kafka.acl.missing_rights import missing_rights
from worker.kafka.acl.model import Role
from worker.kafka.acl.rights import rights_of
from worker.kafka.client.access import hidden_topics
from worker.kafka.client.admin import connect_admin
from worker.kafka.client.connection_problem import BrokerConnectionError
from worker.kafka.client.topics import missing_topics
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_check import check_voices
from worker.speech.failures import CallFailedError, Failure
from worker.speech.google import connect_google
from worker.speech.health import trial_call
from worker.storage.client import connect_store
from worker.storage.errors import StorageError
from worker.storage.takes import probe_key


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


async def check_dependencies(settings: Settings, catalogue: Catalogue, role: Role) -> AsyncIterator[CheckResult]:
    """Checks Kafka, S3 and Google in turn; each result comes as soon as it is known.

    Args:
        role: whose rights in Kafka the login must have.
    """
    kafka = await _kafka(settings.kafka, settings.delivery)
    yield kafka
    if kafka.ok:
        yield await _rights(settings, role)
    async for result in _storage(settings.storage):
        yield result
    async for result in _google(settings.google, catalogue):
        yield result


async def _kafka(settings: KafkaSettings, delivery: DeliverySettings) -> CheckResult:
    subject = f"Kafka at {settings.bootstrap_servers}"
    delays, reply_topics = delivery.retry_delays, delivery.reply_topics
    try:
        async with connect_admin(settings) as admin:
            missing = missing_topics(await admin.list_topics(), settings.topic_prefix, delays, reply_topics)
            hidden = await hidden_topics(admin, missing) if missing else []
    except (UsageError, KafkaError, OSError) as error:
        return _unusable(subject, error)
    if absent := [name for name in missing if name not in hidden]:
        return _failed(subject, f"reached; no topic {', '.join(absent)}", "run `chirp-worker topics create`")
    topics = len(all_topics(delays)) + len(reply_topics) - len(hidden)
    beyond = f"; this login may not see the other {len(hidden)}" if hidden else ""
    return _passed(subject, f"reached; all {topics} topics are there{beyond}")


def _unusable(subject: str, error: Exception) -> CheckResult:
    if isinstance(error, BrokerConnectionError):
        return _failed(subject, error.problem.what, error.problem.advice)
    if isinstance(error, UsageError):
        return _failed(subject, str(error), "correct the setting, or the file that it names")
    return _failed(subject, f"{type(error).__name__}: {error}", "start it, or correct KAFKA_BOOTSTRAP_SERVERS")


async def _rights(settings: Settings, role: Role) -> CheckResult:
    subject = f"Rights of a {role} in Kafka"
    kafka, delivery = settings.kafka, settings.delivery
    topics = [prefixed(each.name, kafka.topic_prefix) for each in all_topics(delivery.retry_delays)]
    rights = rights_of(role, deployment_names(settings))
    try:
        async with connect_admin(kafka) as admin:
            missing = await missing_rights(admin, rights, [*topics, *sorted(delivery.reply_topics)])
    except (UsageError, KafkaError, OSError) as error:
        return _unusable(subject, error)
    if missing is None:
        return _passed(subject, "not checked: this broker doesn't say what it allows; Kafka does since 2.3")
    if missing:
        advice = f"grant them, `chirp-worker acl --role {role}` prints all; or give this login's own role by --role"
        return _failed(subject, f"this login lacks {', '.join(missing)}", advice)
    return _passed(subject, "this login has all")


async def _storage(settings: StorageSettings) -> AsyncIterator[CheckResult]:
    subject = f"S3 bucket {settings.bucket} at {settings.endpoint_url or 'AWS'}"
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(connect_store(settings, connections=2))
            await store.check_bucket()
        except StorageError as error:
            advice = "check S3_ENDPOINT_URL, S3_BUCKET and the keys; the keys need GetObject, PutObject and ListBucket"
            yield _failed(subject, error.message, error.cause.advice if error.cause else advice)
            return
        yield _passed(subject, "reached")
        key = probe_key(settings.prefix, f"doctor-{secrets.token_hex(8)}")
        try:
            honoured = await store.probe_conditional_put(key)
        except StorageError as error:
            advice = error.cause.advice if error.cause else "the keys need PutObject here; check the store"
            yield _failed("S3 conditional PUT", error.message, advice)
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
