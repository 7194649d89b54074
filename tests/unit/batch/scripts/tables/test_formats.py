"""Each format through `batch import` and the mapping that it writes, `batch lint`, and the price."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from schemas.field_types import MAX_TEXT_BYTES
from tests.unit.batch.scripts.tables.samples import SAMPLES
from tests.unit.makers import CATALOGUE
from worker.batch.price_estimate import estimate_price
from worker.batch.scripts.loader import read_script
from worker.batch.scripts.model import Severity
from worker.batch.scripts.tables.reader import ENDINGS
from worker.batch.voice_selection import VoicePreference, VoiceSelector
from worker.cli.main import app
from worker.rollout.state import RolloutState

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_of_each_format_is_imported_linted_and_priced(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    script = tmp_path / sample.file
    script.write_bytes(sample.content)

    imported = CliRunner().invoke(app, ["batch", "import", str(script), *sample.options, "--json"])

    document = json.loads(imported.stdout)
    assert imported.exit_code == 0, document["findings"]
    assert document["tables"][0]["form"] == sample.form
    read = read_script(script, MAX_TEXT_BYTES)
    assert [(each.id, each.job.character, each.job.language, each.job.text) for each in read.lines] == sample.lines
    assert [each for each in read.findings if each.severity is Severity.ERROR] == []
    # Three of the samples have placeholders, as such files do.
    with (tmp_path / "chirp-batch.yaml").open("a", encoding="utf-8") as mapping:
        mapping.write("lint: {placeholder: warn}\n")
    assert CliRunner().invoke(app, ["batch", "lint", str(script)]).exit_code == 0
    selector = VoiceSelector(
        CATALOGUE,
        RolloutState(enabled=False, percentage=0, characters=frozenset()),
        datetime(2026, 11, 29, tzinfo=UTC),
        "takes",
    )
    price = estimate_price(list(selector.select(read.lines, VoicePreference())), ())
    assert price.lines == len(sample.lines)
    assert price.dollars > 0


@pytest.mark.parametrize("name", SAMPLES)
def test_an_import_is_the_same_when_it_is_done_again(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    script = tmp_path / sample.file
    script.write_bytes(sample.content)
    CliRunner().invoke(app, ["batch", "import", str(script), *sample.options])
    mapping = tmp_path / "chirp-batch.yaml"
    written = mapping.read_bytes()

    again = CliRunner().invoke(app, ["batch", "import", str(script)])

    assert again.exit_code == 0
    assert mapping.read_bytes() == written


def test_every_ending_that_is_read_has_a_sample_or_the_reader_of_one() -> None:
    same = {".tsv": ".csv", ".txt": ".csv", ".xlsm": ".xlsx", ".pot": ".po", ".ndjson": ".jsonl"}
    tried = {f".{name.rpartition('.')[2]}" for name in SAMPLES} | {".jsonl"}
    assert {same.get(ending, ending) for ending in ENDINGS} == tried


def test_a_folder_of_all_formats_is_one_script(tmp_path: Path) -> None:
    for sample in SAMPLES.values():
        folder = tmp_path / sample.file.replace(".", "_")
        folder.mkdir()
        (folder / sample.file).write_bytes(sample.content)
    (tmp_path / "package.json").write_text('{"private": true}', encoding="utf-8")

    imported = CliRunner().invoke(app, ["batch", "import", str(tmp_path), "--character", "codsworth", "--json"])

    document = json.loads(imported.stdout)
    assert {each["form"] for each in document["tables"]} >= {sample.form for sample in SAMPLES.values()}
    strange = [(each["severity"], each["message"]) for each in document["findings"] if each["file"] == "package.json"]
    assert [severity for severity, _ in strange] == ["error", "warning"]
    assert "JSON of another kind" in strange[0][1]
    assert "no mapping says which column is what" in strange[1][1]
