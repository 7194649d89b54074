"""How `chirp-worker serve` listens, whom it serves, and how much of it one process does at once."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator

from worker.config.parsing import Secret
from worker.config.section import SettingsSection, setting

_SECONDS: Final = "a number of seconds above 0, at most 3600"
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = frozenset(each.strip() for each in value.split(",") if each.strip())
    if not all(_ORIGIN.fullmatch(each) for each in origins):
        raise ValueError("no origin")
    return origins


Origins = Annotated[frozenset[str], BeforeValidator(_origins)]


class HttpApiSettings(SettingsSection):
    """The HTTP API: its address, its clients, its limits for each process. Times in seconds."""

    host: str = setting("HTTP_API_HOST", "an address to listen at", "127.0.0.1", min_length=1)
    port: int = setting("HTTP_API_PORT", "a port from 0 to 65535; 0 for a free one", 8090, ge=0, le=65535)
    tokens_file: Path | None = setting(
        "HTTP_API_TOKENS_FILE",
        "the path of a file with a line for each token, as `token new` prints it; unset: everybody may do everything, "
        "on a loopback address alone",
        None,
    )
    session_key: Secret | None = setting(
        "HTTP_API_SESSION_KEY",
        "any text of at least 32 characters, the same for all processes that serve the console; unset: a process draws "
        "its own, and its restart ends all sessions",
        None,
        min_length=32,
    )
    max_waiters: int = setting(
        "HTTP_API_MAX_WAITERS", "a whole number of requests that wait for a completion, 1 to 100000", 2000,
        ge=1, le=100_000,
    )  # fmt: skip
    max_wait_s: float = setting("HTTP_API_MAX_WAIT_S", _SECONDS, 60.0, gt=0, le=3600)
    max_streams: int = setting(
        "HTTP_API_MAX_STREAMS", "a whole number of open event streams, 1 to 10000", 100, ge=1, le=10_000
    )
    max_unacknowledged: int = setting(
        "HTTP_API_MAX_UNACKNOWLEDGED",
        "a whole number of jobs that were sent and that Kafka hasn't acknowledged, 1 to 100000",
        1000,
        ge=1,
        le=100_000,
    )
    lines_per_minute: int = setting(
        "HTTP_API_LINES_PER_MINUTE",
        "a whole number of lines that a client may enqueue in a minute, 0 to 1000000; 0 for no limit",
        600,
        ge=0,
        le=1_000_000,
    )
    feedback_per_minute: int = setting(
        "HTTP_API_FEEDBACK_PER_MINUTE",
        "a whole number of reports and praises that a client may pass on in a minute, 0 to 1000000; 0 for no limit",
        600,
        ge=0,
        le=1_000_000,
    )
    requests_per_minute: int = setting(
        "HTTP_API_REQUESTS_PER_MINUTE",
        "a whole number of requests of all kinds that a client may make in a minute, 0 to 1000000; 0 for no limit",
        6000,
        ge=0,
        le=1_000_000,
    )
    cors_origins: Origins = setting(
        "HTTP_API_CORS_ORIGINS",
        "origins such as https://editor.example.com, with commas; empty for none",
        frozenset(),
    )
    remembered_lines: int = setting(
        "HTTP_API_REMEMBERED_LINES", "a whole number of the latest lines, 1 to 10000000", 50_000, ge=1, le=10_000_000
    )
    remembered_mb: int = setting(
        "HTTP_API_REMEMBERED_MB", "a whole number of MiB, 1 to 1048576, that these take", 128, ge=1, le=2**20
    )
    streamed_mb: int = setting(
        "HTTP_API_STREAMED_MB",
        "a whole number of MiB, 1 to 1048576, that the audio of lines takes while it is made and listened to",
        64,
        ge=1,
        le=2**20,
    )
    read_back_s: float = setting(
        "HTTP_API_READ_BACK_S",
        "a number of seconds, 0 to 604800: how old lines it reads from Kafka when it starts",
        3600.0,
        ge=0,
        le=604_800,
    )
