"""Checks a script and shows the findings, for `batch` and `batch lint`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO

from schemas.enums import VoiceModel
from worker.batch.choices import read_chosen_script
from worker.batch.lint import lint
from worker.batch.scripts.mapping.model import ScriptMapping
from worker.batch.scripts.model import Finding, Script, Severity
from worker.cli import terminal
from worker.speech.catalogue import Catalogue

_SHOWN_WARNINGS: Final = 20


def check_script(
    script: Path,
    max_text_bytes: int,
    catalogue: Catalogue,
    voice_model: VoiceModel | None = None,
    *,
    mapping: ScriptMapping | None = None,
) -> Script:
    """Reads a script, puts in the takes that were chosen, and lints it.

    Args:
        script: a file, or a folder of files.
        max_text_bytes: the longest text, in bytes of UTF-8.
        voice_model: for lines without a voice of their own; None where the rollout decides.
        mapping: None for the one beside the script.

    Raises:
        UsageError: the script doesn't exist, or its choices can't be read.
    """
    read = read_chosen_script(script, max_text_bytes, mapping)
    return replace(read, findings=(*read.findings, *lint(read.lines, catalogue, voice_model)))


def show_findings(findings: Sequence[Finding], to: TextIO, *, all_of_them: bool = False) -> None:
    """Writes one line for each finding: all errors, and the first 20 warnings.

    Args:
        all_of_them: write all warnings too.
    """
    warnings = 0
    for each in findings:
        warnings += each.severity is Severity.WARNING
        if all_of_them or each.severity is Severity.ERROR or warnings <= _SHOWN_WARNINGS:
            to.write(terminal.clean(f"{each}\n"))
    if not all_of_them and warnings > _SHOWN_WARNINGS:
        to.write(f"… and {warnings - _SHOWN_WARNINGS:,} more warnings; `chirp-worker batch lint` shows all\n")
