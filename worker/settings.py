"""Every setting, typed, from the environment; the only reader of `os.environ`."""

import os
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from schemas.job import MAX_TEXT_BYTES
from schemas.topics import RETRY_DELAYS, Delays, delay_seconds
from schemas.words import Lane
from worker.rollout.state import FULL


class SettingError(Exception):
    """A setting is wrong; the message is one line: the variable, its value, what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True, allow_inf_nan=False)


def _setting(variable: str, allowed: str, default: Any = ..., **constraints: Any) -> Any:
    return Field(default, validation_alias=variable, description=allowed, **constraints)


_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})


def _flag(value: object) -> object:
    if isinstance(value, str):
        lowered = value.strip().lower()
        if lowered in _TRUE | _FALSE:
            return lowered in _TRUE
        raise ValueError("no flag")
    return value


def _hundredths(value: object) -> object:
    return hundredths(value) if isinstance(value, str) else value


def hundredths(text: str) -> int:
    """'12.5' → 1250: exactly, or not at all.

    Raises:
        ValueError: it is no number from 0 to 100 with at most two decimals.
    """
    try:
        percent = Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        raise ValueError("no number") from None
    # The range first: 1e999999 times anything overflows. Comparing is exact, multiplying rounds.
    if not percent.is_finite() or not 0 <= percent <= FULL // 100 or percent != round(percent, 2):
        raise ValueError("out of range, or too fine")
    return int(round(percent, 2) * 100)


def _names(value: object) -> object:
    if isinstance(value, str):
        names = frozenset(name.strip() for name in value.split(",") if name.strip())
        # Only the empty list says "all"; a comma left behind by an edit must not widen the rollout to it.
        if value.strip() and not names:
            raise ValueError("commas alone")
        return names
    return value


def _delays(value: object) -> object:
    if not isinstance(value, str):
        return value
    delays = tuple(delay.strip() for delay in value.split(",") if delay.strip())
    if delays == ("none",):
        return ()
    if not delays:
        raise ValueError("commas alone")
    for delay in delays:
        delay_seconds(delay)
    if len(set(delays)) < len(delays):
        raise ValueError("twice the same")
    return delays


Flag = Annotated[bool, BeforeValidator(_flag)]
Hundredths = Annotated[int, BeforeValidator(_hundredths)]
Names = Annotated[frozenset[str], BeforeValidator(_names)]
RetryDelays = Annotated[tuple[str, ...], BeforeValidator(_delays)]
_FLAG: Final = "true or false"
_DELAYS: Final = "delays such as 10s, 1m, 1h with commas, each once, the first retry's first; or none"
_SECONDS: Final = "a number of seconds above 0"


class KafkaSettings(_Part):
    """The broker, the consumer group and the outbox. Times in seconds."""

    bootstrap_servers: str = _setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        "host:port, several with commas",
        "localhost:9092",
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
    )
    group_id: str = _setting("KAFKA_GROUP_ID", "a consumer group's name", "chirp-worker", min_length=1)
    group_instance_id: str | None = _setting(
        "KAFKA_GROUP_INSTANCE_ID",
        "a name that this worker alone has, for static membership; unset for none",
        None,
        min_length=1,
    )
    topic_prefix: str = _setting(
        "KAFKA_TOPIC_PREFIX",
        "letters, digits, dots, dashes; takes the place of tts",
        "tts",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
    )
    idempotence: Flag = _setting("KAFKA_IDEMPOTENCE", _FLAG, default=True)
    session_timeout_s: float = _setting("KAFKA_SESSION_TIMEOUT_S", _SECONDS, 30.0, gt=0)
    max_poll_interval_s: float = _setting("KAFKA_MAX_POLL_INTERVAL_S", _SECONDS, 300.0, gt=0)
    commit_interval_s: float = _setting("COMMIT_INTERVAL_S", _SECONDS, 0.1, gt=0)
    revoke_wait_s: float = _setting("REVOKE_WAIT_S", "a number of seconds, 0 or more", 3.0, ge=0)


class DeliverySettings(_Part):
    """The guarantee, retries, and when a lane pauses for what comes in it."""

    guarantee: Literal["at-least-once", "exactly-once"] = _setting(
        "DELIVERY", "at-least-once or exactly-once (which needs KAFKA_GROUP_INSTANCE_ID)", "at-least-once"
    )
    retry_dialogue: RetryDelays = _setting("RETRY_DIALOGUE", _DELAYS, RETRY_DELAYS[Lane.DIALOGUE])
    retry_batch: RetryDelays = _setting("RETRY_BATCH", _DELAYS, RETRY_DELAYS[Lane.BATCH])
    bad_input_share: float = _setting(
        "LANE_PAUSE_SHARE", "above 0, at most 1: the share of records that are no jobs", 0.9, gt=0, le=1
    )
    bad_input_window: int = _setting(
        "LANE_PAUSE_WINDOW", "a whole number of last records, 1 to 100000", 500, ge=1, le=100_000
    )
    bad_input_probe_s: float = _setting("LANE_PROBE_INTERVAL_S", _SECONDS, 60.0, gt=0)

    @property
    def retry_delays(self) -> Delays:
        """The delays of each lane's retries."""
        return {Lane.DIALOGUE: self.retry_dialogue, Lane.BATCH: self.retry_batch}


class StorageSettings(_Part):
    """The S3-compatible store. Without keys boto's own chain finds them."""

    endpoint_url: str | None = _setting(
        "S3_ENDPOINT_URL", "http:// or https:// and a host; unset for AWS", None, pattern=r"^https?://\S+$"
    )
    bucket: str = _setting("S3_BUCKET", "a bucket's name", "tts-audio", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str = _setting(
        "S3_PREFIX",
        "letters, digits, ._- and single slashes inside, or empty",
        "takes",
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$",
    )
    region: str = _setting("S3_REGION", "a region's name", "us-east-1", min_length=1)
    access_key_id: str | None = _setting(
        "S3_ACCESS_KEY_ID", "an access key's id, together with S3_SECRET_ACCESS_KEY", None
    )
    secret_access_key: SecretStr | None = _setting("S3_SECRET_ACCESS_KEY", "the access key's secret", None)
    checksums: Literal["when_required", "when_supported"] = _setting(
        "S3_CHECKSUMS", "when_required or when_supported", "when_required"
    )
    timeout_s: float = _setting("S3_TIMEOUT_S", _SECONDS, 10.0, gt=0)
    probe_interval_s: float = _setting("S3_PROBE_INTERVAL_S", _SECONDS, 1.0, gt=0)
    kept_audio_mb: int = _setting(
        "KEPT_AUDIO_MB", "a whole number of MiB, 0 or more, of paid audio that may wait for the store", 256, ge=0
    )


class GoogleSettings(_Part):
    """Google Cloud Text-to-Speech. A call's timeout is base + per character, at most max."""

    endpoint: str = _setting(
        "TTS_ENDPOINT",
        "host or host:port, such as eu-texttospeech.googleapis.com",
        "texttospeech.googleapis.com",
        pattern=r"^[A-Za-z0-9.-]+(:\d+)?$",
    )
    plaintext: Flag = _setting("TTS_PLAINTEXT", "true (for the emulator alone) or false", default=False)
    timeout_base_s: float = _setting("TTS_TIMEOUT_BASE_S", _SECONDS, 5.0, gt=0)
    timeout_per_character_s: float = _setting(
        "TTS_TIMEOUT_PER_CHARACTER_S", "a number of seconds, 0 or more", 0.02, ge=0
    )
    timeout_max_s: float = _setting("TTS_TIMEOUT_MAX_S", _SECONDS, 60.0, gt=0)
    # The SLA asks for a second of back-off after an error.
    quick_retry_after_s: float = _setting("TTS_QUICK_RETRY_AFTER_S", "a number of seconds, 0 or more", 1.0, ge=0)
    probe_interval_s: float = _setting("TTS_PROBE_INTERVAL_S", _SECONDS, 5.0, gt=0)


class RolloutSettings(_Part):
    """Where the rollout comes from; as the plan's four variables say it, and one to take characters out."""

    enabled: Flag | None = _setting("CHIRP3_ENABLED", f"{_FLAG}; an explicit false is the hand brake", None)
    percentage: Hundredths = _setting(
        "CHIRP3_ROLLOUT_PERCENTAGE", "a number from 0 to 100 with at most two decimals", 0, ge=0, le=FULL
    )
    characters: Names = _setting(
        "CHIRP3_ENABLED_CHARACTERS", "characters with commas; empty for all, none for none", frozenset()
    )
    excluded: Names = _setting("CHIRP3_EXCLUDED_CHARACTERS", "characters with commas, or empty", frozenset())
    fallback: Flag = _setting("CHIRP3_FALLBACK_TO_WAVENET", _FLAG, default=True)
    salt: str = _setting("CHIRP3_SALT", "any text; another one draws other users", "", min_length=0)
    source: Literal["env", "topic"] = _setting(
        "ROLLOUT_SOURCE",
        "env, or topic: the rollout topic is followed, and seeded from the variables while it is empty",
        "env",
    )


class WorkerSettings(_Part):
    """The worker itself."""

    max_in_flight: int = _setting("MAX_IN_FLIGHT", "a whole number from 1 to 4096", 64, ge=1, le=4096)
    max_text_bytes: int = _setting(
        "MAX_TEXT_BYTES", "a whole number from 1 to 1000000", MAX_TEXT_BYTES, ge=1, le=1_000_000
    )
    grace_s: float = _setting("SHUTDOWN_GRACE_S", _SECONDS, 25.0, gt=0)
    http_host: str = _setting("HTTP_HOST", "an address to listen at", "127.0.0.1", min_length=1)
    http_port: int = _setting("HTTP_PORT", "a port from 0 to 65535; 0 for a free one", 8080, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "LOG_LEVEL", "debug, info, warning or error", "info"
    )
    characters_file: Path | None = _setting("CHARACTERS_FILE", "a catalogue's path; unset for the built-in one", None)


class Settings(_Part):
    """All settings of one process."""

    kafka: KafkaSettings
    delivery: DeliverySettings
    storage: StorageSettings
    google: GoogleSettings
    rollout: RolloutSettings
    worker: WorkerSettings


PARTS: Final[dict[str, type[_Part]]] = {
    "kafka": KafkaSettings,
    "delivery": DeliverySettings,
    "storage": StorageSettings,
    "google": GoogleSettings,
    "rollout": RolloutSettings,
    "worker": WorkerSettings,
}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads all settings.

    Args:
        environment: the variables; the process's own by default.

    Raises:
        SettingError: a variable's value isn't allowed, or a `CHIRP3_` variable is unknown.
    """
    environment = os.environ if environment is None else environment
    known = {variable for part in PARTS.values() for variable in variables(part)}
    for variable in sorted(environment):
        # A misspelt rollout variable would quietly leave the rollout as it was.
        if re.match(r"^(CHIRP3|ROLLOUT)_", variable) and variable not in known:
            allowed = ", ".join(sorted(name for name in known if name.startswith(("CHIRP3_", "ROLLOUT_"))))
            raise SettingError(f"{variable}={environment[variable]!r}: no such setting; there are {allowed}")
    parts = {name: _read(part, environment) for name, part in PARTS.items()}
    settings = Settings.model_validate(parts)
    storage = settings.storage
    if (storage.access_key_id is None) != (storage.secret_access_key is None):
        raise SettingError("S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both, or neither for boto's own chain")
    _check_exactly_once(settings)
    return settings


def _check_exactly_once(settings: Settings) -> None:
    if settings.delivery.guarantee == "exactly-once":
        if settings.kafka.group_instance_id is None:
            # A random one would leave a killed worker's transaction open, and read_committed readers waiting.
            raise SettingError("DELIVERY='exactly-once': set KAFKA_GROUP_INSTANCE_ID, which each worker keeps for ever")
        if not settings.kafka.idempotence:
            raise SettingError("DELIVERY='exactly-once': allowed with KAFKA_IDEMPOTENCE=true alone")


def variables(part: type[_Part]) -> dict[str, str]:
    """The environment variables of a part, each with its field's name."""
    return {str(field.validation_alias): name for name, field in part.model_fields.items()}


def _read(part: type[_Part], environment: Mapping[str, str]) -> _Part:
    # An empty variable is an unset one, but for the lists and texts in which empty says something.
    said_empty = {"CHIRP3_ENABLED_CHARACTERS", "CHIRP3_EXCLUDED_CHARACTERS", "CHIRP3_SALT", "S3_PREFIX"}
    names = variables(part)
    given = {name: environment[name] for name in names if name in environment}
    given = {name: value for name, value in given.items() if value or name in said_empty}
    try:
        return part.model_validate(given)
    except ValidationError as error:
        variable = str(error.errors()[0]["loc"][0])
        field = part.model_fields[names[variable]]
        secret = "SECRET" in variable
        value = "'***'" if secret else repr(given.get(variable))
        raise SettingError(f"{variable}={value}: allowed is {field.description}") from None
