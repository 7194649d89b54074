"""Every setting of the worker, in sections: its environment variable, its allowed values and its default."""

from pathlib import Path
from typing import Any, Final, Literal

from schemas.enums import Lane, VoiceModel
from schemas.field_types import MAX_TEXT_BYTES
from schemas.revision import FULL_PERCENTAGE
from schemas.topics import RETRY_DELAYS, Delays
from worker.config.kafka_security import KafkaSecuritySettings
from worker.config.parsing import Flag, Hundredths, Names, ReplyTopics, RetryDelays, Secret
from worker.config.section import SettingsSection, setting
from worker.config.storage_access import StorageAccessSettings
from worker.config.webhooks import WEBHOOK_KEYS_ALLOWED, WEBHOOKS_ALLOWED, WebhookKeys, Webhooks
from worker.pricing.google_terms import TERMS, TOTAL_REQUESTS_PER_MINUTE

_FLAG: Final = "true or false"
_DELAYS: Final = "different delays such as 10s, 1m, 1h with commas, starting with the first retry's; or none"
# A week: its milliseconds fit into the 32 bits that Kafka has for them.
_LONGEST_S: Final = 604_800
_SECONDS: Final = f"a number of seconds above 0, at most {_LONGEST_S}"
_SECONDS_OR_NONE: Final = f"a number of seconds, 0 to {_LONGEST_S}"
_ACTION: Final = "reject or warn"
_CHIRP: Final = TERMS[VoiceModel.CHIRP3_HD]
_WAVENET: Final = TERMS[VoiceModel.WAVENET]


CheckAction = Literal["reject", "warn"]


def _per_minute(variable: str, default: int) -> Any:
    allowed = "a whole number of requests a minute, 0 to 1000000; 0 for no limit"
    return setting(variable, allowed, default, ge=0, le=1_000_000)


class KafkaSettings(KafkaSecuritySettings):
    """The broker, how it is reached, the consumer group and the outbox. Times in seconds."""

    bootstrap_servers: str = setting(
        "KAFKA_BOOTSTRAP_SERVERS",
        "host:port, several with commas",
        "localhost:9092",
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
    )
    group_id: str = setting("KAFKA_GROUP_ID", "a consumer group's name", "chirp-worker", min_length=1)
    group_instance_id: str | None = setting(
        "KAFKA_GROUP_INSTANCE_ID",
        "a name that no other worker has, for static membership; none for dynamic membership; unset: the name that "
        "systemd or a StatefulSet gives the worker, else dynamic membership",
        None,
        min_length=1,
    )
    leave_at_stop: Flag = setting(
        "KAFKA_LEAVE_AT_STOP",
        f"{_FLAG}: whether a worker with static membership leaves its group when it stops, rather than keep its "
        "partitions for its return",
        default=False,
    )
    topic_prefix: str = setting(
        "KAFKA_TOPIC_PREFIX",
        "letters, digits, dots, dashes and underscores; replaces the prefix tts",
        "tts",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
    )
    idempotence: Flag = setting("KAFKA_IDEMPOTENCE", _FLAG, default=True)
    # 8 s in which a machine is paused cost no membership, and a killed worker's jobs go on within 12 s.
    session_timeout_s: float = setting("KAFKA_SESSION_TIMEOUT_S", _SECONDS, 10.0, gt=0, le=_LONGEST_S)
    max_poll_interval_s: float = setting("KAFKA_MAX_POLL_INTERVAL_S", _SECONDS, 300.0, gt=0, le=_LONGEST_S)
    commit_interval_s: float = setting("COMMIT_INTERVAL_S", _SECONDS, 0.1, gt=0, le=_LONGEST_S)
    revoke_wait_s: float = setting("REVOKE_WAIT_S", _SECONDS_OR_NONE, 3.0, ge=0, le=_LONGEST_S)

    @property
    def heartbeat_interval_s(self) -> float:
        """The time between two heartbeats of a group member: also how late the others hear that one is gone."""
        return self.session_timeout_s / 20

    @property
    def missed_after_s(self) -> float:
        """After a longer stall Kafka may have removed the member: the session runs from its last heartbeat."""
        return self.session_timeout_s - self.heartbeat_interval_s


class DeliverySettings(SettingsSection):
    """The delivery guarantee, the retries, and the share of bad input that pauses a lane."""

    guarantee: Literal["at-least-once", "exactly-once"] = setting(
        "DELIVERY", "at-least-once or exactly-once (which needs KAFKA_GROUP_INSTANCE_ID)", "at-least-once"
    )
    retry_dialogue: RetryDelays = setting("RETRY_DIALOGUE", _DELAYS, RETRY_DELAYS[Lane.DIALOGUE])
    retry_batch: RetryDelays = setting("RETRY_BATCH", _DELAYS, RETRY_DELAYS[Lane.BATCH])
    reply_topics: ReplyTopics = setting(
        "REPLY_TOPICS", "topic names with commas, except the worker's own topics; empty for none", frozenset()
    )
    bad_input_share: float = setting(
        "LANE_PAUSE_SHARE", "above 0, at most 1: the share of records that are not valid jobs", 0.9, gt=0, le=1
    )
    bad_input_window: int = setting(
        "LANE_PAUSE_WINDOW", "a whole number of the latest records, 1 to 100000", 500, ge=1, le=100_000
    )
    bad_input_probe_s: float = setting("LANE_PROBE_INTERVAL_S", _SECONDS, 60.0, gt=0, le=_LONGEST_S)

    @property
    def retry_delays(self) -> Delays:
        """The delays of each lane's retries."""
        return {Lane.DIALOGUE: self.retry_dialogue, Lane.BATCH: self.retry_batch}


class StorageSettings(StorageAccessSettings):
    """The S3-compatible store, its bucket, and what is kept of it in memory."""

    bucket: str = setting("S3_BUCKET", "a bucket's name", "tts-audio", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str = setting(
        "S3_PREFIX",
        "letters, digits, ._- and single slashes inside, or empty",
        "takes",
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$",
    )
    region: str = setting("S3_REGION", "a region's name", "us-east-1", min_length=1)
    checksums: Literal["when_required", "when_supported"] = setting(
        "S3_CHECKSUMS", "when_required or when_supported", "when_required"
    )
    timeout_s: float = setting("S3_TIMEOUT_S", _SECONDS, 10.0, gt=0, le=_LONGEST_S)
    probe_interval_s: float = setting("S3_PROBE_INTERVAL_S", _SECONDS, 1.0, gt=0, le=_LONGEST_S)
    kept_audio_mb: int = setting(
        "KEPT_AUDIO_MB",
        "a whole number of MiB, 0 to 1000000, of synthesized audio that may wait for the store",
        256,
        ge=0,
        le=1_000_000,
    )
    known_takes: int = setting(
        "KNOWN_TAKES",
        "a whole number of takes, 0 to 1000000, that the worker remembers and doesn't look up again",
        10_000,
        ge=0,
        le=1_000_000,
    )
    # Lifecycle rules delete takes: for this long, a completion may reference a take that is deleted.
    known_takes_s: float = setting("KNOWN_TAKES_S", _SECONDS, 600.0, gt=0, le=_LONGEST_S)
    # S3's longest for a presigned address (AWS, "Sharing objects with presigned URLs"): seven days.
    audio_url_ttl_s: int | None = setting(
        "AUDIO_URL_TTL_S",
        f"a whole number of seconds, 1 to {_LONGEST_S}, that a presigned address of audio is valid; unset: completions "
        "carry none",
        None,
        ge=1,
        le=_LONGEST_S,
    )
    audio_base_url: str | None = setting(
        "AUDIO_BASE_URL",
        "http:// or https://, a host and perhaps a path, without user and query, where takes can be read by their "
        "keys, such as a CDN's; unset for presigned addresses",
        None,
        pattern=r"^https?://[^\s?#@]+$",
    )


class GoogleSettings(SettingsSection):
    """Google Cloud Text-to-Speech. A call's timeout is base + per character, at most max; a stream has two others."""

    endpoint: str = setting(
        "TTS_ENDPOINT",
        "host or host:port, such as eu-texttospeech.googleapis.com",
        "texttospeech.googleapis.com",
        pattern=r"^[A-Za-z0-9.-]+(:\d+)?$",
    )
    plaintext: Flag = setting("TTS_PLAINTEXT", "true (only for the emulator) or false", default=False)
    timeout_base_s: float = setting("TTS_TIMEOUT_BASE_S", _SECONDS, 5.0, gt=0, le=_LONGEST_S)
    timeout_per_character_s: float = setting("TTS_TIMEOUT_PER_CHARACTER_S", _SECONDS_OR_NONE, 0.02, ge=0, le=_LONGEST_S)
    timeout_max_s: float = setting("TTS_TIMEOUT_MAX_S", _SECONDS, 60.0, gt=0, le=_LONGEST_S)
    # Google streams its first audio after some 0.2 s (livekit/agents#2143), and waits itself for 5 s at most.
    stream_first_s: float = setting("TTS_STREAM_FIRST_S", _SECONDS, 3.0, gt=0, le=_LONGEST_S)
    stream_idle_s: float = setting("TTS_STREAM_IDLE_S", _SECONDS, 5.0, gt=0, le=_LONGEST_S)
    # The SLA requires a second of back-off after an error.
    quick_retry_after_s: float = setting("TTS_QUICK_RETRY_AFTER_S", _SECONDS_OR_NONE, 1.0, ge=0, le=_LONGEST_S)
    probe_interval_s: float = setting("TTS_PROBE_INTERVAL_S", _SECONDS, 5.0, gt=0, le=_LONGEST_S)

    def timeout_s(self, characters: int) -> float:
        """The timeout of a call for an input of so many characters, in seconds."""
        return min(self.timeout_base_s + self.timeout_per_character_s * characters, self.timeout_max_s)


class AudioCheckSettings(SettingsSection):
    """What follows when audio fails a check: `reject` is `bad_audio` and its fallback, `warn` a line in the log.

    Audio that can't be played at all is always rejected.
    """

    format: CheckAction = setting("AUDIO_CHECK_FORMAT", _ACTION, "reject")
    cut: CheckAction = setting("AUDIO_CHECK_CUT", _ACTION, "reject")
    silence: CheckAction = setting("AUDIO_CHECK_SILENCE", _ACTION, "reject")
    noise: CheckAction = setting("AUDIO_CHECK_NOISE", _ACTION, "reject")
    length: CheckAction = setting("AUDIO_CHECK_LENGTH", _ACTION, "reject")
    peak: CheckAction = setting("AUDIO_CHECK_PEAK", _ACTION, "reject")


class QuotaSettings(SettingsSection):
    """Google's quota of the project. A worker's share of the quota equals its share of the partitions.

    The defaults are Google's own.
    """

    chirp3_per_minute: int = _per_minute("QUOTA_CHIRP3_PER_MINUTE", _CHIRP.requests_per_minute)
    wavenet_per_minute: int = _per_minute("QUOTA_WAVENET_PER_MINUTE", _WAVENET.requests_per_minute)
    total_per_minute: int = _per_minute("QUOTA_TOTAL_PER_MINUTE", TOTAL_REQUESTS_PER_MINUTE)
    dialogue_reserve: float = setting(
        "QUOTA_DIALOGUE_RESERVE", "0 to 0.9: the largest share that batch leaves free while dialogue jobs arrive", 0.1,
        ge=0, le=0.9,
    )  # fmt: skip
    dialogue_wait_s: float = setting("QUOTA_DIALOGUE_WAIT_S", _SECONDS_OR_NONE, 0.25, ge=0, le=_LONGEST_S)


class CircuitSettings(SettingsSection):
    """The circuit breaker of Chirp: when it opens, and how long it stays open before a probe. Times in seconds."""

    share: float = setting("CIRCUIT_SHARE", "above 0, at most 1: the share of failed attempts", 0.5, gt=0, le=1)
    window_s: float = setting("CIRCUIT_WINDOW_S", _SECONDS, 10.0, gt=0, le=_LONGEST_S)
    minimum: int = setting("CIRCUIT_MINIMUM", "a whole number of attempts, 1 to 100000", 10, ge=1, le=100_000)
    cool_down_s: float = setting("CIRCUIT_COOL_DOWN_S", _SECONDS, 5.0, gt=0, le=_LONGEST_S)


class RolloutSettings(SettingsSection):
    """The source of the rollout, and the rollout itself where it comes from variables."""

    enabled: Flag | None = setting("CHIRP3_ENABLED", f"{_FLAG}; an explicit false is the hand brake", None)
    percentage: Hundredths = setting(
        "CHIRP3_ROLLOUT_PERCENTAGE", "a number from 0 to 100 with at most two decimals", 0, ge=0, le=FULL_PERCENTAGE
    )
    characters: Names = setting(
        "CHIRP3_ENABLED_CHARACTERS", "characters with commas; empty for all, none for none", frozenset()
    )
    excluded: Names = setting("CHIRP3_EXCLUDED_CHARACTERS", "characters with commas, or empty", frozenset())
    fallback: Flag = setting("CHIRP3_FALLBACK_TO_WAVENET", _FLAG, default=True)
    salt: Secret = setting("CHIRP3_SALT", "any text; another text selects other users", "", min_length=0)
    source: Literal["env", "topic"] = setting(
        "ROLLOUT_SOURCE",
        "env, or topic: follow the rollout topic, and seed it from the variables while it is empty",
        "env",
    )


class ControllerSettings(SettingsSection):
    """The controller of the rollout: `chirp-worker rollout run`."""

    round_s: float = setting("ROLLOUT_ROUND_S", "a number of seconds above 0, at most 300", 10.0, gt=0, le=300)
    prometheus_url: str | None = setting(
        "PROMETHEUS_URL",
        "http:// or https:// and a host, without a query, for a plan's queries",
        None,
        pattern=r"^https?://[^\s?#]+$",
    )
    prometheus_timeout_s: float = setting("PROMETHEUS_TIMEOUT_S", _SECONDS, 5.0, gt=0, le=_LONGEST_S)
    webhooks: Webhooks = setting("ROLLOUT_WEBHOOKS", WEBHOOKS_ALLOWED, {})
    webhook_keys: WebhookKeys = setting("ROLLOUT_WEBHOOK_KEYS", WEBHOOK_KEYS_ALLOWED, {})


class WorkerSettings(SettingsSection):
    """The worker itself."""

    max_in_flight: int = setting("MAX_IN_FLIGHT", "a whole number from 1 to 4096", 64, ge=1, le=4096)
    dialogue_share: float = setting(
        "DIALOGUE_SHARE", "0 or more, below 1: the share of MAX_IN_FLIGHT that batch jobs can't take", 0.4, ge=0, lt=1
    )
    max_text_bytes: int = setting(
        "MAX_TEXT_BYTES", "a whole number from 1 to 1000000", MAX_TEXT_BYTES, ge=1, le=1_000_000
    )
    memory_budget_mb: int | None = setting(
        "MEMORY_BUDGET_MB",
        "a whole number of MiB, 1 to 1048576, that the sound of long lines may take together; unset for half of the "
        "container's memory limit, or 1024 without one",
        None,
        ge=1,
        le=2**20,
    )
    grace_s: float = setting("SHUTDOWN_GRACE_S", _SECONDS, 25.0, gt=0, le=_LONGEST_S)
    http_host: str = setting("HTTP_HOST", "an address to listen at", "127.0.0.1", min_length=1)
    http_port: int = setting("HTTP_PORT", "a port from 0 to 65535; 0 for a free one", 8080, ge=0, le=65535)
    http_token: Secret | None = setting(
        "HTTP_TOKEN",
        "at least 16 characters, which `lane resume` sends; unset: no lane can be resumed by HTTP",
        None,
        min_length=16,
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOG_LEVEL", "debug, info, warning or error", "info"
    )
    characters_file: Path | None = setting("CHARACTERS_FILE", "a catalogue's path; unset for the built-in one", None)

    @property
    def dialogue_slots(self) -> int:
        """The number of slots that are reserved for dialogue."""
        return round(self.max_in_flight * self.dialogue_share)
