"""One run of `batch` without its servers: what it shows, confirms and refuses before anything is sent."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from schemas.errors import UsageError
from tests.unit.batches import done, line, plan
from worker.app.rollout_seed import rollout_state
from worker.batch.downloads import StoredKeys, downloaded_files
from worker.batch.entry import build_entry
from worker.batch.line_status import next_job
from worker.batch.manifest import default_manifest, journal_path, read_manifest, write_manifest
from worker.batch.state import open_state
from worker.batch.voice_selection import PlannedLine, VoicePreference, VoiceSelector
from worker.cli import batch_steps
from worker.cli.exit_codes import describe
from worker.cli.main import app
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.speech.catalogue_file import load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

EVERYBODY = {"CHIRP3_ENABLED": "true", "CHIRP3_ROLLOUT_PERCENTAGE": "100", "CHIRP3_ENABLED_CHARACTERS": ""}


class Studio:
    """A script, its manifest, and the command; nothing is stored, and no job in flight has a completion."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script = folder / "script.csv"
        self.runs = 0
        monkeypatch.setattr(batch_steps, "reconcile", _nothing)
        monkeypatch.setattr(batch_steps.BatchSteps, "_find_stored", _nothing_stored)
        monkeypatch.setattr(batch_steps.BatchSteps, "run_jobs", self._run_jobs)

    def _run_jobs(self, *_: object, **__: object) -> bool:
        self.runs += 1
        return False

    def write(self, **texts: str) -> None:
        rows = "".join(f"{line_id},pip_boy,{text}\n" for line_id, text in texts.items())
        self.script.write_text(f"job_id,character,text\n{rows}", encoding="utf-8")

    def planned_lines(self, **texts: str) -> list[PlannedLine]:
        settings = load_settings()
        catalogue = load_catalogue(settings.worker.characters_file)
        state = rollout_state(settings.rollout, catalogue.names)
        selector = VoiceSelector(catalogue, state, Clock().now(), settings.storage.prefix)
        lines = [line(line_id, text=text) for line_id, text in texts.items()]
        return list(selector.select(lines, VoicePreference()))

    def send(self, **texts: str) -> None:
        """As a run that is stopped before the first completion."""
        with open_state(default_manifest(self.script)) as state:
            state.record_sent([next_job(each, None)[1] for each in self.planned_lines(**texts)])

    def finish(self, **texts: str) -> None:
        """As a run that ends by itself."""
        with open_state(default_manifest(self.script)) as state:
            for each in self.planned_lines(**texts):
                sent = next_job(each, None)[1]
                state.record_ended([build_entry(sent, done(sent.job_id, sent.key))], {0: 1})
            state.write(texts)

    def entries(self) -> list[str]:
        return list(read_manifest(default_manifest(self.script)))

    def run(self, *options: str) -> tuple[Any, dict[str, Any]]:
        """Runs the command; returns its result and its JSON document."""
        ended = CliRunner().invoke(app, ["batch", str(self.script), "--json", *options])
        return ended, json.loads(ended.stdout)


async def _nothing(*_: object) -> None:
    return None


async def _nothing_stored(*_: object) -> StoredKeys:
    return StoredKeys()


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(tmp_path, monkeypatch)


def test_a_line_that_was_edited_while_its_job_is_under_way_is_in_price_budget_and_confirmation(studio: Studio) -> None:
    studio.send(a="As it was.", b="The same.")
    studio.write(a="As it is.", b="The same.")
    ended, document = studio.run("--dry-run")
    assert ended.exit_code == 0
    assert document["lines"] | {"under way": 2, "new": 0} == document["lines"]
    total = document["price"]["rows"][-1]
    assert (total["lines"], total["characters"]) == (1, len("As it is."))
    assert "1 of the lines in progress have changed since they were sent" in ended.stderr
    ended, document = studio.run("--yes", "--budget", "0")
    assert "more than the budget of 0 USD" in document["refused"]
    ended, document = studio.run()
    assert "nobody can confirm the price" in document["refused"]
    assert not studio.runs


def test_a_line_whose_voice_changed_while_its_job_is_under_way_is_in_the_price_if_it_is_remade(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.send(a="The same.")
    studio.write(a="The same.")
    for name, value in EVERYBODY.items():
        monkeypatch.setenv(name, value)
    assert studio.run("--dry-run")[1]["price"]["usd"] == 0
    rows = {row["voice model"]: row for row in studio.run("--dry-run", "--remake")[1]["price"]["rows"]}
    assert rows["chirp3-hd"]["characters"] == len("The same.")


def test_lines_under_way_that_are_as_they_were_sent_cost_nothing_and_need_no_confirmation(studio: Studio) -> None:
    studio.send(a="The same.")
    studio.write(a="The same.")
    ended, document = studio.run("--budget", "0")
    assert (document["price"]["usd"], studio.runs) == (0, 1)
    assert "have changed" not in ended.stderr


TWO = {"a": "One.", "b": "Two."}


def test_a_done_line_that_has_an_error_now_stays_in_the_manifest_and_is_done_once_corrected(studio: Studio) -> None:
    studio.finish(**TWO)
    studio.write(a="One.", b="...")
    ended, document = studio.run("--leave-out")
    assert (ended.exit_code, document["lines"]["done"]) == (1, 1)
    assert "1 lines of the manifest aren't among the lines of this run" in ended.stderr
    assert "any more" not in ended.stderr
    assert studio.entries() == ["a", "b"]
    studio.write(**TWO)
    ended, document = studio.run()
    assert (ended.exit_code, document["lines"]["done"], document["price"]["usd"]) == (0, 2, 0)


def test_lines_of_a_file_that_cant_be_read_stay_in_the_manifest_too(studio: Studio, tmp_path: Path) -> None:
    studio.script = tmp_path / "folder"
    studio.script.mkdir()
    studio.finish(**TWO)
    for line_id, text in TWO.items():
        script = f"job_id,character,text\n{line_id},pip_boy,{text}\n"
        (studio.script / f"{line_id}.csv").write_text(script, encoding="utf-8")
    (studio.script / "a.csv").write_bytes(b"job_id,character,text\na,pip_boy,\xff\n")
    assert studio.run("--leave-out")[0].exit_code == 1
    assert sorted(studio.entries()) == ["a", "b"]


def test_lines_that_left_the_script_leave_the_manifest_once_no_line_is_left_out(studio: Studio) -> None:
    studio.finish(**TWO)
    studio.write(a="One.")
    ended, _ = studio.run("--leave-out")
    assert ended.exit_code == 0
    assert "1 lines of the manifest aren't in the script any more" in ended.stderr
    assert studio.entries() == ["a"]


def test_a_dry_run_is_refused_by_the_budget_as_the_run_itself_would_be(studio: Studio) -> None:
    studio.write(**TWO)
    dry, document = studio.run("--dry-run", "--budget", "0.00001")
    real, real_document = studio.run("--yes", "--budget", "0.00001")
    assert type(dry.exception) is type(real.exception) is UsageError
    assert document == real_document
    assert "more than the budget of 1e-05 USD" in document["refused"]
    dry, document = studio.run("--dry-run", "--budget", "1")
    assert (dry.exit_code, studio.runs) == (0, 0)
    assert "refused" not in document


def test_a_budget_of_exactly_the_price_is_enough_and_a_millionth_less_is_not(studio: Studio) -> None:
    studio.write(**{f"bud-{number}": f'"Line bud number {number}, and nothing but that."' for number in range(12)})
    wavenet = ("--dry-run", "--voice-model", "wavenet")
    usd = studio.run(*wavenet)[1]["price"]["usd"]
    assert usd == 0.001928
    assert studio.run(*wavenet, "--budget", repr(usd))[0].exit_code == 0
    document = studio.run(*wavenet, "--budget", "0.001927")[1]
    assert document["refused"] == "0.001928 USD at list price is more than the budget of 0.001927 USD"


def test_takes_that_could_not_be_looked_up_are_priced_as_new_and_told(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(*_: object) -> StoredKeys:
        return StoredKeys(unknown=frozenset({"takes/x"}))

    monkeypatch.setattr(batch_steps.BatchSteps, "_find_stored", find)
    studio.write(**TWO)
    ended, document = studio.run("--dry-run")
    assert document["price"]["unknown"] == 1
    assert "1 takes couldn't be looked up in the store: the price counts them as new" in ended.stderr


def test_the_report_plays_the_lines_own_takes_and_names_another_file(studio: Studio, tmp_path: Path) -> None:
    studio.write(a="Good morning.", b="Good night.", c="Good bye.")
    studio.finish(a="Good morning.", b="Good night.", c="Good bye.")
    manifest = default_manifest(studio.script)
    takes = {"a": b"take", "b": b"take", "c": b"take"}
    entries = {
        name: entry.model_copy(update={"sha256": hashlib.sha256(takes[name]).hexdigest()})
        for name, entry in read_manifest(manifest).items()
    }
    write_manifest(manifest, entries, entries)
    folder = tmp_path / "audio" / "pip_boy"
    folder.mkdir(parents=True)
    (folder / "a.ogg").write_bytes(b"take")
    (folder / "b.ogg").write_bytes(b"another script's line b")
    page = tmp_path / "report.html"
    ended = CliRunner().invoke(
        app, ["batch", "report", str(studio.script), "--download", str(tmp_path / "audio"), "--out", str(page)]
    )
    assert ended.exit_code == 0
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    rows = {row["line"]: (row.get("audio"), row.get("other", False)) for row in json.loads(found[1])["rows"]}
    assert rows == {"a": ("audio/pip_boy/a.ogg", False), "b": (None, True), "c": (None, False)}
    assert "has no audio of 1 of 3 lines" in ended.stderr


def test_a_dry_run_writes_nothing_and_needs_no_lock(studio: Studio) -> None:
    studio.write(a="Good morning.")
    ended, document = studio.run("--dry-run")
    assert ended.exit_code == 0
    assert document["lines"]["new"] == 1
    assert [path.name for path in studio.script.parent.iterdir()] == [studio.script.name]
    with open_state(default_manifest(studio.script)):
        assert studio.run("--dry-run")[0].exit_code == 0
        refused = CliRunner().invoke(app, ["batch", str(studio.script), "--yes"])
        assert "another `chirp-worker batch` is running" in str(refused.exception)


def test_a_line_that_the_workers_speak_by_other_characters_is_made_once_and_the_character_named(
    studio: Studio,
) -> None:
    texts = {"a": "Good morning.", "b": "Good night."}
    studio.write(**texts)
    with open_state(default_manifest(studio.script)) as state:
        for each in studio.planned_lines(**texts):
            sent = next_job(each, None)[1]
            folder, _, _ = sent.key.rpartition("/")
            theirs = done(sent.job_id, f"{folder}/another.ogg", voice="cmn-TW-Wavenet-A")
            state.record_ended([build_entry(sent, theirs)], {0: 1})
        state.write(texts)
    ended, document = studio.run("--yes")
    assert ended.exit_code == 0
    assert document["lines"]["edited"] == 0
    assert document["lines"]["voice changed"] == 2
    (said,) = [line for line in ended.stderr.splitlines() if "CHARACTERS_FILE" in line]
    assert "pip_boy: 2 lines were spoken by cmn-TW-Wavenet-A, and this command asks for en-US-" in said
    _, document = studio.run("--yes", "--remake", "--dry-run")
    assert document["price"]["rows"][-1]["new"] == 2
    studio.write(a="Good morning!", b=texts["b"])
    assert studio.run("--yes", "--dry-run")[1]["lines"]["edited"] == 1


def test_a_line_for_which_the_workers_decide_otherwise_is_made_once_and_the_reason_said(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers' file has no Chirp for its language, or they follow another rollout; their WaveNet differs too."""
    for name, value in EVERYBODY.items():
        monkeypatch.setenv(name, value)
    studio.write(a="Good morning.")
    with open_state(default_manifest(studio.script)) as state:
        (each,) = studio.planned_lines(a="Good morning.")
        sent = next_job(each, None)[1]
        theirs = done(sent.job_id, "pip_boy/wavenet/ab/another.ogg", voice="cmn-TW-Wavenet-A")
        state.record_ended([build_entry(sent, theirs)], {0: 1})
        state.write(["a"])
    ended, document = studio.run("--yes")
    assert ended.exit_code == 0
    assert (document["lines"]["edited"], document["lines"]["voice changed"]) == (0, 1)
    (said,) = [line for line in ended.stderr.splitlines() if "CHARACTERS_FILE" in line]
    assert said.endswith(
        "pip_boy: 1 lines were spoken by cmn-TW-Wavenet-A, and this command asks for en-US-Chirp3-HD-Puck: the "
        "workers' CHARACTERS_FILE, or the rollout that they follow, differed from this one's when they did; once both "
        "are the same, --remake makes such lines again"
    )
    assert studio.run("--yes", "--remake", "--dry-run")[1]["price"]["rows"][-1]["new"] == 1
    for options, way_on in (((), "--remake makes them again"), (("--remake",), "they are made again")):
        shown = CliRunner().invoke(app, ["batch", str(studio.script), "--dry-run", *options])
        assert f"chirp-worker: 1 lines would get another voice now; {way_on}" in shown.stderr.splitlines()


def test_a_full_disk_is_an_error_that_names_the_file_and_the_way_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with open_state(default_manifest(studio.script)) as state, pytest.raises(OSError, match="No space left") as caught:
        state.record_sent([next_job(each, None)[1] for each in studio.planned_lines(a="Good morning.")])
    failure = describe(caught.value)
    assert failure is not None
    assert failure.message == (
        f"{journal_path(default_manifest(studio.script))}: No space left on device; free some space there and run the "
        "same command again: it goes on"
    )


def test_the_audio_of_a_line_that_left_the_script_is_named(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    planned = plan(line("l-1", character="ghoul"), line("l-2", character="ghoul"))
    entries = []
    for number, each in enumerate(planned):
        sent = next_job(each, None)[1]
        entry = build_entry(sent, done(sent.job_id, sent.key))
        entries.append(entry.model_copy(update={"sha256": hashlib.sha256(b"take").hexdigest()}))
        path = audio / "ghoul" / f"{entry.line}.ogg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"take" if number == 0 else b"another")
    assert downloaded_files(entries, audio) == [audio / "ghoul" / "l-1.ogg"]


def test_candidates_are_in_the_price_and_the_budget_leaves_out_those_that_it_doesnt_allow(studio: Studio) -> None:
    studio.write(**TWO)
    wavenet = ("--dry-run", "--voice-model", "wavenet", "--takes", "3")
    ended, document = studio.run(*wavenet)
    price = document["price"]
    assert (price["rows"][-1]["new"], price["candidates"], price["candidates_left_out"]) == (6, 4, 0)
    assert "4 of them are candidates, further takes to choose from" in ended.stderr
    # Both lines and one candidate: each text has four characters, at 4 USD a million.
    ended, document = studio.run(*wavenet, "--budget", "0.00005")
    assert ended.exit_code == 0
    assert document["price"] | {"usd": 0.000048, "candidates": 1, "candidates_left_out": 3} == document["price"]
    assert "1 of them are candidates, further takes to choose from; 3 more are left out for the budget" in ended.stderr
    # The lines' own takes come first: without them there are no candidates.
    ended, document = studio.run(*wavenet, "--budget", "0.00001")
    assert "more than the budget" in document["refused"]


def test_the_column_takes_is_for_its_line_and_the_option_for_the_others(studio: Studio) -> None:
    studio.script.write_text("job_id,character,text,takes\na,ghoul,One.,\nb,ghoul,Two.,4\n", encoding="utf-8")
    assert studio.run("--dry-run")[1]["price"]["candidates"] == 3
    assert studio.run("--dry-run", "--takes", "2")[1]["price"]["candidates"] == 4
    ended = CliRunner().invoke(app, ["batch", str(studio.script), "--takes", "21"])
    assert ended.exit_code == 2


def test_a_dry_run_with_takes_writes_nothing(studio: Studio) -> None:
    studio.write(**TWO)
    assert studio.run("--dry-run", "--takes", "2")[0].exit_code == 0
    assert [path.name for path in studio.script.parent.iterdir()] == [studio.script.name]


def test_candidates_that_are_not_made_are_counted_and_the_command_fails(studio: Studio) -> None:
    studio.finish(**TWO)
    studio.write(**TWO)
    ended, document = studio.run("--yes", "--takes", "2")
    assert (ended.exit_code, document["candidates"]) == (1, {"made": 0, "missing": 2, "left_out": 0})
    assert "2 are missing: the same command tries them again" in ended.stderr


def test_a_manifest_of_another_script_is_refused_and_stays_as_it_is(studio: Studio) -> None:
    studio.write(**TWO)
    studio.finish(**TWO)
    manifest = default_manifest(studio.script)
    before = manifest.read_bytes()
    other = studio.script.with_name("other.csv")
    other.write_text("job_id,character,text\nx,pip_boy,Another one.\n", encoding="utf-8")
    for option in ("--yes", "--dry-run"):
        ended = CliRunner().invoke(app, ["batch", str(other), "--manifest", str(manifest), option])
        assert isinstance(ended.exception, UsageError)
        assert "none of its 2 lines is in" in str(ended.exception)
    assert manifest.read_bytes() == before
    # Its own manifest is the script's, whatever was done to the script.
    studio.write(c="All lines are new.")
    assert studio.run("--dry-run")[0].exit_code == 0


def test_a_manifest_of_a_newer_version_is_refused_with_the_field_and_the_way_on(studio: Studio) -> None:
    studio.write(**TWO)
    studio.finish(**TWO)
    manifest = default_manifest(studio.script)
    manifest.write_text(manifest.read_text().replace('{"line"', '{"invented": 1, "line"'), encoding="utf-8")
    ended = CliRunner().invoke(app, ["batch", str(studio.script), "--yes"])
    assert isinstance(ended.exception, UsageError)
    assert ":1:invented: this version of chirp-worker doesn't know this field" in str(ended.exception)


def test_a_script_with_the_longest_name_that_its_journal_allows_has_a_manifest(studio: Studio) -> None:
    name = "n" * (255 - len(".csv.manifest.journal"))
    studio.script = studio.script.with_name(f"{name}.csv")
    studio.write(**TWO)
    studio.finish(**TWO)
    assert studio.entries() == list(TWO)
