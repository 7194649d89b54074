"""The parsers of what a studio's folder holds, each as a function of any bytes that raises nothing but for a fault."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import UsageError
from schemas.languages import find_language
from tests.fuzz.targets import JSON_TOKENS, MAX_TEXT_BYTES, Target
from tests.unit.batch.scripts.tables.samples import SAMPLES
from worker.batch.choices import read_choices, with_choices, write_choices
from worker.batch.lexicon.file import parse_lexicon
from worker.batch.lexicon.names import unknown_names
from worker.batch.lint.script import LintContext, lint_script
from worker.batch.lint.settings import LintSettings
from worker.batch.report.published import announcement, read_published
from worker.batch.scripts.mapping.lines import Reading, read_lines
from worker.batch.scripts.mapping.model import Cast
from worker.batch.scripts.mapping.own_columns import read_own_csv
from worker.batch.scripts.mapping.suggestion import may_be_column, open_questions, suggest
from worker.batch.scripts.model import Finding, Line, Script
from worker.batch.scripts.tables.model import Row
from worker.batch.scripts.tables.reader import ENDINGS, read_tables
from worker.batch.scripts.text_encoding import UndecodableError, decode
from worker.batch.verdicts import read_verdicts, write_verdicts
from worker.console.web.batch.report_view import LINES_PER_PAGE, part_of
from worker.speech.catalogue_file import load_catalogue

_CATALOGUE = load_catalogue()
_CONTEXTS = [
    LintContext(_CATALOGUE, MAX_TEXT_BYTES, settings=settings)
    for settings in (LintSettings(), LintSettings().with_all_fixes())
]
_FOLDER = tempfile.TemporaryDirectory(prefix="chirp-fuzz-")


def _script_of(text: str) -> Script:
    read = list(read_own_csv(text, "script.csv", MAX_TEXT_BYTES))
    return Script(
        tuple(each for each in read if isinstance(each, Line)),
        tuple(each for each in read if isinstance(each, Finding)),
    )


def _lint(data: bytes) -> None:
    # What people write is text of any script: the bytes stand for it once they are decoded.
    script = _script_of(f"job_id,character,text,language\n{data.decode('utf-8', 'replace')}")
    for context in _CONTEXTS:
        linted = lint_script(script, context)
        assert all(str(each) for each in linted.findings)
        assert len({line.id for line in linted.lines}) <= len(linted.lines)


def _lexicon(data: bytes) -> None:
    with suppress(UndecodableError):
        lexicon, findings = parse_lexicon(decode(data).text, "words.csv", _CATALOGUE)
        assert all(str(each) for each in findings)
        lint_script(_script_of(_SPOKEN), replace(_CONTEXTS[0], lexicon=lexicon))
        unknown_names(_script_of(_SPOKEN).lines, lexicon.words)


def _speaks(tag: str) -> bool:
    return find_language(tag, _CATALOGUE.languages.keys()) is not None


def _import(data: bytes) -> None:
    ending, _, content = data.partition(b"\n")
    name = ending.decode("ascii", "replace")
    with suppress(UndecodableError):
        is_known = may_be_column(_speaks)
        for table in read_tables(content, "file", name if name in ENDINGS else ".csv", is_known, None):
            rows = list(table.rows)
            good = [each for each in rows if isinstance(each, Row)]
            mapping = suggest(table, good, "file", _speaks).mapping
            assert all(open_questions(mapping, table, good))
            for each in read_lines(replace(table, rows=rows), mapping, Reading(Cast({}), MAX_TEXT_BYTES)):
                assert str(each)


def _file(parse: Callable[[Path], None]) -> Callable[[bytes], None]:
    path = Path(_FOLDER.name) / parse.__name__

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(UsageError):
            parse(path)

    return run


def _choices(path: Path) -> None:
    choices = read_choices(path)
    assert all(str(each) for each in with_choices(_script_of(_SPOKEN), choices, path).findings)
    write_choices(path, choices)
    assert read_choices(path) == choices


def _verdicts(path: Path) -> None:
    verdicts = read_verdicts(path)
    write_verdicts(path, "script.csv", verdicts.values())
    assert read_verdicts(path).keys() == verdicts.keys()


def _report(data: bytes) -> None:
    announced = announcement(data or b" ", datetime(2026, 1, 31, tzinfo=UTC))
    with suppress(UsageError):
        document = read_published(data, announced, "ab" * 8)
        shown = part_of(document, {}, show="all", page="1")
        assert sum(len(lines) for _, lines in shown.scenes) == min(shown.counts["all"], LINES_PER_PAGE)


_SPOKEN = 'job_id,character,text,language\na,pip_boy,"The ghoul, Smoothskin, met Dr. Li at 3:30.",en-US\n'
_LINES = [
    'a,pip_boy,"[angrily] Hello {0} <b>you</b>, Dr. Li — 3/4 of 12kg at 3:30?",en-US\n',
    "b,ghoul,早安！（低聲）今天的輻射值偏低，里面。,cmn-TW\n",
    "c,ghoul,WAIT... sooooo w-w-what? http://x.y/z *sigh* XIV &amp; \\n TODO,en-US\n",
    "d,ghoul,The same.,\ne,ghoul,The same.,\n",
]
_WORDS = (
    b"word,pronunciation,alphabet,say,language,character\n"
    b"ghoul,\xc9\xa1u\xcb\x90l,ipa,,en-US,\nLi,,,Lee,,pip_boy\n\xe9\x87\x8c,li3,pinyin,,cmn-TW,\n"
)
_CHOICES = b'"a": {take: 2, by: "mei", at: "2026-11-29T16:00:00+00:00"}\nb: 3\n'
_VERDICTS = b'{"script": "s.csv", "verdicts": [\n{"line": "a", "verdict": "redo", "note": "x"}\n]}\n'
_REPORT = (
    b'{"script": "s.csv", "id": "abababababababab", "measured": true, "rows": [\n{"line": "a", "character": "ghoul",'
    b' "text": "Hi.", "language": "en-US", "status": "done", "model": "wavenet", "seconds": 1.5,'
    b' "audio": "takes/a.ogg", "sha256": "'
    + b"a" * 64
    + b'", "takes": [{"take": 2, "sha256": "'
    + b"b" * 64
    + b'", "audio": "takes/b.ogg"}],'
    b' "findings": [["warning", "x"]], "outliers": ["y"]}],\n"money": [{"character": "ghoul", "lines": 1,'
    b' "chirp3-hd": 0, "wavenet": 4, "usd": 0.1}]}'
)
_SHAPES = [
    b"." + sample.file.rpartition(".")[2].lower().encode() + b"\n" + sample.content for sample in SAMPLES.values()
]

_HEARD = "[](){}<>*/\\|%$#@!?.…,、。（）「」0９Ⅳ½²ß\u200b\u202e\ufffd\u0301一ΑА"
_MARKS = [b",", b"\t", b'"', b"\n", b"<", b">", b"</", b"&", b"{{", b"}}", b"--> ", b"msgid ", b"===", b"\0"]
_OF_YAML = [b"{", b"}", b": ", b"&a ", b"*a", b"!!int ", b"- ", b"|", b"? ", b"<<: ", b"\t"]

STUDIO_TARGETS = {
    "lint": Target(
        _lint,
        [each.encode() for each in _LINES],
        [*(each.encode() for each in _HEARD), b"&#", b"</", b"\r\n", b'""'],
    ),
    "lexicon": Target(_lexicon, [_WORDS], [b",", b'"', b"\r\n", b"\0", b"ipa", b"x-sampa", b"zh", b"\xef\xbb\xbf"]),
    "import": Target(_import, _SHAPES, [*_MARKS, *JSON_TOKENS]),
    "choices": Target(_file(_choices), [_CHOICES], _OF_YAML),
    "report": Target(_report, [_REPORT], [*JSON_TOKENS, b"1e999", b"NaN", b"not made", b"fixed", b'"scene":']),
    "verdicts": Target(_file(_verdicts), [_VERDICTS], [*JSON_TOKENS, b"accept", b"redo", b"note", b"take"]),
}
