"""Lints a script: mends its texts as the mapping says, applies the lexicon, and finds what would sound wrong. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from schemas.enums import VoiceModel
from schemas.job import Job
from schemas.languages import find_language
from schemas.ssml import parse_ssml
from schemas.text_markup import has_word
from worker.batch.lexicon.model import Lexicon
from worker.batch.lint.catalogue import LONG_LINE, RULES, SAME_TEXT
from worker.batch.lint.comparison import LineFinding, find_longer, find_repeated
from worker.batch.lint.jobs import lint_jobs
from worker.batch.lint.model import Level, Spoken
from worker.batch.lint.settings import LintSettings
from worker.batch.lint.text import LintedText, Rules, lint_text, with_labels
from worker.batch.scripts.model import Finding, Line, Place, Script, Severity, column_of
from worker.batch.scripts.rows import read_line
from worker.speech.catalogue import Catalogue

_SEVERITIES: Final = {Level.ERROR: Severity.ERROR, Level.WARN: Severity.WARNING, Level.FIX: Severity.FIXED}
_DEFAULT_LANGUAGE: Final[str] = Job.model_fields["language"].default
_REMEMBERED: Final = 1000
"""Texts that are remembered with what was found in them: barks and orders are repeated."""
_MOST_LABELS: Final = 32
_LONGEST_LABEL: Final = 1024
_NOTHING_LEFT: Final = "nothing to speak is left of it: leave the line out, or write what is said"


@dataclass(frozen=True)
class LintContext:
    """What a script is linted by.

    Attributes:
        catalogue: of the characters.
        max_text_bytes: the longest text, in bytes of UTF-8.
        voice_model: for lines without a voice of their own; None where the rollout decides.
        settings: the levels of the rules.
        lexicon: of the studio.
    """

    catalogue: Catalogue
    max_text_bytes: int
    voice_model: VoiceModel | None = None
    settings: LintSettings = field(default_factory=LintSettings)
    lexicon: Lexicon = field(default_factory=Lexicon)


def lint_script(script: Script, context: LintContext) -> Script:
    """The script as it is spoken, with all findings in its order."""
    linter = _Linter(script, context, context.settings.text_rules())
    position = _positions(script)
    lines = sorted(linter.mend(), key=lambda line: position(line.place))
    findings = [*linter.findings, *_compare(lines, context.settings)]
    lines = [_pronounced(line, context) for line in lines]
    findings += _switched(lint_jobs(lines, context.catalogue, context.voice_model), context.settings)
    findings.sort(key=lambda each: position(each.place))
    return Script(tuple(lines), tuple(findings))


def mend_script(script: Script, context: LintContext) -> tuple[Line, ...]:
    """The lines of `lint_script` alone, in a fraction of its time where the mapping has few fixes or none."""
    rules = context.settings.mending_rules()
    lines: Iterable[Line] = script.lines
    if rules:
        position = _positions(script)
        lines = sorted(_Linter(script, context, rules).mend(), key=lambda line: position(line.place))
    return tuple(_pronounced(line, context) for line in lines)


def _positions(script: Script) -> Callable[[Place], tuple[int, int]]:
    """What to sort by for the script's order."""
    order = {file: number for number, file in enumerate(dict.fromkeys(each.file for each in _places(script)))}
    return lambda place: (order[place.file], place.line)


def _pronounced(line: Line, context: LintContext) -> Line:
    """The line with what the lexicon says of its words."""
    job = context.catalogue.localized(line.job)
    said = context.lexicon.apply(job)
    return line if said is job else replace(line, job=said)


def _places(script: Script) -> Iterator[Place]:
    yield from (line.place for line in script.lines)
    yield from (finding.place for finding in script.findings)


class _Linter:
    """Lints the texts of lines and of refused rows; collects findings."""

    def __init__(self, script: Script, context: LintContext, rules: Rules) -> None:
        self._script = script
        self._context = context
        self._rules = rules
        self._lint = lru_cache(_REMEMBERED)(self._lint_anew)
        characters = {*context.catalogue.names, *(line.job.character for line in script.lines)}
        self._names = frozenset("".join(filter(str.isalnum, name.casefold())) for name in characters)
        self.findings: list[Finding] = []

    def mend(self) -> Iterator[Line]:
        """The lines as they are spoken, and those that a fix made of refused rows."""
        for line in self._script.lines:
            yield self._mend_line(line)
        for finding in self._script.findings:
            before = len(self.findings)
            mended = self._mend_row(finding) if finding.row else None
            if mended is None:
                self.findings.insert(before, finding)
            else:
                yield mended

    def _mend_line(self, line: Line) -> Line:
        job = self._context.catalogue.localized(line.job)
        if line.job.text is None:
            text = "".join(parse_ssml(line.job.ssml or "").itertext())
            self._report(self._lint(text, job.language, fixes=False), line.at("ssml"), line.id)
            return line
        linted = self._lint(line.job.text, job.language, fixes=True)
        self._report(linted, line.at("text"), line.id)
        if linted.text == line.job.text:
            return line
        document = line.job.model_dump(mode="json", exclude_defaults=True)
        mended = self._read(document, line.scene, line.place, line.columns, linted)
        return line if mended is None else replace(mended, takes=line.takes)

    def _mend_row(self, finding: Finding) -> Line | None:
        """The line of a refused row, once a fix has made its text one that can be spoken."""
        row = finding.row
        if row is None:
            return None
        text, language = row.document["text"], row.document.get("language", _DEFAULT_LANGUAGE)
        language = find_language(str(language), self._context.catalogue.languages.keys()) or str(language)
        linted = self._lint(text, language, fixes=True)
        at = Place(finding.place.file, finding.place.line, column_of("text", row.columns))
        self._report(linted, at, finding.line_id)
        if linted.text == text:
            return None
        document, scene = dict(row.document), row.document.get("scene")
        document.pop("scene", None)
        return self._read(document, scene, Place(at.file, at.line), row.columns, linted)

    def _lint_anew(self, text: str, language: str, *, fixes: bool) -> LintedText:
        rules = (
            self._rules
            if fixes
            else [(rule, Level.WARN if level is Level.FIX else level) for rule, level in self._rules]
        )
        return lint_text(text, Spoken(language, self._names), rules)

    def _report(self, linted: LintedText, at: Place, line_id: str | None) -> None:
        for each in linted.findings:
            after = each.after if each.after is not None else ""
            severity = _SEVERITIES[each.level]
            self.findings.append(Finding(severity, at, each.message, line_id, each.rule, each.before, after))

    def _read(
        self, document: dict[str, Any], scene: str | None, place: Place, columns: Mapping[str, str], linted: LintedText
    ) -> Line | None:
        """The line with its mended text; None, and an error, if that can't be spoken."""
        at = Place(place.file, place.line, column_of("text", columns))
        if not has_word(linted.text):
            rule = linted.findings[0].rule
            self.findings.append(Finding(Severity.ERROR, at, _NOTHING_LEFT, document.get("job_id"), rule))
            return None
        labels = with_labels(document.get("labels") or {}, linted.labels, most=_MOST_LABELS, longest=_LONGEST_LABEL)
        mended = {**document, "text": linted.text, **({"labels": labels} if labels else {})}
        if scene is not None:
            mended["scene"] = scene
        for each in read_line(mended, place, columns, self._context.max_text_bytes):
            if isinstance(each, Line):
                return each
            self.findings.append(each)
        return None


def _compare(lines: list[Line], settings: LintSettings) -> Iterator[Finding]:
    for rule, find in ((SAME_TEXT, find_repeated), (LONG_LINE, find_longer)):
        if settings.level(rule) is not Level.OFF:
            yield from (_about(each, rule, settings) for each in find(lines))


def _about(found: LineFinding, rule: str, settings: LintSettings) -> Finding:
    return Finding(_SEVERITIES[settings.level(rule)], found.line.at("text"), found.message, found.line.id, rule)


def _switched(findings: Iterable[Finding], settings: LintSettings) -> Iterator[Finding]:
    """The findings with the severities that the mapping gives them."""
    for each in findings:
        level = settings.level(each.rule) if each.rule in RULES else None
        if level is not Level.OFF:
            yield each if level is None else replace(each, severity=_SEVERITIES[level])
