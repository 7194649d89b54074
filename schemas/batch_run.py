"""The batch run: how far a studio's script is, as the command that speaks it reports."""

from enum import StrEnum
from typing import Final

from pydantic import ConfigDict, Field

from schemas.field_types import JOB_ID_PATTERN, EventTime, Name
from schemas.message import Request

LARGEST_REPORT_BYTES: Final = 32 * 2**20
"""Of the report on a script, as it is stored: some 60,000 lines."""


class RunState(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"


class PublishedReport(Request):
    """The report on a run's script, which is stored under its own SHA-256: what is read is what was published."""

    model_config = ConfigDict(extra="ignore")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the report, in hexadecimal digits.")
    bytes: int = Field(ge=1, le=LARGEST_REPORT_BYTES, description="Its size.")
    time: EventTime = Field(description="When it was published, by RFC 3339.")


class BatchRun(Request):
    """The last report of a run counts. A run that reports no more and hasn't ended was killed, or is without Kafka."""

    model_config = ConfigDict(extra="ignore")

    run_id: str = Field(pattern=JOB_ID_PATTERN, description="The run's own id, drawn at its start.")
    script: Name = Field(description="Name of the script's file, without its folder.")
    state: RunState = Field(description=f"{', '.join(RunState)}.")
    started: EventTime = Field(description="When the run began to send jobs, by RFC 3339.")
    time: EventTime = Field(description="When this was reported, by RFC 3339.")
    total: int = Field(ge=0, description="Lines that the run makes.")
    done: int = Field(ge=0, description="Lines that have their audio.")
    cached: int = Field(default=0, ge=0, description="Those of them whose take was stored already.")
    fallback: int = Field(default=0, ge=0, description="Those of them that WaveNet spoke after Chirp had failed.")
    failed: int = Field(default=0, ge=0, description="Lines that have failed.")
    dollars: float = Field(default=0.0, ge=0, description="What was spent so far, in USD at list price.")
    dollars_expected: float = Field(default=0.0, ge=0, description="The price that was confirmed, in USD.")
    findings: int = Field(default=0, ge=0, description="Findings about the script before the run.")
    script_id: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{16}$", description="Of the script's name and its lines' ids, in their order."
    )
    report: PublishedReport | None = Field(default=None, description="The report on the script, where it is published.")
    source: Name = Field(description="URI reference of who reports, such as /batch.")

    @property
    def left(self) -> int:
        """Lines without an end."""
        return max(0, self.total - self.done - self.failed)
