"""Shows the findings about a script, for the commands of `batch`."""

from collections.abc import Sequence
from typing import Final, TextIO

from worker.batch.scripts.model import Finding, Severity
from worker.cli import terminal

_SHOWN_OTHERS: Final = 20


def show_findings(findings: Sequence[Finding], to: TextIO, *, all_of_them: bool = False) -> None:
    """Writes each finding, with before and after of what was fixed: all errors, and the first 20 others.

    Args:
        all_of_them: write all findings.
    """
    others = 0
    for each in findings:
        others += each.severity is not Severity.ERROR
        if all_of_them or each.severity is Severity.ERROR or others <= _SHOWN_OTHERS:
            to.write(terminal.clean(f"{each}\n"))
            if each.severity is Severity.FIXED:
                to.write(terminal.clean(f"  - {_on_one_line(each.before)}\n  + {_on_one_line(each.after)}\n"))
    if not all_of_them and others > _SHOWN_OTHERS:
        more = f"… and {others - _SHOWN_OTHERS:,} more warnings and fixes"
        to.write(f"{more}; `chirp-worker batch lint` shows all, and counts them by rule\n")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
