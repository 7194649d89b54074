"""The script: the lines that the demo speaks, and what it has the emulator do to some of them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from loadtest.emulator.settings import Fault
from schemas.enums import Lane, VoiceModel

SCRIPT: Final = Path(__file__).with_name("script.yaml")
STUDIO_SCRIPT: Final = Path("demo-script.jsonl")
"""Where the demo leaves its lines for `chirp-worker batch`."""


@dataclass(frozen=True)
class Line:
    """One line of the script. `job` is what is sent; `after` is the job whose completion it waits for."""

    job: dict[str, Any]
    lane: Lane
    after: str | None
    fault: Fault | None

    @property
    def job_id(self) -> str:
        """The job's own id."""
        return str(self.job["job_id"])

    @property
    def character(self) -> str:
        """A key of the catalogue."""
        return str(self.job["character"])

    @property
    def is_healed(self) -> bool:
        """Whether the quick retry meets no fault any more."""
        return self.fault is not None and self.fault.limit == 1

    @property
    def falls_back(self) -> bool:
        """Whether the script has Chirp fail for good here."""
        return self.fault is not None and not self.is_healed

    @property
    def record_key(self) -> bytes:
        """One scene's or user's lines go to one partition."""
        return str(self.job.get("rollout_key") or self.job.get("user_id") or self.job_id).encode()

    @property
    def record_value(self) -> bytes:
        """The job as it goes into Kafka."""
        return json.dumps(self.job, ensure_ascii=False).encode()


def read_script(path: Path = SCRIPT) -> list[Line]:
    """Reads the lines in the order in which they are spoken."""
    return [_line(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def faults_of(lines: Iterable[Line]) -> list[Fault]:
    """What the emulator is to do, in the order of the script."""
    return [line.fault for line in lines if line.fault is not None]


def studio_script(lines: Iterable[Line]) -> str:
    """The same lines as a studio's script, in JSON Lines: what is the demo's own is left out."""
    return "".join(f"{line.record_value.decode()}\n" for line in lines)


def _line(entry: dict[str, Any]) -> Line:
    job = dict(entry)
    lane = Lane(job.pop("lane", Lane.DIALOGUE))
    after = job.pop("after", None)
    fault = job.pop("chirp_fault", None)
    return Line(job, lane, after, _chirp_fault(fault, job["text"]) if fault else None)


def _chirp_fault(fault: dict[str, Any], text: str) -> Fault:
    # Chirp's input is the line's text as it stands: of all calls the fault meets this line's alone.
    pattern = rf"\A{re.escape(text)}\Z"
    return Fault.model_validate({**fault, "voice_model": VoiceModel.CHIRP3_HD.value, "text_pattern": pattern})
