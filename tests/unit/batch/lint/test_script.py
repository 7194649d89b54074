"""A script with a mapping: levels, fixes, labels, the lexicon, and lines beside others; by the commands."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.field_types import MAX_TEXT_BYTES
from tests.unit.makers import CATALOGUE
from worker.batch.choices import choices_path
from worker.batch.lint.catalogue import RULES
from worker.batch.lint.model import Level
from worker.batch.scripts.model import Script
from worker.cli.batch_check import check_script, read_lines
from worker.cli.main import app

HEAD = "job_id,character,text,language\n"


def write(folder: Path, *rows: str, mapping: str = "", lexicon: str = "") -> Path:
    script = folder / "script.csv"
    script.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    if mapping:
        (folder / "chirp-batch.yaml").write_text(mapping, encoding="utf-8")
    if lexicon:
        (folder / "names.csv").write_text(lexicon, encoding="utf-8")
    return script


def check(script: Path, **options: Any) -> Script:
    return check_script(script, MAX_TEXT_BYTES, CATALOGUE, **options)


def command(*arguments: str) -> tuple[int, Any]:
    ended = CliRunner().invoke(app, ["batch", *arguments, "--json"])
    return ended.exit_code, json.loads(ended.stdout)


def test_a_mended_line_is_spoken_as_mended_and_keeps_its_directions(tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,[whispering] Don't move.,en-US", mapping="lint: {direction-brackets: fix}\n")
    checked = check(script)
    (line,) = checked.lines
    assert (line.job.text, line.job.labels) == ("Don't move.", {"direction": "whispering"})
    assert checked.unmended == ()
    assert not checked.rows_with_errors


def test_a_row_that_no_job_may_have_becomes_a_line_in_its_place(tmp_path: Path) -> None:
    rows = ["l1,pip_boy,One.,en-US", "l2,pip_boy,<b>Two.</b> [PAUSE] Now.,en-US", "l3,pip_boy,Three.,en-US"]
    refused = check(write(tmp_path, *rows))
    assert refused.rows_with_errors == {("script.csv", 3)}
    assert {each.rule for each in refused.findings} == {"job", "markup", "pause-mark"}
    script = write(tmp_path, *rows, mapping="lint: {markup: fix, pause-mark: fix}\n")
    assert [line.job.text for line in check(script).lines] == ["One.", "Two. [pause] Now.", "Three."]


def test_a_line_of_which_a_fix_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,[sigh],en-US", mapping="lint: {direction-brackets: fix}\n")
    checked = check(script)
    assert checked.rows_with_errors == {("script.csv", 2)}
    assert "nothing to speak is left" in checked.findings[-1].message


def test_levels_of_the_mapping_hold_for_all_rules(tmp_path: Path) -> None:
    rows = ["CON,pip_boy,You owe {gold} caps.,en-US", "l2,pip_boy,Same.,en-US", "l3,pip_boy,same.,en-US"]
    script = write(tmp_path, *rows, mapping="lint: {placeholder: warn, same-text: error, file-name: off}\n")
    found = [(each.line_id, each.rule, each.severity.value) for each in check(script).findings]
    assert found == [("CON", "placeholder", "warning"), ("l3", "same-text", "error")]


def test_a_line_far_longer_than_its_neighbours_is_found(tmp_path: Path) -> None:
    rows = [f"l{number},pip_boy,A line of number {number}.,en-US" for number in range(12)]
    script = write(tmp_path, *rows, f"long,pip_boy,{'A sentence like this. ' * 20},en-US")
    assert [(each.line_id, each.rule) for each in check(script).findings] == [("long", "longer-than-neighbours")]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("lint: {emojis: fix}\n", "lint.emojis: is no rule; did you mean emoji?"),
        ("lint: {placeholder: fix}\n", "allowed are error, warn, off"),
        ("lexicon: nothing.csv\n", "nothing.csv: No such file"),
    ],
)
def test_a_wrong_mapping_is_refused_by_field_and_value(mapping: str, message: str, tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,Hi.,en-US", mapping=mapping)
    ended = CliRunner().invoke(app, ["batch", "lint", str(script)])
    assert message in str(ended.exception)


LEXICON = (
    "word,pronunciation,alphabet,say,language,character\n"
    "Deathclaw,ˈdɛθklɔː,,,en-US,\n"
    "NCR,,,N C R,en,\n"
    "NCR,,,the Republic,en,ghoul\n"
    "長安,chang2 an1,,,cmn-TW,\n"
    "Khans,,,,en-US,\n"
)


def test_a_lexicon_is_applied_by_language_and_character(tmp_path: Path) -> None:
    rows = [
        "l1,pip_boy,The NCR and a Deathclaw.,en-US",
        "l2,ghoul,The NCR again.,en-US",
        "l3,pip_boy,NCR 在長安。,cmn-TW",
        "l4,pip_boy,Deathclaws and NCRs.,en-US",
    ]
    script = write(tmp_path, *rows, mapping="lexicon: names.csv\n", lexicon=LEXICON)
    lines = {line.id: line.job for line in check(script).lines}
    assert lines["l1"].text == "The N C R and a Deathclaw."
    assert [(each.phrase, each.phonetic) for each in lines["l1"].pronunciations] == [("Deathclaw", "ˈdɛθklɔː")]
    assert lines["l2"].text == "The the Republic again."
    assert (lines["l3"].text, lines["l3"].pronunciations[0].alphabet) == ("NCR 在長安。", "pinyin")
    assert (lines["l4"].text, lines["l4"].pronunciations) == ("Deathclaws and NCRs.", ())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("NCR,,,N C R,xx-XX,", "language: 'xx-XX' is none of the catalogue's"),
        ("NCR,,,N C R,en,nobody", "character: 'nobody' is unknown"),
        ("NCR,ɛn,pinyin,,en-US,", "alphabet: pinyin is no alphabet for en-US"),
        ("NCR,ɛn,klingon,,en-US,", "alphabet: 'klingon' is none; allowed are"),
        ("NCR,ɛn,,,,", "language: is empty"),
        ("NCR,ɛn,,N C R,en-US,", "say: 'N C R' beside a pronunciation"),
        ("長安,chang an,,,cmn-TW,", "pronunciation: 'chang an'"),
        (",ɛn,,,en-US,", "word: is empty"),
    ],
)
def test_a_wrong_row_of_the_lexicon_names_its_field(row: str, message: str, tmp_path: Path) -> None:
    lexicon = f"word,pronunciation,alphabet,say,language,character\n{row}\n"
    script = write(tmp_path, "l1,pip_boy,Hi.,en-US", mapping="lexicon: names.csv\n", lexicon=lexicon)
    (finding,) = check(script).findings
    assert (finding.place.file, finding.place.line, finding.rule) == ("names.csv", 2, "lexicon")
    assert finding.message.startswith(message)


def test_unknown_names_are_listed_by_frequency_as_a_lexicon_to_fill_in(tmp_path: Path) -> None:
    rows = [
        "l1,pip_boy,Ask Caesar about Goodsprings. The gate is shut.,en-US",
        "l2,pip_boy,I told Caesar. Gate keepers know Caesar's men.,en-US",
        "l3,pip_boy,瑪麗·居禮 在 Goodsprings。,cmn-TW",
        "l4,pip_boy,A Deathclaw!,en-US",
    ]
    script = write(tmp_path, *rows, mapping="lexicon: names.csv\n", lexicon=LEXICON)
    _, names = command("lexicon", str(script))
    listed = [(each["word"], each["language"], each["count"]) for each in names]
    assert listed[0] == ("Caesar", "en-US", 3)
    assert {word for word, _, _ in listed} == {"Caesar", "Goodsprings", "瑪麗·居禮"}
    written = CliRunner().invoke(app, ["batch", "lexicon", str(script), "--csv"]).stdout
    assert written.splitlines()[:2] == [
        "word,pronunciation,alphabet,say,language,character,count,example",
        "Caesar,,,,en-US,,3,Ask Caesar about Goodsprings. The gate is shut.",
    ]
    (tmp_path / "names.csv").write_text(written, encoding="utf-8")
    assert not check(script).unmended


def test_lint_counts_by_rule_and_shows_what_fixes_would_do(tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,[sighs] Nice 👍!,en-US", "l2,pip_boy,You owe {gold}.,en-US")
    status, document = command("lint", str(script))
    assert status == 2
    counts = {each["rule"]: (each["errors"], each["warnings"], each["fixed"]) for each in document["rules"]}
    assert counts == {"direction-brackets": (1, 0, 0), "emoji": (0, 1, 0), "placeholder": (1, 0, 0)}
    status, document = command("lint", str(script), "--fix")
    assert status == 2
    fixed = [(each["rule"], each["before"], each["after"]) for each in document["findings"] if "after" in each]
    assert fixed == [
        ("direction-brackets", "[sighs] Nice 👍!", "Nice 👍!"),
        ("emoji", "Nice 👍!", "Nice!"),
    ]
    shown = CliRunner().invoke(app, ["batch", "lint", str(script), "--fix"]).stdout
    assert "  - [sighs] Nice 👍!\n  + Nice 👍!\n" in shown


def test_the_price_is_that_of_the_mended_text(tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,[sighs] Nice.,en-US", mapping="lint: {direction-brackets: fix}\n")
    (line,) = check(script).lines
    assert len(line.job.text or "") == len("Nice.")


ROWS = (
    "l1,pip_boy,[whispering] Don't move <b>now</b>.,en-US",
    "l2,pip_boy,<b>Two.</b> [PAUSE] Now.,en-US",
    "l3,pip_boy,Dogmeat &lt;i&gt;waits&lt;/i&gt; (sighs) 3/4 of 12345 days.,en-US",
    "l4,pip_boy,[sighs],en-US",
    "l5,pip_boy,Dogmeat &lt;i&gt;waits&lt;/i&gt; (sighs) 3/4 of 12345 days.,en-US",
)
DOGMEAT = "word,language,say\nDogmeat,en,Dog Meat\n"


@given(st.dictionaries(st.sampled_from(sorted(RULES)), st.sampled_from(sorted(Level))))
@example({"markup": Level.FIX})
@example({"direction-brackets": Level.OFF, "brackets": Level.WARN, "markup": Level.FIX, "numbers": Level.FIX})
def test_commands_that_show_no_findings_read_the_lines_that_a_lint_leaves(levels: dict[str, Level]) -> None:
    section = {name: level.value for name, level in levels.items() if level in RULES[name].allowed}
    with TemporaryDirectory() as folder:
        mapping = json.dumps({"lint": section, "lexicon": "names.csv"})
        script = write(Path(folder), *ROWS, mapping=mapping, lexicon=DOGMEAT)
        choices_path(script).write_text("l3: 3\n")
        lines = check(script).lines
        assert read_lines(script, MAX_TEXT_BYTES, CATALOGUE) == lines
    assert {line.job.take for line in lines if line.id == "l3"} == {3}


def test_each_line_of_a_repeated_text_has_its_findings(tmp_path: Path) -> None:
    script = write(tmp_path, "l1,pip_boy,[sighs] No.,en-US", "l2,pip_boy,[sighs] No.,en-US")
    found = [each.line_id for each in check(script).findings if each.rule == "direction-brackets"]
    assert found == ["l1", "l2"]
