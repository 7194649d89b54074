"""FIFOs, devices, links, folders and huge files in the place of a batch's own files are named, and nothing hangs."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.errors import UsageError
from tests.unit.batches import done, line, plan
from worker.batch.atomic_file import replace_file
from worker.batch.choices import Choice, read_choices, write_choices
from worker.batch.entry import build_entry
from worker.batch.journal import Journal, JournalEntry
from worker.batch.line_status import next_job
from worker.batch.manifest import read_manifest, write_manifest
from worker.batch.regular_file import NotRegularFileError, followed
from worker.batch.state import open_state
from worker.cli.main import app

KINDS = {
    "FIFO": "is a FIFO or a device",
    "device": "is a ",
    "socket": "is a socket",
    "folder": "is a folder",
    "dangling link": "is a symbolic link",
    "looping link": "is a symbolic link",
    "huge file": "6,442,450,944 bytes",
}
MAPPING = "lexicon: words.csv\n"


def put(path: Path, kind: str) -> None:
    match kind:
        case "FIFO":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "socket":
            # Its address may be longer than a socket's may be.
            folder = Path.cwd()
            os.chdir(path.parent)
            with socket.socket(socket.AF_UNIX) as opened:
                opened.bind(path.name)
            os.chdir(folder)
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to("share/of/another")
        case "looping link":
            path.symlink_to(path.name)
        case _:
            with path.open("wb") as file:
                file.truncate(6 * 2**30)


def identity(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_mode, found.st_ino, found.st_size


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "s.csv"
    path.write_text("job_id,character,text\na,pip_boy,Hello there.\n", encoding="utf-8")
    return path


def batch(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["batch", *arguments])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["s.csv.manifest.jsonl", "s.csv.manifest.journal", "s.csv.choices.yaml", "chirp-batch.yaml", "words.csv"]
)
@pytest.mark.parametrize("option", ["--yes", "--dry-run"])
def test_what_is_no_file_is_refused_by_name_before_anything_is_sent(
    script: Path, name: str, kind: str, option: str
) -> None:
    if name == "words.csv":
        (script.parent / "chirp-batch.yaml").write_text(MAPPING, encoding="utf-8")
    odd = script.parent / name
    put(odd, kind)
    before = identity(odd)
    error = batch(str(script), option).exception
    assert isinstance(error, UsageError), error
    assert name in str(error)
    if not (name == "words.csv" and "link" in kind):
        assert any(words in str(error) for words in (KINDS[kind], "has more than 1,073,741,824 bytes")), error
    assert identity(odd) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_in_the_place_of_a_script_is_an_error(tmp_path: Path, kind: str) -> None:
    odd = tmp_path / ("s.csv.d" if kind == "folder" else "s.csv")
    put(odd, kind)
    error = batch(str(odd), "--dry-run").exception
    assert isinstance(error, UsageError), error


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_of_a_delivery_that_is_no_file_is_refused(script: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    put(out / "delivery.json", kind)
    error = batch("deliver", str(script), "--from", str(tmp_path), "--out", str(out)).exception
    assert isinstance(error, UsageError), error
    assert "delivery.json" in str(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"huge file", "device"}])
def test_a_report_replaces_no_fifo_link_or_folder(script: Path, tmp_path: Path, kind: str) -> None:
    page = tmp_path / "page.html"
    put(page, kind)
    error = batch("report", str(script), "--out", str(page)).exception
    assert isinstance(error, UsageError), error
    assert KINDS[kind] in str(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "huge file"])
def test_a_file_is_never_put_in_the_place_of_something_else(tmp_path: Path, kind: str) -> None:
    odd = tmp_path / "x"
    put(odd, kind)
    before = identity(odd)
    with pytest.raises(NotRegularFileError, match="x is a"):
        replace_file(odd, b"content")
    assert identity(odd) == before
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_a_link_to_a_manifest_is_the_manifest_with_its_lock(tmp_path: Path) -> None:
    kept = tmp_path / "share" / "s.manifest.jsonl"
    kept.parent.mkdir()
    write_manifest(kept, {}, ())
    link = tmp_path / "s.manifest.jsonl"
    link.symlink_to(kept)
    with open_state(link) as state:
        assert state.manifest == kept
        refused = pytest.raises(Exception, match="another `chirp-worker batch` is running on this manifest")
        with refused, open_state(kept):
            pass
    assert sorted(each.name for each in kept.parent.iterdir()) == ["s.manifest.journal", "s.manifest.jsonl"]


def test_choices_are_written_where_their_link_leads(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.yaml", tmp_path / "s.csv.choices.yaml"
    kept.touch()
    link.symlink_to(kept)
    write_choices(link, {"a": Choice(2)})
    assert read_choices(kept) == read_choices(link) == {"a": Choice(2)}
    assert link.is_symlink()
    assert followed(link) == kept


@pytest.mark.parametrize("kind", ["FIFO", "dangling link", "huge file"])
def test_what_lies_in_the_place_of_the_journals_next_file_is_not_written_to(tmp_path: Path, kind: str) -> None:
    part = tmp_path / ".j.part"
    put(part, kind)
    journal = Journal(tmp_path / "j")
    journal.append(JournalEntry(unsent=("a",)))
    journal.replace([JournalEntry(unsent=("b",))])
    journal.append(JournalEntry(unsent=("c",)))
    assert [each.unsent for each in journal.read()] == [("b",), ("c",)]
    journal.close()
    assert [each.name for each in tmp_path.iterdir()] == ["j"]


def test_a_manifest_that_an_editor_saved_with_a_bom_windows_newlines_and_a_line_twice_is_read(tmp_path: Path) -> None:
    (planned,) = plan(line("a"))
    sent = next_job(planned, None)[1]
    manifest = tmp_path / "s.manifest.jsonl"
    write_manifest(manifest, {"a": build_entry(sent, done(sent.job_id, sent.key))}, ["a"])
    entries, row = read_manifest(manifest), manifest.read_bytes().strip()
    manifest.write_bytes(b"\xef\xbb\xbf" + row + b"\r\n" + row + b"\r\n\r\n")
    assert read_manifest(manifest) == entries


def test_a_journal_in_a_folder_that_takes_no_files_is_refused_with_the_way_on(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UsageError, match="Read-only file system; --manifest names another place for it"):
        Journal(script.with_name("s.csv.manifest.journal"))


@pytest.mark.parametrize("budget", ["nan", "-inf", "-0.000001", "much"])
def test_a_budget_that_is_no_sum_is_refused(script: Path, budget: str) -> None:
    ended = batch(str(script), "--dry-run", f"--budget={budget}")
    assert ended.exit_code == 2
    assert "--budget" in ended.output


@pytest.mark.parametrize("command", ["run", "deliver", "report"])
def test_a_file_in_the_place_of_an_audio_folder_is_refused_before_anything_is_done(
    script: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "audio"
    file.write_bytes(b"mine")
    options = {
        "run": ["--yes", "--download", str(file)],
        "deliver": ["--from", str(tmp_path), "--out", str(file)],
        "report": ["--download", str(file)],
    }
    result = CliRunner().invoke(app, ["batch", command, str(script), *options[command]])
    assert result.exit_code == 2
    assert "is a file" in " ".join(result.output.replace("│", " ").split())
    assert file.read_bytes() == b"mine"
    assert [each.name for each in tmp_path.iterdir() if "manifest" in each.name] == []


def test_a_delivery_from_a_folder_that_isnt_there_is_refused_at_once(script: Path, tmp_path: Path) -> None:
    ended = batch("deliver", str(script), "--from", str(tmp_path / "none"), "--out", str(tmp_path / "out"))
    assert ended.exit_code == 2
    assert "does not exist" in " ".join(ended.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
