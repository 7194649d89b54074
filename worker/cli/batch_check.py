"""Reads and lints a script, for the commands of `batch`: what loads its libraries takes longer than `--help`."""

from dataclasses import replace
from pathlib import Path

from schemas.enums import VoiceModel
from worker.batch.choices import choices_path, read_choices, with_choices
from worker.batch.lexicon.names import UnknownName, unknown_names
from worker.batch.lint.script import LintContext, lint_script, mend_script
from worker.batch.lint.sections import read_sections
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.mapping.file import mapping_path, read_mapping
from worker.batch.scripts.mapping.model import ScriptMapping
from worker.batch.scripts.model import Line, Script
from worker.speech.catalogue import Catalogue


def check_script(
    script: Path,
    max_text_bytes: int,
    catalogue: Catalogue,
    voice_model: VoiceModel | None = None,
    *,
    mapping: ScriptMapping | None = None,
    all_fixes: bool = False,
) -> Script:
    """Reads a script, with chosen takes and lines as they are spoken, and lints it as the mapping beside it says.

    Args:
        script: a file, or a folder of files.
        max_text_bytes: the longest text, in bytes of UTF-8.
        voice_model: for lines without a voice of their own; None where the rollout decides.
        mapping: None for the one beside the script.
        all_fixes: mend whatever a rule can mend.

    Raises:
        UsageError: the script doesn't exist, or the mapping can't be read.
    """
    mapping = mapping or read_mapping(script)
    read = read_script(script, max_text_bytes, mapping)
    sections = read_sections(mapping, mapping_path(script), catalogue)
    settings = sections.settings.with_all_fixes() if all_fixes else sections.settings
    context = LintContext(catalogue, max_text_bytes, voice_model, settings, sections.lexicon)
    linted = lint_script(read, context)
    chosen = choices_path(script)
    found = replace(linted, findings=(*sections.findings, *linted.findings))
    # After the fixes: a row that one has made a line may have a choice too.
    return with_choices(found, read_choices(chosen), chosen)


def read_lines(script: Path, max_text_bytes: int, catalogue: Catalogue) -> tuple[Line, ...]:
    """Reads the lines of a script as they are spoken, with chosen takes, for commands that show no findings.

    Args:
        script: a file, or a folder of files.
        max_text_bytes: the longest text, in bytes of UTF-8.

    Raises:
        UsageError: the script doesn't exist, or the mapping can't be read.
    """
    mapping = read_mapping(script)
    read = read_script(script, max_text_bytes, mapping)
    sections = read_sections(mapping, mapping_path(script), catalogue)
    context = LintContext(catalogue, max_text_bytes, settings=sections.settings, lexicon=sections.lexicon)
    mended = Script(mend_script(read, context), ())
    chosen = choices_path(script)
    return with_choices(mended, read_choices(chosen), chosen).lines


def list_unknown_names(script: Path, max_text_bytes: int, catalogue: Catalogue) -> list[UnknownName]:
    """The names in a script's texts that its lexicon doesn't have, the most frequent first.

    Raises:
        UsageError: the script doesn't exist, or the mapping can't be read.
    """
    lines = read_lines(script, max_text_bytes, catalogue)
    return unknown_names(lines, read_sections(read_mapping(script), mapping_path(script), catalogue).lexicon.words)
