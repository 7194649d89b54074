"""What the mapping beside a script says to the lint: its sections `lint` and `lexicon`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import UsageError
from worker.batch.lexicon.file import parse_lexicon
from worker.batch.lexicon.model import Lexicon
from worker.batch.lint.settings import LintSettings, parse_lint_section
from worker.batch.regular_file import read_regular
from worker.batch.scripts.mapping.model import ScriptMapping
from worker.batch.scripts.model import Finding
from worker.batch.scripts.text_encoding import UndecodableError, decode
from worker.speech.catalogue import Catalogue

_LARGEST_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class LintSections:
    """The levels of rules, the lexicon, and what is wrong with the lexicon."""

    settings: LintSettings = field(default_factory=LintSettings)
    lexicon: Lexicon = field(default_factory=Lexicon)
    findings: tuple[Finding, ...] = ()


def read_sections(mapping: ScriptMapping, path: Path, catalogue: Catalogue) -> LintSections:
    """The sections of a mapping, with the lexicon that it names.

    Args:
        path: of the mapping's file: the lexicon's name is relative to its folder.

    Raises:
        UsageError: a rule or a level is wrong, or the lexicon can't be read; the message names field and value.
    """
    try:
        settings = parse_lint_section(mapping.lint)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    if mapping.lexicon is None:
        return LintSections(settings)
    file = path.parent / mapping.lexicon
    lexicon, findings = parse_lexicon(_content(file), file.name, catalogue)
    return LintSections(settings, lexicon, tuple(findings))


def _content(path: Path) -> str:
    try:
        return decode(read_regular(path, _LARGEST_BYTES, follow=True)).text
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UndecodableError as error:
        line, column, message = error.problems[0]
        raise UsageError(f"{path}:{line}:{column}: {message}") from None
