"""The runs of scripts as their last reports have them, and a run's lines by scene, with their audio. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import ValidationError

from schemas.batch_run import BatchRun, PublishedReport, RunState
from schemas.completion import Completion
from schemas.message_parsing import InvalidMessageError, parse_batch_run
from schemas.parsing import InvalidJobError, job_document
from schemas.times import time_of_ms
from schemas.topics import COMPLETIONS, unprefixed
from schemas.verdict import Verdict
from worker.batch.candidates import parse_candidate_id
from worker.batch.line_status import line_of_job

MOST_LINES: Final = 1000
"""The lines of a run that are listed."""
# Twelve reports.
_SILENT: Final = timedelta(minutes=1)

Standing = Literal["running", "silent", "ended", "stopped"]


@dataclass(frozen=True)
class ShownRun:
    """A run, and where it is: one that should have reported again since is silent.

    Attributes:
        report: the last one that was published of a script with its lines.
    """

    run: BatchRun
    standing: Standing
    report: PublishedReport | None = None


class KnownRuns:
    """The runs that stand in their topic, by the last record of each: a record's key is its run's id."""

    def __init__(self) -> None:
        self._last: dict[bytes | None, Any] = {}

    def observe(self, record: Any) -> None:
        """Takes a record of the runs' topic, an aiokafka `ConsumerRecord`."""
        self._last[record.key] = record

    def shown(self, now: datetime) -> list[ShownRun]:
        """All runs, the one that began last first."""
        return last_reports(self._last.values(), now)


def last_reports(records: Iterable[Any], now: datetime) -> list[ShownRun]:
    """The last report of each run, the run that began last first; what is no report is passed over."""
    last: dict[str, BatchRun] = {}
    published: dict[str, PublishedReport] = {}
    for record in records:
        try:
            run = parse_batch_run(record.value)
        except InvalidMessageError:
            continue
        if run.run_id not in last or run.time >= last[run.run_id].time:
            last[run.run_id] = run
        before = published.get(run.script_id or "")
        if run.script_id and run.report and (before is None or run.report.time >= before.time):
            published[run.script_id] = run.report
    return [
        ShownRun(run, _standing(run, now), published.get(run.script_id or ""))
        for run in sorted(last.values(), key=_started, reverse=True)
    ]


def _started(run: BatchRun) -> datetime:
    return run.started


def _standing(run: BatchRun, now: datetime) -> Standing:
    if run.state is RunState.RUNNING:
        return "silent" if now - run.time > _SILENT else "running"
    return "ended" if run.state is RunState.ENDED else "stopped"


@dataclass(frozen=True)
class JudgedLine:
    """A line as its form of a verdict shows it.

    Attributes:
        sha256: of the take that is heard here.
        candidate: the take's number, where it is one beside the line's own.
        last: the last verdict on the line, of whatever take.
    """

    script: str
    line: str
    character: str
    sha256: str
    candidate: str
    last: Verdict | None

    @property
    def verdict(self) -> Verdict | None:
        """The last verdict, where it is of this take."""
        return self.last if self.last is not None and self.last.sha256 in {None, self.sha256} else None


@dataclass(frozen=True)
class RunLine:
    """A line: `completion` is None while it isn't done."""

    job_id: str
    character: str
    text: str
    scene: str
    completion: Completion | None = None

    def judged(self, script: str, verdicts: Mapping[str, Verdict]) -> JudgedLine | None:
        """What a director may say of it, and has said last; None for a line without audio, and for another's job."""
        name = line_of_job(self.job_id)
        if name is None or self.completion is None or self.completion.audio is None:
            return None
        line, number = parse_candidate_id(name) or (name, None)
        sha256, candidate = self.completion.audio.sha256, "" if number is None else str(number)
        return JudgedLine(script, line, self.character, sha256, candidate, verdicts.get(line))


class RunLines:
    """Collects the lines that the batch lane got while a run was sending.

    Args:
        run: lines that were sent in its time belong to it; of two runs at once, each has the other's too.
        topic_prefix: of the deployment.

    Attributes:
        passed: how many there are beyond those that are listed.
    """

    def __init__(self, run: BatchRun, topic_prefix: str) -> None:
        self.passed = 0
        self._run = run
        self._prefix = topic_prefix
        self._lines: dict[str, RunLine] = {}

    def add(self, record: Any) -> None:
        """Adds one record, an aiokafka `ConsumerRecord`: those of the lane first, then the completions."""
        if unprefixed(record.topic, self._prefix) == COMPLETIONS:
            self._add_completion(record.value)
            return
        time = time_of_ms(record.timestamp)
        if time is not None and self._run.started <= time <= self._run.time:
            self._add_job(record.value)

    def by_scene(self) -> Mapping[str, Sequence[RunLine]]:
        """The lines by scene, in the order in which they were sent; without a scene, by character."""
        scenes: defaultdict[str, list[RunLine]] = defaultdict(list)
        for line in self._lines.values():
            scenes[line.scene or line.character].append(line)
        return dict(sorted(scenes.items()))

    def _add_job(self, value: bytes | None) -> None:
        try:
            document = job_document(value)
        except InvalidJobError:
            return
        job_id = document.get("job_id")
        if not isinstance(job_id, str):
            return
        if len(self._lines) >= MOST_LINES and job_id not in self._lines:
            self.passed += 1
            return
        text, character, scene = (
            str(document.get(name) or "")
            for name in ("text" if document.get("text") else "ssml", "character", "rollout_key")
        )
        self._lines[job_id] = RunLine(job_id, character, text, scene)

    def _add_completion(self, value: bytes | None) -> None:
        try:
            completion = Completion.model_validate_json(value or b"")
        except ValidationError:
            return
        if completion.job_id in self._lines:
            self._lines[completion.job_id] = replace(self._lines[completion.job_id], completion=completion)
