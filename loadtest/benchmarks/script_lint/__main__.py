"""`make lint-false-alarms`: the lint of scripts on thousands of lines that nobody wrote for a test."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Annotated, Final

import typer

from loadtest.benchmarks.audio_check.corpus import FORTUNES, fortunes
from worker.batch.lint.script import LintContext, lint_script
from worker.batch.scripts.model import Finding, Line, Place, Script, Severity
from worker.batch.scripts.rows import read_line
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue

_SEED: Final = 7
_MAX_TEXT_BYTES: Final = 50_000
_SHOWN_CHARACTERS: Final = 300
_SIMPLIFIED: Final = "cmn-CN"
"""The language of fortunes-zh, whose poems are in simplified characters."""


def main(
    english: Annotated[int, typer.Option(min=0, help="Texts of fortunes, drawn by a fixed seed.")] = 4000,
    chinese: Annotated[int, typer.Option(min=0, help="Texts of fortunes-zh, drawn by a fixed seed.")] = 400,
    sample: Annotated[int, typer.Option(min=0, help="Lines to judge, drawn by a fixed seed.")] = 100,
    rule: Annotated[str, typer.Option(help="Draw from the lines of this rule; from all lines without it.")] = "",
) -> None:
    """Count findings by rule, and show a sample of lines, each with all that was found about it."""
    if not fortunes("en-US") or not fortunes("cmn-TW"):
        typer.echo(f"{FORTUNES} lacks texts: install Debian's packages fortunes and fortunes-zh", err=True)
        raise typer.Exit(1)
    texts = dict(_texts(english, chinese))
    start = time.perf_counter()
    findings = _lint(texts)
    elapsed = time.perf_counter() - start
    by_line: defaultdict[str, list[Finding]] = defaultdict(list)
    for each in findings:
        by_line[each.line_id or ""].append(each)
    _show_counts(findings, by_line, len(texts), elapsed)
    drawn_from = [name for name in texts if not rule or any(each.rule == rule for each in by_line[name])]
    for name in Random(_SEED).sample(drawn_from, min(sample, len(drawn_from))):
        _show_line(name, texts[name], by_line[name])


def _texts(english: int, chinese: int) -> Iterator[tuple[str, str]]:
    for language, count in (("en-US", english), ("cmn-TW", chinese)):
        texts = fortunes(language)
        for number, text in enumerate(Random(_SEED).sample(texts, min(count, len(texts)))):
            yield f"{_SIMPLIFIED if language == 'cmn-TW' else language}-{number}", text


def _lint(texts: Mapping[str, str]) -> Sequence[Finding]:
    catalogue = _with_simplified(load_catalogue())
    characters = sorted(catalogue.names)
    lines, findings = [], []
    for number, (name, text) in enumerate(texts.items()):
        character, language = characters[number % len(characters)], name.rpartition("-")[0]
        document = {"job_id": name, "character": character, "language": language, "text": text}
        for each in read_line(document, Place("fortunes", number + 1), {}, _MAX_TEXT_BYTES):
            if isinstance(each, Line):
                lines.append(each)
            else:
                findings.append(each)
    return lint_script(Script(tuple(lines), tuple(findings)), LintContext(catalogue, _MAX_TEXT_BYTES)).findings


def _with_simplified(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the mainland's Mandarin for all characters."""
    document = catalogue.model_dump()
    document["languages"][_SIMPLIFIED] = {"chirp_locale": _SIMPLIFIED}
    for character in document["characters"].values():
        character["wavenet"][_SIMPLIFIED] = f"{_SIMPLIFIED}-Wavenet-A"
    return Catalogue.model_validate(document)


def _show_counts(
    findings: Sequence[Finding], by_line: Mapping[str, Sequence[Finding]], lines: int, elapsed: float
) -> None:
    for (rule, severity), count in Counter((each.rule, each.severity.value) for each in findings).most_common():
        print(f"{count:6,} {severity:8} {rule}")
    errors = sum(any(each.severity is Severity.ERROR for each in about) for about in by_line.values())
    print(f"{lines:,} lines in {elapsed:.1f} s: {len(by_line):,} with findings, {errors:,} of them with errors")


def _show_line(name: str, text: str, findings: Sequence[Finding]) -> None:
    print(f"\n{name}: {' / '.join(text.split(chr(10)))[:_SHOWN_CHARACTERS]}")
    for each in findings:
        print(f"    {each.severity}: {each.message} [{each.rule}]")


if __name__ == "__main__":
    typer.run(main)
