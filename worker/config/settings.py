"""Reads all settings from the environment; the only reader of `os.environ`."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from schemas.errors import UsageError
from schemas.topics import all_topics, lane_of, unprefixed
from worker.config.http_api import HttpApiSettings
from worker.config.instance_id import DYNAMIC, ThisProcess, derive_instance_id
from worker.config.kafka_security import check_kafka_security
from worker.config.secret_file import SecretFile, read_secret
from worker.config.section import SettingsSection
from worker.config.sections import (
    AudioCheckSettings,
    CircuitSettings,
    ControllerSettings,
    DeliverySettings,
    GoogleSettings,
    KafkaSettings,
    QuotaSettings,
    RolloutSettings,
    StorageSettings,
    WorkerSettings,
)
from worker.config.storage_access import check_storage_access
from worker.config.tracing import TracingSettings
from worker.config.unknown_variables import describe_unknown, unknown_variables
from worker.config.webhooks import check_webhook_keys

_MOST_SHOWN: Final = 10
_LONGEST_PATH: Final = 1024
_IN_FILE: Final = "_FILE"
# The lists and texts in which an empty value has a meaning; any other empty variable counts as unset.
_MAY_BE_EMPTY: Final = frozenset(
    {"CHIRP3_ENABLED_CHARACTERS", "CHIRP3_EXCLUDED_CHARACTERS", "CHIRP3_SALT", "S3_PREFIX"}
)


class Settings(SettingsSection):
    """All settings of one process."""

    kafka: KafkaSettings
    delivery: DeliverySettings
    storage: StorageSettings
    google: GoogleSettings
    audio_check: AudioCheckSettings
    quota: QuotaSettings
    circuit: CircuitSettings
    rollout: RolloutSettings
    controller: ControllerSettings
    worker: WorkerSettings
    http_api: HttpApiSettings
    tracing: TracingSettings


SECTIONS: Final[dict[str, type[SettingsSection]]] = {
    "kafka": KafkaSettings,
    "delivery": DeliverySettings,
    "storage": StorageSettings,
    "google": GoogleSettings,
    "audio_check": AudioCheckSettings,
    "quota": QuotaSettings,
    "circuit": CircuitSettings,
    "rollout": RolloutSettings,
    "controller": ControllerSettings,
    "worker": WorkerSettings,
    "http_api": HttpApiSettings,
    "tracing": TracingSettings,
}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads all settings.

    Args:
        environment: the variables; default: those of the process.

    Raises:
        UsageError: a variable's value isn't allowed, or it looks like one of ours and is none.
    """
    environment = os.environ if environment is None else environment
    known = all_variables()
    if unknown := sorted(unknown_variables(environment, known)):
        raise UsageError("; ".join(describe_unknown(variable, known) for variable in unknown[:_MOST_SHOWN]))
    _check_google_credentials(environment.get("GOOGLE_APPLICATION_CREDENTIALS", ""))
    sections = {name: _read(section, environment) for name, section in SECTIONS.items()}
    settings = _with_instance_id(Settings.model_validate(sections), environment)
    check_storage_access(settings.storage)
    check_kafka_security(settings.kafka)
    check_webhook_keys(settings.controller.webhooks, settings.controller.webhook_keys)
    _check_exactly_once(settings)
    _check_reply_topics(settings)
    return settings


def own_environment() -> dict[str, str]:
    """The variables of this process."""
    return dict(os.environ)


def _with_instance_id(settings: Settings, environment: Mapping[str, str]) -> Settings:
    given = settings.kafka.group_instance_id
    chosen = derive_instance_id(environment, ThisProcess()) if given is None else None if given == DYNAMIC else given
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"group_instance_id": chosen})})


def _check_reply_topics(settings: Settings) -> None:
    ours = {topic.name for topic in all_topics(settings.delivery.retry_delays)}
    for reply_topic in sorted(settings.delivery.reply_topics):
        name = unprefixed(reply_topic, settings.kafka.topic_prefix)
        # The worker would read a completion in a lane as a job, and one in another topic as a record of that topic.
        if name in ours or lane_of(name) is not None:
            raise UsageError(f"REPLY_TOPICS={reply_topic!r}: is one of the worker's own topics; name another")


def _check_exactly_once(settings: Settings) -> None:
    if settings.delivery.guarantee == "exactly-once":
        if settings.kafka.group_instance_id is None:
            # With a random id, a killed worker's transaction would stay open and block read_committed readers.
            raise UsageError("DELIVERY='exactly-once': set KAFKA_GROUP_INSTANCE_ID, which each worker keeps for ever")
        if not settings.kafka.idempotence:
            raise UsageError("DELIVERY='exactly-once': allowed with KAFKA_IDEMPOTENCE=true alone")


def variables(section: type[SettingsSection]) -> dict[str, str]:
    """The environment variables of a section, each with the name of its field."""
    return {str(field.validation_alias): name for name, field in section.model_fields.items()}


def all_variables() -> frozenset[str]:
    """The environment variables of all sections; a secret may also come from a file, whose path `<name>_FILE` has."""
    names = set()
    for section in SECTIONS.values():
        for variable, field in variables(section).items():
            names |= {variable, variable + _IN_FILE} if is_secret(section.model_fields[field]) else {variable}
    return frozenset(names)


def mask_secrets(url: str) -> str:
    """Masks user, password and query of a URL, also within a sentence: `https://name:password@host/?token=…`."""
    without_query = re.sub(r"[?#][^\s'\"]*", "?***", url)
    _, found, host = without_query.rpartition("@")
    scheme = "".join(re.findall(r"^https?://", without_query))
    return f"{scheme}***@{host}" if found else without_query


def _check_google_credentials(value: str) -> None:
    # Google's library reads the variable, and its error repeats the value.
    if len(value) > _LONGEST_PATH or not value.isprintable() or any(sign in value for sign in '{}"'):
        raise UsageError(
            "GOOGLE_APPLICATION_CREDENTIALS='***': must be the path of a file; write the key's JSON into a file"
        )


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must not be shown."""
    return "SecretStr" in f"{field.annotation} {field.metadata}"


def _read(section: type[SettingsSection], environment: Mapping[str, str]) -> SettingsSection:
    names = variables(section)
    given = {name: environment[name] for name in names if name in environment}
    given = {name: value for name, value in given.items() if value or name in _MAY_BE_EMPTY}
    files = _secret_files(section, environment)
    for variable, path in files.items():
        if variable in given:
            raise UsageError(f"{variable}, {variable}{_IN_FILE}: set one of them")
        try:
            given[variable] = read_secret(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
            raise UsageError(f"{variable}{_IN_FILE}={str(path)!r}: can't be read: {reason}") from None
        if not given[variable] and variable not in _MAY_BE_EMPTY:
            raise UsageError(f"{variable}{_IN_FILE}={str(path)!r}: the file is empty")
    try:
        settings = section.model_validate(given)
    except ValidationError as error:
        variable = str(error.errors()[0]["loc"][0])
        field = section.model_fields[names[variable]]
        if variable in files:
            where = f"{variable}{_IN_FILE}={str(files[variable])!r}: in the file"
            raise UsageError(f"{where} allowed is {field.description}") from None
        value = "'***'" if is_secret(field) else repr(mask_secrets(given.get(variable, "")))
        raise UsageError(f"{variable}={value}: allowed is {field.description}") from None
    in_files = {names[variable]: _in_file(section, variable, path) for variable, path in files.items()}
    return settings.model_copy(update=in_files)


def _secret_files(section: type[SettingsSection], environment: Mapping[str, str]) -> dict[str, Path]:
    """The variables whose value is in a file, with the file's path."""
    return {
        variable: Path(path)
        for variable, field in variables(section).items()
        if is_secret(section.model_fields[field]) and (path := environment.get(variable + _IN_FILE))
    }


def _in_file(section: type[SettingsSection], variable: str, path: Path) -> object:
    """The value of a setting, whose secrets are read again when their file changes."""
    field = variables(section)[variable]

    def value(text: str) -> Any:
        if not text and variable not in _MAY_BE_EMPTY:
            raise ValueError("an empty file, perhaps one that is just being written")
        return getattr(section.model_validate({variable: text}), field)

    def named(name: str) -> Callable[[str], str]:
        def parse(text: str) -> str:
            if name not in (values := value(text)):
                raise ValueError("a name is missing")
            return str(values[name].get_secret_value())

        return parse

    present = value(read_secret(path))
    if isinstance(present, dict):
        return {name: SecretFile(path, named(name)) for name in present}
    return SecretFile(path, lambda text: str(value(text).get_secret_value()))
