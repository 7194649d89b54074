"""Shows what the lint found as rows: findings, rules with their counts, and names for the lexicon. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from worker.batch.lexicon.file import COLUMNS, LISTED
from worker.batch.lexicon.names import UnknownName
from worker.batch.scripts.model import Finding, Severity

Row = dict[str, object]


def finding_rows(findings: Iterable[Finding]) -> list[Row]:
    """One row for each finding, for scripts."""
    return [
        {
            "rule": each.rule,
            "severity": each.severity.value,
            "file": each.place.file,
            "line": each.place.line,
            "column": each.place.column,
            "id": each.line_id,
            "message": each.message,
            **({"before": each.before, "after": each.after} if each.severity is Severity.FIXED else {}),
        }
        for each in findings
    ]


def rule_rows(findings: Sequence[Finding]) -> list[Row]:
    """One row for each rule that found something, with its counts; the most frequent first."""
    counts = Counter((each.rule, each.severity) for each in findings)
    rules = Counter(each.rule for each in findings)
    return [
        {"rule": rule, **{f"{severity.value}s" if severity is not Severity.FIXED else "fixed": counts[rule, severity]
                          for severity in Severity}}
        for rule, _ in sorted(rules.items(), key=lambda item: (-item[1], item[0]))
    ]  # fmt: skip


def name_rows(names: Iterable[UnknownName]) -> list[Row]:
    """One row for each name."""
    return [
        {
            "word": each.word,
            "language": each.language,
            "count": each.count,
            "line": each.line_id,
            "example": each.example,
        }
        for each in names
    ]


def lexicon_csv(names: Iterable[UnknownName]) -> str:
    """The names as a lexicon whose pronunciations are to be filled in."""
    written = io.StringIO()
    rows = csv.DictWriter(written, (*COLUMNS, *LISTED), restval="", lineterminator="\n")
    rows.writeheader()
    for each in names:
        rows.writerow({"word": each.word, "language": each.language, "count": each.count, "example": each.example})
    return written.getvalue()
