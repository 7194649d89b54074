"""The report as it is published for the console: built and checked here, read there as another's document. Pure.

It is the page's document with each take's key in place of its file, and without verdicts: the console has its own.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from schemas.batch_run import LARGEST_REPORT_BYTES, BatchRun, PublishedReport, RunState
from schemas.enums import JobStatus, VoiceModel
from schemas.errors import UsageError
from schemas.field_types import CharacterKey, Name, TakeReference
from schemas.message import Message
from worker.batch.report.rows import ReportInput, report_document
from worker.batch.scripts.model import Severity

_Count = Annotated[int, Field(ge=0, le=2**53)]
_Seconds = Annotated[float, Field(ge=0, le=1e6)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_SOURCE = "/batch"


class _Part(Message):
    # A later version's report may say more.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class ReportedTake(_Part):
    """Another take of a line; `audio` is its key."""

    take: Annotated[int, Field(ge=1, le=999_999)]
    sha256: _Sha256
    audio: TakeReference
    seconds: _Seconds | None = None
    model: VoiceModel | None = None


class ReportedLine(_Part):
    """A line of the script with its own take; `audio` is that take's key."""

    line: Name
    character: CharacterKey
    text: str
    language: str
    status: JobStatus | Literal["not made"]
    scene: str = ""
    model: VoiceModel | None = None
    voice: str = ""
    take: Annotated[int, Field(ge=1, le=999_999)] = 1
    seconds: _Seconds | None = None
    fallback: bool = False
    error: str = ""
    sha256: _Sha256 | None = None
    audio: TakeReference | None = None
    takes: tuple[ReportedTake, ...] = ()
    findings: tuple[tuple[Severity, str], ...] = ()
    outliers: tuple[str, ...] = ()


class ReportedMoney(_Part):
    """What a character's lines were billed: characters by voice model, and USD at list price."""

    character: CharacterKey
    lines: _Count
    chirp: _Count = Field(alias=VoiceModel.CHIRP3_HD.value)
    wavenet: _Count = Field(alias=VoiceModel.WAVENET.value)
    usd: Annotated[float, Field(ge=0, le=1e9)]


class ReportDocument(_Part):
    """The report on a script.

    Attributes:
        id: as `script_id` gives it.
        measured: whether the takes' level and silence were measured.
    """

    script: Name
    id: str
    measured: bool
    rows: tuple[ReportedLine, ...]
    money: tuple[ReportedMoney, ...]


def published_content(given: ReportInput, name: str) -> bytes:
    """The report as it is stored. The same report has the same bytes.

    Args:
        given: its `audio` gives a take's key, and it has no verdicts.
        name: of the script's file.

    Raises:
        UsageError: it is too large.
    """
    document = {**report_document(given, name), "measured": bool(given.sounds)}
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    if len(content) > LARGEST_REPORT_BYTES:
        raise UsageError(
            f"{name}: its report has {len(content) / 2**20:.0f} MiB, and the console reads at most "
            f"{LARGEST_REPORT_BYTES // 2**20}; split the script"
        )
    return content


def announcement(content: bytes, now: datetime) -> PublishedReport:
    """Where a report is, of `published_content`."""
    document = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "time": now.isoformat()}
    return PublishedReport.model_validate(document)


def published_run(content: bytes, report: PublishedReport, findings: int) -> BatchRun:
    """What announces a report: how far its script is, in the place of an earlier announcement of the same lines.

    Args:
        content: of `published_content`.
        report: where it is.
        findings: about the script.

    Raises:
        UsageError: the report isn't one that the console reads.
    """
    document = _parse(content)
    statuses = [row.status for row in document.rows]
    done = statuses.count(JobStatus.DONE)
    dollars = sum(each.usd for each in document.money)
    time = report.time.isoformat()
    run: Mapping[str, Any] = {
        "run_id": f"report-{document.id}",
        "script": document.script,
        "script_id": document.id,
        "state": RunState.ENDED,
        "started": time,
        "time": time,
        "total": len(statuses),
        "done": done,
        "fallback": sum(row.fallback for row in document.rows),
        "failed": len(statuses) - done - statuses.count("not made"),
        "dollars": dollars,
        "dollars_expected": dollars,
        "findings": findings,
        "report": report.model_dump(mode="json"),
        "source": _SOURCE,
    }
    return BatchRun.model_validate(run)


def read_published(content: bytes, announced: PublishedReport, script_id: str) -> ReportDocument:
    """The report that a run announced.

    Args:
        content: what lies in its place.

    Raises:
        UsageError: it isn't what was published, or no report, or of another script.
    """
    if hashlib.sha256(content).hexdigest() != announced.sha256:
        raise UsageError("its SHA-256 isn't that of the report")
    document = _parse(content)
    if document.id != script_id:
        raise UsageError("id: it is another script's")
    return document


def _parse(content: bytes) -> ReportDocument:
    try:
        return ReportDocument.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
