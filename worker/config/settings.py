"""Reads all settings from the environment; the only reader of `os.environ`."""

import os
import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from schemas.errors import UsageError
from schemas.topics import all_topics, lane_of, unprefixed
from worker.config.sections import (
    CircuitSettings,
    ControllerSettings,
    DeliverySettings,
    GoogleSettings,
    KafkaSettings,
    QuotaSettings,
    RolloutSettings,
    SettingsSection,
    StorageSettings,
    WorkerSettings,
)


class Settings(SettingsSection):
    """All settings of one process."""

    kafka: KafkaSettings
    delivery: DeliverySettings
    storage: StorageSettings
    google: GoogleSettings
    quota: QuotaSettings
    circuit: CircuitSettings
    rollout: RolloutSettings
    controller: ControllerSettings
    worker: WorkerSettings


SECTIONS: Final[dict[str, type[SettingsSection]]] = {
    "kafka": KafkaSettings,
    "delivery": DeliverySettings,
    "storage": StorageSettings,
    "google": GoogleSettings,
    "quota": QuotaSettings,
    "circuit": CircuitSettings,
    "rollout": RolloutSettings,
    "controller": ControllerSettings,
    "worker": WorkerSettings,
}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads all settings.

    Args:
        environment: the variables; default: those of the process.

    Raises:
        UsageError: a variable's value isn't allowed, or a `CHIRP3_` variable is unknown.
    """
    environment = os.environ if environment is None else environment
    known = {variable for section in SECTIONS.values() for variable in variables(section)}
    for variable in sorted(environment):
        # A misspelt rollout variable would leave the rollout unchanged without an error.
        if re.match(r"^(CHIRP3|ROLLOUT)_", variable) and variable not in known:
            allowed = ", ".join(sorted(name for name in known if name.startswith(("CHIRP3_", "ROLLOUT_"))))
            raise UsageError(f"{variable}={environment[variable]!r}: no such setting; there are {allowed}")
    sections = {name: _read(section, environment) for name, section in SECTIONS.items()}
    settings = Settings.model_validate(sections)
    storage = settings.storage
    if (storage.access_key_id is None) != (storage.secret_access_key is None):
        raise UsageError("S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both, or neither for boto's own chain")
    _check_exactly_once(settings)
    _check_reply_topics(settings)
    return settings


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


def mask_credentials(url: str) -> str:
    """Masks the user and password of a URL, also within a sentence: `https://name:password@host`."""
    _, found, host = url.rpartition("@")
    scheme = "".join(re.findall(r"^https?://", url))
    return f"{scheme}***@{host}" if found else url


def _read(section: type[SettingsSection], environment: Mapping[str, str]) -> SettingsSection:
    # An empty variable counts as unset, except for the lists and texts in which an empty value has a meaning.
    may_be_empty = {"CHIRP3_ENABLED_CHARACTERS", "CHIRP3_EXCLUDED_CHARACTERS", "CHIRP3_SALT", "S3_PREFIX"}
    names = variables(section)
    given = {name: environment[name] for name in names if name in environment}
    given = {name: value for name, value in given.items() if value or name in may_be_empty}
    try:
        return section.model_validate(given)
    except ValidationError as error:
        variable = str(error.errors()[0]["loc"][0])
        field = section.model_fields[names[variable]]
        secret = "SECRET" in variable or variable == "ROLLOUT_WEBHOOKS"
        value = "'***'" if secret else repr(mask_credentials(given.get(variable, "")))
        raise UsageError(f"{variable}={value}: allowed is {field.description}") from None
