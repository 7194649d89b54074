"""A script with what is wrong with it, as `batch` and `batch lint` find it and show it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO

from schemas.words import VoiceModel
from worker.batch.lint import lint
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.model import Finding, Script, Severity
from worker.speech.catalogue import Catalogue

_SHOWN_WARNINGS: Final = 20


def check_script(
    script: Path, max_text_bytes: int, catalogue: Catalogue, voice_model: VoiceModel | None = None
) -> Script:
    """Reads a script and looks for all that would fail or sound otherwise than meant.

    Args:
        script: a file, or a folder of them.
        max_text_bytes: the longest text, in bytes of UTF-8.
        catalogue: of the characters.
        voice_model: that lines without a voice of their own are to have; None where the rollout decides.

    Raises:
        UsageError: there is no such script.
    """
    read = read_script(script, max_text_bytes)
    return replace(read, findings=(*read.findings, *lint(read.lines, catalogue, voice_model)))


def show_findings(findings: Sequence[Finding], to: TextIO, *, all_of_them: bool = False) -> None:
    """A line a finding: every error, and of many warnings the first.

    Args:
        findings: what to show.
        to: where.
        all_of_them: every warning too.
    """
    warnings = 0
    for each in findings:
        warnings += each.severity is Severity.WARNING
        if all_of_them or each.severity is Severity.ERROR or warnings <= _SHOWN_WARNINGS:
            to.write(f"{each}\n")
    if not all_of_them and warnings > _SHOWN_WARNINGS:
        to.write(f"… and {warnings - _SHOWN_WARNINGS:,} warnings more; `chirp-worker batch lint` shows all\n")
