"""A delivery: only what has changed is made, the same input gives the same bytes, and nobody's own file is lost."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import srt

from schemas.errors import UsageError
from tests.unit.batches import done, line, plan
from tests.unit.speech.test_sound_check import voice
from worker.batch.delivery.deliver import Delivery, DeliveryResult, TableMaker
from worker.batch.delivery.engines import TARGETS
from worker.batch.delivery.options import DeliveryOptions, Engine, Form, Mastering
from worker.batch.delivery.owned_files import locked
from worker.batch.delivery.subtitles import SubtitleForm, subtitle_tables
from worker.batch.entry import ManifestEntry, build_entry
from worker.batch.file_names import audio_path
from worker.batch.line_status import next_job

if TYPE_CHECKING:
    from pathlib import Path

    from worker.batch.scripts.model import Line

RATE = 24_000


def take(seconds: float, level: float = 0.3) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, voice(seconds, level, RATE), RATE, format="OGG", subtype="OPUS")
    return file.getvalue()


class Studio:
    """A folder of downloaded takes, the manifest's entries, and the deliveries."""

    def __init__(self, folder: Path) -> None:
        self.audio = folder / "audio"
        self.out = folder / "delivery"
        self.lines: dict[str, Line] = {}
        self.entries: dict[str, ManifestEntry] = {}

    def say(self, line_id: str, audio: bytes, scene: str | None = None, **fields: str) -> None:
        made = line(line_id, scene=scene, **{"character": "ghoul", "text": f"Line {line_id}.", **fields})
        sent = next_job(plan(made)[0], None)[1]
        entry = build_entry(sent, done(sent.job_id, sent.key))
        entry = entry.model_copy(update={"sha256": hashlib.sha256(audio).hexdigest()})
        path = self.audio / audio_path(entry.character, line_id, entry.encoding)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(audio)
        self.lines[line_id], self.entries[line_id] = made, entry

    def deliver(
        self,
        engine: Engine = Engine.FOLDER,
        form: Form | None = None,
        tables: tuple[TableMaker, ...] = (),
        script: str = "act1.csv",
        **more: object,
    ) -> DeliveryResult:
        target = TARGETS[engine]
        options = {"mastering": Mastering(), "template": target.template, **more}
        wanted = DeliveryOptions(engine, form or target.form, **options)
        makers = (target.tables, *tables)
        return Delivery(self.audio, self.out, wanted, makers, script=script).run(
            list(self.lines.values()), self.entries, lambda *_: None
        )

    def files(self) -> dict[str, bytes]:
        paths = (path for path in self.out.rglob("*") if path.is_file())
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path)
    made.say("a", take(1.0))
    made.say("b", take(1.5, 0.05), character="pip_boy", language="cmn-TW", text="今天的輻射值偏低。")
    return made


@pytest.mark.parametrize("form", Form)
def test_each_form_can_be_read_again_and_has_the_target_loudness(studio: Studio, form: Form) -> None:
    result = studio.deliver(form=form)
    assert result.problems == []
    assert sorted(result.files) == [f"cmn-TW/pip_boy/b.{form}", f"en-US/ghoul/a.{form}"]
    for name, file in result.files.items():
        assert file.lufs == pytest.approx(-23.0, abs=0.5)
        assert file.peak_dbtp is not None
        assert file.peak_dbtp < -1.0
        samples, rate = soundfile.read(studio.out / name)
        assert rate == 48_000
        assert len(samples) / rate == pytest.approx(file.seconds, abs=0.1)


@pytest.mark.parametrize("form", Form)
def test_the_same_input_gives_the_same_bytes(studio: Studio, form: Form) -> None:
    studio.deliver(form=form)
    first = studio.files()
    studio.out = studio.out.with_name("again")
    studio.deliver(form=form)
    assert studio.files() == first


def test_a_second_delivery_makes_only_what_has_changed(studio: Studio) -> None:
    assert len(studio.deliver().written) == 2
    before = studio.files()
    assert (len(studio.deliver().kept), studio.files()) == (2, before)
    studio.say("a", take(2.0))
    result = studio.deliver()
    assert (result.written, result.kept) == (["en-US/ghoul/a.wav"], ["cmn-TW/pip_boy/b.wav"])
    assert studio.files()["cmn-TW/pip_boy/b.wav"] == before["cmn-TW/pip_boy/b.wav"]
    assert len(studio.deliver(mastering=Mastering(target_lufs=-20.0)).written) == 2
    (studio.out / "en-US/ghoul/a.wav").unlink()
    assert studio.deliver(mastering=Mastering(target_lufs=-20.0)).written == ["en-US/ghoul/a.wav"]


def test_files_of_lines_that_left_the_script_are_named_until_they_may_be_deleted(studio: Studio) -> None:
    studio.deliver()
    del studio.lines["a"]
    assert studio.deliver().old == studio.deliver().old == ["en-US/ghoul/a.wav"]
    assert studio.deliver(delete=True).deleted == ["en-US/ghoul/a.wav"]
    assert "en-US/ghoul/a.wav" not in studio.files()
    assert studio.deliver().old == []


def test_what_somebody_else_wrote_or_changed_is_left_and_reported(studio: Studio) -> None:
    mine = studio.out / "en-US/ghoul/a.wav"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    (problem,) = studio.deliver().problems
    assert "was written or changed by somebody else, so it was left; move it away" in problem
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    studio.deliver()
    mine.write_bytes(b"edited")
    studio.say("a", take(2.0))
    assert studio.deliver(delete=True).problems != []
    assert mine.read_bytes() == b"edited"


def test_originals_that_are_missing_or_others_are_reported_and_the_rest_is_delivered(studio: Studio) -> None:
    (studio.audio / "ghoul/a.ogg").write_bytes(b"another")
    result = studio.deliver()
    assert result.written == ["cmn-TW/pip_boy/b.wav"]
    assert "isn't the line's take; `batch --download" in result.problems[0]


def test_two_lines_with_one_name_are_refused_before_anything_is_written(studio: Studio) -> None:
    studio.say("A", take(0.5), character="ghoul")
    with pytest.raises(UsageError, match="would get one file"):
        studio.deliver()
    assert not studio.out.exists()


def test_a_silent_take_is_delivered_as_silence(studio: Studio) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(RATE, dtype=np.float32), RATE, format="OGG", subtype="OPUS")
    studio.say("c", file.getvalue())
    assert studio.deliver().files["en-US/ghoul/c.wav"].lufs is None


def test_each_engine_gets_its_table(studio: Studio) -> None:
    texts = {}
    for engine in Engine:
        studio.out = studio.out.with_name(engine.value)
        assert studio.deliver(engine).problems == []
        texts |= {
            (engine, name): content.decode()
            for name, content in studio.files().items()
            if not name.endswith((".wav", ".ogg", "delivery.json"))
        }
    assert texts[Engine.FOLDER, "lines.csv"].startswith(
        "id,file,character,language,text,seconds\na,en-US/ghoul/a.wav,ghoul,en-US,Line a.,"
    )
    assert "a,en-US/ghoul/a,ghoul,en-US,Line a.," in texts[Engine.UNITY, "voice_lines.csv"]
    assert "b,res://voice/cmn-TW/pip_boy/b.ogg,pip_boy,cmn_TW," in texts[Engine.GODOT, "voice_lines.csv"]
    assert "a,/Script/Engine.SoundWave'/Game/Voice/en-US/ghoul/a.a',ghoul," in texts[Engine.UNREAL, "voice_lines.csv"]
    assert texts[Engine.WWISE, "wwise-en-US.txt"] == (
        "Audio File\tObject Path\tObject Type\tNotes\n"
        "en-US\\ghoul\\a.wav\t<Virtual Folder>ghoul\\a\tSound Voice\tLine a.\n"
    )
    assert texts[Engine.FMOD, "cmn-TW/keys.txt"] == "b, pip_boy/b.wav\n"
    assert 'define config.auto_voice = "{id}.ogg"' in texts[Engine.RENPY, "voice.rpy"]


def _subtitled(studio: Studio, gap_ms: int = 0) -> DeliveryResult:
    return studio.deliver(tables=(partial(subtitle_tables, forms=tuple(SubtitleForm), gap_ms=gap_ms),))


def test_subtitles_are_made_by_scene_and_language_and_again_only_where_their_lines_have_changed(studio: Studio) -> None:
    studio.say("c", take(1.0), scene="Gate")
    studio.say("d", take(0.5), scene="Gate")
    assert _subtitled(studio, 250).problems == []
    before = studio.files()
    names = ["subtitles/cmn-TW/no-scene", "subtitles/en-US/Gate", "subtitles/en-US/no-scene"]
    written = [name for name in before if name.startswith("subtitles/")]
    assert sorted(written) == [f"{name}.{form}" for name in names for form in SubtitleForm]
    first, second = srt.parse(before["subtitles/en-US/Gate.srt"].decode())
    seconds = {name: file.seconds for name, file in _subtitled(studio, 250).files.items()}
    assert first.end.total_seconds() == pytest.approx(seconds["en-US/ghoul/c.wav"], abs=0.001)
    assert (second.start - first.end).total_seconds() == pytest.approx(0.25)
    assert (second.end - second.start).total_seconds() == pytest.approx(seconds["en-US/ghoul/d.wav"], abs=0.001)

    studio.say("b", take(0.7), character="pip_boy", language="cmn-TW", text="別的。")
    assert _subtitled(studio, 250).written == ["cmn-TW/pip_boy/b.wav"]
    changed = {name for name, content in studio.files().items() if before[name] != content}
    assert changed == {
        "cmn-TW/pip_boy/b.wav", "delivery.json", "lines.csv",
        "subtitles/cmn-TW/no-scene.srt", "subtitles/cmn-TW/no-scene.vtt",
    }  # fmt: skip
    studio.say("c", take(2.0), scene="Gate")
    _subtitled(studio, 250)
    assert list(srt.parse(studio.files()["subtitles/en-US/Gate.srt"].decode()))[1].start > second.start


def test_subtitles_that_are_asked_for_no_more_are_old_files_and_an_edited_one_is_left(studio: Studio) -> None:
    _subtitled(studio)
    edited = studio.out / "subtitles/en-US/no-scene.srt"
    edited.write_bytes(b"mine")
    (problem,) = _subtitled(studio).problems
    assert "no-scene.srt was written or changed by somebody else" in problem
    assert edited.read_bytes() == b"mine"
    assert studio.deliver(delete=True).deleted == [
        "subtitles/cmn-TW/no-scene.srt", "subtitles/cmn-TW/no-scene.vtt", "subtitles/en-US/no-scene.vtt",
    ]  # fmt: skip


def test_two_deliveries_into_one_folder_at_once_are_refused(studio: Studio) -> None:
    studio.deliver()
    before = studio.files()
    with locked(studio.out), pytest.raises(UsageError, match="another `batch deliver` writes into this folder"):
        studio.deliver()
    assert studio.files() == before
    assert studio.deliver().problems == []


def test_a_record_that_isnt_one_is_refused_and_nothing_is_overwritten(studio: Studio) -> None:
    studio.deliver()
    (studio.out / "delivery.json").write_text(json.dumps({"files": {"a": {}}}))
    with pytest.raises(UsageError, match=r"delivery.json: files.a.sha256: is no record of a delivery"):
        studio.deliver()


def test_a_folder_has_the_delivery_of_one_script(studio: Studio) -> None:
    studio.deliver()
    before = studio.files()
    del studio.lines["b"]
    with pytest.raises(UsageError, match=r"has the delivery of 'act1\.csv': deliver 'act2\.csv' into another"):
        studio.deliver(script="act2.csv", delete=True)
    assert studio.files() == before


@pytest.mark.parametrize("name", ["../precious.wav", "/precious.wav", "a/../../precious.wav", ""])
def test_a_record_that_names_a_file_outside_of_its_folder_is_refused(studio: Studio, name: str) -> None:
    studio.deliver()
    precious = studio.out.parent / "precious.wav"
    precious.write_bytes(b"mine")
    record = studio.out / "delivery.json"
    digest = hashlib.sha256(b"mine").hexdigest()
    record.write_text(json.dumps({"script": "act1.csv", "files": {name: {"sha256": digest}}}), encoding="utf-8")
    with pytest.raises(UsageError, match="is no path within the delivery"):
        studio.deliver(delete=True)
    assert precious.read_bytes() == b"mine"


def test_what_a_killed_delivery_has_written_and_not_recorded_is_kept_and_anybody_elses_file_is_not(
    studio: Studio,
) -> None:
    studio.deliver()
    before = studio.files()
    (studio.out / "delivery.json").unlink()
    result = studio.deliver()
    assert (result.problems, result.written, len(result.kept)) == ([], [], 2)
    assert studio.files() == before
    (studio.out / "delivery.json").unlink()
    (studio.out / "en-US/ghoul/a.wav").write_bytes(b"mine")
    problem = studio.deliver().problems[0]
    assert problem.startswith("a: ")
    assert "was written or changed by somebody else" in problem
    assert (studio.out / "en-US/ghoul/a.wav").read_bytes() == b"mine"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_ends_the_delivery_with_the_files_name_and_it_goes_on_later(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            studio.deliver()
    assert str(studio.out) in caught.value.filename
    assert ".part" not in caught.value.filename
    assert studio.files() == {}
    assert studio.deliver().problems == []


def test_a_scene_of_any_length_is_a_name_and_scenes_that_differ_at_their_end_stay_apart(studio: Studio) -> None:
    long = "夜" * 256
    studio.say("c", take(0.5), scene=f"{long[:-1]}一")
    studio.say("d", take(0.5), scene=f"{long[:-1]}二")
    result = studio.deliver(
        template="{scene}/{id}.{ext}", tables=(partial(subtitle_tables, forms=(SubtitleForm.SRT,), gap_ms=0),)
    )
    assert result.problems == []
    folders = {name.split("/")[0] for name in result.files} - {"no-scene"}
    assert len(folders) == 2
    assert all(len(folder.encode()) <= 255 for folder in folders)
    assert sum(name.endswith(".srt") for name in result.tables) == 4
