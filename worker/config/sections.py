"""Every setting of the worker, in sections: its environment variable, its allowed values and its default."""

from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from schemas.enums import Lane, VoiceModel
from schemas.job import MAX_TEXT_BYTES
from schemas.revision import FULL_PERCENTAGE
from schemas.topics import RETRY_DELAYS, Delays
from worker.config.parsing import Flag, Hundredths, Names, ReplyTopics, RetryDelays, Webhooks
from worker.pricing.google_terms import TERMS, TOTAL_REQUESTS_PER_MINUTE

_FLAG: Final = "true or false"
_DELAYS: Final = "different delays such as 10s, 1m, 1h with commas, starting with the first retry's; or none"
_SECONDS: Final = "a number of seconds above 0"
_CHIRP: Final = TERMS[VoiceModel.CHIRP3_HD]
_WAVENET: Final = TERMS[VoiceModel.WAVENET]


class SettingsSection(BaseModel):
    """A section of the settings; each field is read from the environment variable of its alias."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True, allow_inf_nan=False)


def _setting(variable: str, allowed: str, default: Any = ..., **constraints: Any) -> Any:
    return Field(default, validation_alias=variable, description=allowed, **constraints)


def _per_minute(variable: str, default: int) -> Any:
    allowed = "a whole number of requests a minute, 0 to 1000000; 0 for no limit"
    return _setting(variable, allowed, default, ge=0, le=1_000_000)


class KafkaSettings(SettingsSection):
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
        "a name that no other worker has, for static membership; unset for dynamic membership",
        None,
        min_length=1,
    )
    topic_prefix: str = _setting(
        "KAFKA_TOPIC_PREFIX",
        "letters, digits, dots, dashes and underscores; replaces the prefix tts",
        "tts",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
    )
    idempotence: Flag = _setting("KAFKA_IDEMPOTENCE", _FLAG, default=True)
    session_timeout_s: float = _setting("KAFKA_SESSION_TIMEOUT_S", _SECONDS, 30.0, gt=0)
    max_poll_interval_s: float = _setting("KAFKA_MAX_POLL_INTERVAL_S", _SECONDS, 300.0, gt=0)
    commit_interval_s: float = _setting("COMMIT_INTERVAL_S", _SECONDS, 0.1, gt=0)
    revoke_wait_s: float = _setting("REVOKE_WAIT_S", "a number of seconds, 0 or more", 3.0, ge=0)

    @property
    def heartbeat_interval_s(self) -> float:
        """The time between two heartbeats of a group member."""
        return self.session_timeout_s / 10

    @property
    def missed_after_s(self) -> float:
        """After a longer stall Kafka may have removed the member: the session runs from its last heartbeat."""
        return self.session_timeout_s - self.heartbeat_interval_s


class DeliverySettings(SettingsSection):
    """The delivery guarantee, the retries, and the share of bad input that pauses a lane."""

    guarantee: Literal["at-least-once", "exactly-once"] = _setting(
        "DELIVERY", "at-least-once or exactly-once (which needs KAFKA_GROUP_INSTANCE_ID)", "at-least-once"
    )
    retry_dialogue: RetryDelays = _setting("RETRY_DIALOGUE", _DELAYS, RETRY_DELAYS[Lane.DIALOGUE])
    retry_batch: RetryDelays = _setting("RETRY_BATCH", _DELAYS, RETRY_DELAYS[Lane.BATCH])
    reply_topics: ReplyTopics = _setting(
        "REPLY_TOPICS", "topic names with commas, except the worker's own topics; empty for none", frozenset()
    )
    bad_input_share: float = _setting(
        "LANE_PAUSE_SHARE", "above 0, at most 1: the share of records that are not valid jobs", 0.9, gt=0, le=1
    )
    bad_input_window: int = _setting(
        "LANE_PAUSE_WINDOW", "a whole number of the latest records, 1 to 100000", 500, ge=1, le=100_000
    )
    bad_input_probe_s: float = _setting("LANE_PROBE_INTERVAL_S", _SECONDS, 60.0, gt=0)

    @property
    def retry_delays(self) -> Delays:
        """The delays of each lane's retries."""
        return {Lane.DIALOGUE: self.retry_dialogue, Lane.BATCH: self.retry_batch}


class StorageSettings(SettingsSection):
    """The S3-compatible store. Without keys, boto's own credential chain applies."""

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
        "KEPT_AUDIO_MB", "a whole number of MiB, 0 or more, of synthesized audio that may wait for the store", 256, ge=0
    )
    known_takes: int = _setting(
        "KNOWN_TAKES",
        "a whole number of takes, 0 to 1000000, that the worker remembers and doesn't look up again",
        10_000,
        ge=0,
        le=1_000_000,
    )
    # Lifecycle rules delete takes: for this long, a completion may reference a take that is deleted.
    known_takes_s: float = _setting("KNOWN_TAKES_S", _SECONDS, 600.0, gt=0)


class GoogleSettings(SettingsSection):
    """Google Cloud Text-to-Speech. A call's timeout is base + per character, at most max."""

    endpoint: str = _setting(
        "TTS_ENDPOINT",
        "host or host:port, such as eu-texttospeech.googleapis.com",
        "texttospeech.googleapis.com",
        pattern=r"^[A-Za-z0-9.-]+(:\d+)?$",
    )
    plaintext: Flag = _setting("TTS_PLAINTEXT", "true (only for the emulator) or false", default=False)
    timeout_base_s: float = _setting("TTS_TIMEOUT_BASE_S", _SECONDS, 5.0, gt=0)
    timeout_per_character_s: float = _setting(
        "TTS_TIMEOUT_PER_CHARACTER_S", "a number of seconds, 0 or more", 0.02, ge=0
    )
    timeout_max_s: float = _setting("TTS_TIMEOUT_MAX_S", _SECONDS, 60.0, gt=0)
    # The SLA requires a second of back-off after an error.
    quick_retry_after_s: float = _setting("TTS_QUICK_RETRY_AFTER_S", "a number of seconds, 0 or more", 1.0, ge=0)
    probe_interval_s: float = _setting("TTS_PROBE_INTERVAL_S", _SECONDS, 5.0, gt=0)


class QuotaSettings(SettingsSection):
    """Google's quota of the project. A worker's share of the quota equals its share of the partitions.

    The defaults are Google's own.
    """

    chirp3_per_minute: int = _per_minute("QUOTA_CHIRP3_PER_MINUTE", _CHIRP.requests_per_minute)
    wavenet_per_minute: int = _per_minute("QUOTA_WAVENET_PER_MINUTE", _WAVENET.requests_per_minute)
    total_per_minute: int = _per_minute("QUOTA_TOTAL_PER_MINUTE", TOTAL_REQUESTS_PER_MINUTE)
    dialogue_reserve: float = _setting(
        "QUOTA_DIALOGUE_RESERVE", "0 to 0.9: the largest share that batch leaves free while dialogue jobs arrive", 0.1,
        ge=0, le=0.9,
    )  # fmt: skip
    dialogue_wait_s: float = _setting("QUOTA_DIALOGUE_WAIT_S", "a number of seconds, 0 or more", 0.25, ge=0)


class CircuitSettings(SettingsSection):
    """The circuit breaker of Chirp: when it opens, and how long it stays open before a probe. Times in seconds."""

    share: float = _setting("CIRCUIT_SHARE", "above 0, at most 1: the share of failed attempts", 0.5, gt=0, le=1)
    window_s: float = _setting("CIRCUIT_WINDOW_S", _SECONDS, 10.0, gt=0)
    minimum: int = _setting("CIRCUIT_MINIMUM", "a whole number of attempts, 1 to 100000", 10, ge=1, le=100_000)
    cool_down_s: float = _setting("CIRCUIT_COOL_DOWN_S", _SECONDS, 5.0, gt=0)


class RolloutSettings(SettingsSection):
    """The source of the rollout, and the rollout itself where it comes from variables."""

    enabled: Flag | None = _setting("CHIRP3_ENABLED", f"{_FLAG}; an explicit false is the hand brake", None)
    percentage: Hundredths = _setting(
        "CHIRP3_ROLLOUT_PERCENTAGE", "a number from 0 to 100 with at most two decimals", 0, ge=0, le=FULL_PERCENTAGE
    )
    characters: Names = _setting(
        "CHIRP3_ENABLED_CHARACTERS", "characters with commas; empty for all, none for none", frozenset()
    )
    excluded: Names = _setting("CHIRP3_EXCLUDED_CHARACTERS", "characters with commas, or empty", frozenset())
    fallback: Flag = _setting("CHIRP3_FALLBACK_TO_WAVENET", _FLAG, default=True)
    salt: str = _setting("CHIRP3_SALT", "any text; another text selects other users", "", min_length=0)
    source: Literal["env", "topic"] = _setting(
        "ROLLOUT_SOURCE",
        "env, or topic: follow the rollout topic, and seed it from the variables while it is empty",
        "env",
    )


class ControllerSettings(SettingsSection):
    """The controller of the rollout: `chirp-worker rollout run`."""

    round_s: float = _setting("ROLLOUT_ROUND_S", "a number of seconds above 0, at most 300", 10.0, gt=0, le=300)
    prometheus_url: str | None = _setting(
        "PROMETHEUS_URL", "http:// or https:// and a host, for a plan's queries", None, pattern=r"^https?://\S+$"
    )
    prometheus_timeout_s: float = _setting("PROMETHEUS_TIMEOUT_S", _SECONDS, 5.0, gt=0)
    webhooks: Webhooks = _setting(
        "ROLLOUT_WEBHOOKS", "audience=https://… with commas, such as team=https://hooks.example/x", {}
    )


class WorkerSettings(SettingsSection):
    """The worker itself."""

    max_in_flight: int = _setting("MAX_IN_FLIGHT", "a whole number from 1 to 4096", 64, ge=1, le=4096)
    dialogue_share: float = _setting(
        "DIALOGUE_SHARE", "0 or more, below 1: the share of MAX_IN_FLIGHT that batch jobs can't take", 0.4, ge=0, lt=1
    )
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

    @property
    def dialogue_slots(self) -> int:
        """The number of slots that are reserved for dialogue."""
        return round(self.max_in_flight * self.dialogue_share)
