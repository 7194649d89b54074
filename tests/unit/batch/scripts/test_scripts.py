"""Valid scripts: every encoding, every format, every field; and the warnings of the lint."""

from __future__ import annotations

import codecs
import csv
import io
import json
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from schemas.enums import AudioEncoding
from schemas.field_types import JOB_ID_PATTERN, MAX_TEXT_BYTES
from schemas.job import Job
from tests.unit.batches import line
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET, good_documents
from worker.batch.file_names import audio_path, safe_name, same_name
from worker.batch.lint.jobs import lint_jobs
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.mapping.own_columns import read_own_csv
from worker.batch.scripts.model import Finding, Line, Severity
from worker.batch.scripts.rows import COLUMNS
from worker.batch.scripts.text_encoding import UndecodableError, decode
from worker.cli.batch_check import check_script
from worker.cli.main import app
from worker.speech.catalogue import Catalogue

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = 'job_id,character,text,scene\nintro-1,pip_boy,"Well, [pause] ""hello"".\nAnd 早安！",vault\n'
ENCODINGS = {
    "utf-8": SCRIPT.encode(),
    "utf-8 with a BOM": codecs.BOM_UTF8 + SCRIPT.encode(),
    "utf-16 as Windows writes it": codecs.BOM_UTF16_LE + SCRIPT.replace("\n", "\r\n").encode("utf-16-le"),
    "utf-16 the other way round": codecs.BOM_UTF16_BE + SCRIPT.encode("utf-16-be"),
    "utf-32": codecs.BOM_UTF32_LE + SCRIPT.encode("utf-32-le"),
    "semicolons": SCRIPT.replace("id,character,text,scene", "id;character;text;scene")
    .replace("1,pip_boy,", "1;pip_boy;").replace('",vault', '";vault').encode(),
    "tabs, as Unicode text of a spreadsheet": codecs.BOM_UTF16_LE
    + SCRIPT.replace("id,character,text,scene", "id\tcharacter\ttext\tscene")
    .replace("1,pip_boy,", "1\tpip_boy\t").replace('",vault', '"\tvault').encode("utf-16-le"),
    "old Mac's line ends": SCRIPT.replace("\n", "\r").encode(),
}  # fmt: skip


def jobs(found: Any) -> list[Job]:
    each = list(found)
    assert not [finding for finding in each if isinstance(finding, Finding)]
    return [one.job for one in each]


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_script_is_read_in_every_form_that_spreadsheets_write(name: str, tmp_path: Path) -> None:
    (tmp_path / "script.csv").write_bytes(ENCODINGS[name])
    script = read_script(tmp_path / "script.csv", MAX_TEXT_BYTES)
    assert not script.findings
    (only,) = script.lines
    assert (only.id, only.scene, only.place.line) == ("intro-1", "vault", 2)
    assert (only.job.text or "").replace("\r\n", "\n").replace("\r", "\n") == 'Well, [pause] "hello".\nAnd 早安！'


@given(st.lists(good_documents(), min_size=1, max_size=5))
def test_json_lines_give_the_jobs_that_they_hold(documents: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(each, ensure_ascii=False) for each in documents)
    assert jobs(read_jsonl(text, "f", MAX_TEXT_BYTES)) == [Job.model_validate(each) for each in documents]


def _cells(document: dict[str, Any]) -> dict[str, str]:
    flat = {**document, **{f"audio.{name}": value for name, value in document.get("audio", {}).items()}}
    flat.pop("audio", None)
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in flat.items()}


@given(st.lists(good_documents(), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_csv_gives_the_jobs_that_it_holds(documents: list[dict[str, Any]], delimiter: str) -> None:
    # Cells but the texts' are read without the blanks around them.
    documents = [
        {
            name: value.strip() or "x" if isinstance(value, str) and name != "text" else value
            for name, value in d.items()
        }
        for d in documents
    ]
    written = io.StringIO()
    rows = csv.DictWriter(written, COLUMNS, delimiter=delimiter, restval="")
    rows.writeheader()
    rows.writerows(_cells(each) for each in documents)
    assert jobs(read_own_csv(written.getvalue(), "f", MAX_TEXT_BYTES)) == [
        Job.model_validate(each) for each in documents
    ]


@given(st.binary(max_size=300), st.sampled_from([b"", b"job_id,character,text\n", codecs.BOM_UTF16_LE, b'{"job_id": ']))
def test_any_bytes_give_lines_or_findings(content: bytes, beginning: bytes) -> None:
    try:
        text = decode(beginning + content).text
    except UndecodableError as error:
        places = [place for line, column, _ in error.problems for place in (line, column)]
    else:
        places = []
    assert all(place > 0 for place in places)
    if places:
        return
    for read in (read_own_csv, read_jsonl):
        found = list(read(text, "f", MAX_TEXT_BYTES))
        assert found
        assert all(isinstance(each, Line) or (each.place.line > 0 and each.place.column) for each in found)


def test_labels_and_audio_have_columns_of_their_own() -> None:
    text = (
        "job_id,character,text,audio.encoding,audio.sample_rate,labels.quest,labels\n"
        'a,ghoul,hi,MP3,44100,main,"{""act"": ""2""}"\nb,ghoul,hi,,,,\n'
    )
    first, second = jobs(read_own_csv(text, "f", MAX_TEXT_BYTES))
    assert (first.audio.encoding, first.audio.sample_rate) == (AudioEncoding.MP3, 44100)
    assert first.labels == {"quest": "main", "act": "2"}
    assert second == Job(job_id="b", character="ghoul", text="hi")


def test_rows_without_content_are_skipped() -> None:
    assert len(jobs(read_own_csv("job_id,character,text\n,,\na,ghoul,hi\n, ,\n\n", "f", MAX_TEXT_BYTES))) == 1


def test_the_templates_are_scripts_without_a_finding() -> None:
    for read, form in ((read_own_csv, "csv"), (read_jsonl, "jsonl")):
        text = CliRunner().invoke(app, ["batch", "template", form]).stdout
        lines = [each for each in read(text, "f", MAX_TEXT_BYTES) if isinstance(each, Line)]
        assert len(lines) == 4
        assert not list(lint_jobs(lines, CATALOGUE))


def findings(*lines: Line, catalogue: Catalogue = CATALOGUE) -> list[str]:
    return [str(each) for each in lint_jobs(lines, catalogue)]


LONG = "a word, " * 60 + "and an end."
WARNINGS = {
    "a pitch": ({"pitch": -4.0}, "pitch: warning: Chirp has no pitch: -4"),
    "SSML that Chirp drops": (
        {"text": None, "ssml": '<speak><emphasis>Now</emphasis> <prosody pitch="-2st">go.</prosody></speak>'},
        'ssml: warning: Chirp drops <emphasis>, <prosody pitch="…">: these have',
    ),
    "a rate for a part of the line": (
        {"text": None, "ssml": '<speak>Now <prosody rate="slow">go.</prosody></speak>'},
        'Chirp drops <prosody rate="…"> for a part of the line',
    ),
    "a break that Chirp has not": (
        {"text": None, "ssml": '<speak>Now <break time="3s"/> go.</speak>'},
        "Chirp drops <break> of more than about 1.2 s",
    ),
    "say-as beside a break": (
        {"text": None, "ssml": '<speak>On <say-as interpret-as="date">1.2.</say-as> <break/> go.</speak>'},
        "Chirp drops <say-as> beside a <break>",
    ),
    "a sentence that is too long": ({"text": LONG}, "C (text): warning: has a sentence of"),
    "a drawing": ({"text": "The map: " + "+--" * 30}, "has 6 letters and digits among 97 signs"),
    "a text of several calls": ({"text": "A sentence. " * 500}, "C (text): warning: is 6,000 bytes long"),
    "SSML with a long sentence": (
        {"text": None, "ssml": f"<speak>{LONG}</speak>"},
        "it is spoken in parts if Google refuses it",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_would_sound_different_than_intended_is_a_warning(name: str) -> None:
    fields, message = WARNINGS[name]
    (finding,) = findings(line(**fields))
    assert message in finding
    assert finding.startswith("script.csv:2:")


@pytest.mark.parametrize(
    "ssml",
    [
        '<speak>Now <break time="700ms"/>go.</speak>',
        '<speak><prosody rate="slow">Now <break/> go.</prosody></speak>',
        '<speak><say-as interpret-as="characters">NCR</say-as> <break/> go.</speak>',
        '<speak><p><sub alias="Doctor">Dr</sub> Li</p></speak>',
    ],
)
def test_ssml_that_chirp_gets_in_another_form_is_fine(ssml: str) -> None:
    assert not findings(line(text=None, ssml=ssml))


@pytest.mark.parametrize(
    "fields", [{"pitch": -4.0, "voice": "wavenet"}, {"pitch": -4.0, "language": "cmn-TW", "text": "早安"}]
)
def test_a_pitch_is_fine_where_chirp_never_speaks(fields: dict[str, Any]) -> None:
    assert not findings(line(**fields))


def test_pauses_and_pronunciations_are_warnings_where_the_catalogue_says_that_chirp_has_none() -> None:
    spoken = line(text="Wait. [pause] Ghoul.", pronunciations=[{"phrase": "Ghoul", "phonetic": "ɡuːl"}])
    assert not findings(spoken)
    without = {"chirp_pauses": False, "chirp_pronunciations": False}
    english = CATALOGUE.languages["en-US"].model_copy(update=without)
    limited = CATALOGUE.model_copy(update={"languages": {**CATALOGUE.languages, "en-US": english}})
    assert [each.partition("warning: ")[2] for each in findings(spoken, catalogue=limited)] == [
        "Chirp knows no pause marks in en-US [pauses]",
        "Chirp knows no pronunciations in en-US [pronunciations]",
    ]
    broken = line(text=None, ssml="<speak>Wait. <break/> Ghoul.</speak>")
    assert not findings(broken)
    (finding,) = findings(broken, catalogue=limited)
    assert "ssml: warning: Chirp knows no pause marks in en-US" in finding


def test_a_voice_model_chosen_for_all_lines_must_speak_each_lines_language() -> None:
    chinese = line("l-2", language="cmn-TW", text="早安")
    (finding,) = lint_jobs([line("l-1"), chinese, line("l-3", voice="wavenet")], CATALOGUE, CHIRP)
    assert (finding.line_id, finding.severity) == ("l-2", Severity.ERROR)
    assert "does not speak cmn-TW" in finding.message
    # Where WaveNet is chosen for all lines, nothing is dropped.
    assert not lint_jobs([chinese, line("l-1", pitch=-3.0)], CATALOGUE, WAVENET)


def test_errors_and_warnings_are_in_the_scripts_order() -> None:
    found = lint_jobs([line("a-3", character="nobody"), line("a-1", pitch=2.0)], CATALOGUE)
    assert [each.severity for each in found] == [Severity.WARNING, Severity.ERROR]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("line-1", "line-1"),
        ("scene:3", "scene_3"),
        ("end.", "end"),
        ("con", "_con"),
        ("LPT1.take", "_LPT1.take"),
        ("console", "console"),
        ("CON", "_CON"),
        ("com1.x.y", "_com1.x.y"),
        ("conin$", "_conin$"),
        ("nul .x", "_nul .x"),
        ("x.", "x"),
        ("x. .", "x"),
        ("...", "_"),
        ("a+b@c=d", "a+b@c=d"),
        ("ghoul" * 49, "ghoul" * 49),
        ("ghoul" * 50, "ghoul" * 46 + "ghou-56cef780df"),
    ],
)
def test_a_name_is_made_safe_for_every_file_system(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.from_regex(JOB_ID_PATTERN, fullmatch=True) | st.text(min_size=1, max_size=64))
def test_no_file_of_a_line_has_a_name_that_windows_reserves_or_changes(name: str) -> None:
    for path in (audio_path("ghoul", name, AudioEncoding.OGG_OPUS), audio_path(name, "l-1", AudioEncoding.MULAW)):
        folder, _, file = path.partition("/")
        assert not PureWindowsPath(folder, file).is_reserved()
        assert not PureWindowsPath(folder).is_reserved()
        assert "/" not in file
        assert not folder.endswith((".", " "))
        assert max(len(folder.encode()), len(file.encode())) <= 255


@pytest.mark.parametrize(("one", "other"), [("Café", "CAFE\u0301"), ("straße", "STRASSE"), ("夜", "夜")])
def test_names_that_are_one_on_some_system_are_known_as_one(one: str, other: str) -> None:
    assert same_name(one) == same_name(other)
    assert same_name(one) != same_name(f"{other}2")


def test_an_id_that_is_no_file_name_is_warned_about_with_the_name_that_its_audio_gets() -> None:
    found = lint_jobs([line("CON"), line("scene:3"), line("y.")], CATALOGUE)
    assert [each.message for each in found] == [
        "'CON' is no file name on Windows: its audio gets the name pip_boy/_CON.ogg",
        "'y.' is no file name on Windows: its audio gets the name pip_boy/y.ogg",
    ]


def test_a_lines_file_stands_in_its_characters_folder() -> None:
    assert audio_path("ghoul", "act1:7", AudioEncoding.MULAW) == "ghoul/act1_7.mulaw.wav"


def test_a_line_says_how_many_takes_it_wants_in_csv_and_json_lines() -> None:
    csv_file = "job_id,character,text,Takes\na,ghoul,One.,3\nb,ghoul,Two.,\nc,ghoul,Three.,2.0\n"
    lines = [each for each in read_own_csv(csv_file, "s.csv", MAX_TEXT_BYTES) if isinstance(each, Line)]
    assert [(each.id, each.takes, each.job.take) for each in lines] == [("a", 3, 1), ("b", None, 1), ("c", 2, 1)]
    document = {"job_id": "a", "character": "ghoul", "text": "One.", "takes": 20}
    (only,) = read_jsonl(json.dumps(document), "s.jsonl", MAX_TEXT_BYTES)
    assert isinstance(only, Line)
    assert only.takes == 20


@pytest.mark.parametrize("takes", [0, 21, -1, 2.5, True, "3", []])
def test_takes_that_are_no_number_from_1_to_20_are_an_error_that_names_the_column(takes: object) -> None:
    document = {"job_id": "a", "character": "ghoul", "text": "One.", "takes": takes}
    (found,) = read_jsonl(json.dumps(document), "s.jsonl", MAX_TEXT_BYTES)
    assert isinstance(found, Finding)
    assert (found.severity, found.place.column) == (Severity.ERROR, "takes")
    assert "takes is a whole number from 1 to 20" in found.message


def test_a_fix_of_its_text_leaves_a_lines_number_of_takes(tmp_path: Path) -> None:
    (tmp_path / "chirp-batch.yaml").write_text("lint: {direction-parentheses: fix}\n", encoding="utf-8")
    script = tmp_path / "script.csv"
    script.write_text("job_id,character,text,takes\na,ghoul,(softly) Come here.,3\n", encoding="utf-8")
    (only,) = check_script(script, MAX_TEXT_BYTES, CATALOGUE).lines
    assert (only.job.text, only.takes) == ("Come here.", 3)
