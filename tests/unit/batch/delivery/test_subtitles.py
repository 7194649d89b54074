"""Subtitles: kept parsers and our own importer read back the same lines, whatever their texts are."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.batches import line
from worker.batch.delivery.model import DeliveredLine
from worker.batch.delivery.subtitles import SubtitleForm, subtitle_tables
from worker.batch.scripts.model import Finding
from worker.batch.scripts.tables.reader import read_tables

if TYPE_CHECKING:
    from worker.batch.delivery.model import Table

HOSTILE = (
    "It ends --> here.",
    "00:00:01,000 --> 00:00:02,000",
    "1\n00:00:00,000 --> 00:00:09,000\n\nTwo.",
    "a < b & c > d &amp; &lt;",
    "<- not a tag, nor < v Tom >a voice< /v >",
    "One.\n\n\n2\r\nNOTE three",
    "\u2028WEBVTT\x85 STYLE",
    "  blanks\t around  ",
    "42",
)


def spoken(number: int, text: str, **fields: str) -> DeliveredLine:
    scene = fields.pop("scene", "gate")
    made = line(f"line-{number}", scene=scene, **{"text": text, "character": "ghoul", **fields})
    return DeliveredLine(made, f"{number}.wav", number + 0.5)


def tables(lines: list[DeliveredLine], form: SubtitleForm, gap_ms: int = 0) -> dict[str, str]:
    made: list[Table] = list(subtitle_tables(lines, [form], gap_ms))
    assert len({each.name for each in made}) == len(made)
    return {each.name: each.content.decode() for each in made}


def is_allowed(text: str) -> bool:
    try:
        return bool(line("line-1", text=text))
    except ValidationError:
        # A text with elements, pause marks that don't exist, or control characters is no job's.
        return False


texts = (
    st.one_of(
        st.sampled_from(HOSTILE),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60),
        st.lists(st.sampled_from(["-->", "\n", "<", ">", "&", "1", "00:00:01,000", "a", " "]), min_size=1).map("".join),
    )
    .map(lambda text: f"x{text}")
    .filter(is_allowed)
)


@given(st.lists(texts, min_size=1, max_size=5))
def test_srt_is_read_back_as_the_same_cues(said: list[str]) -> None:
    lines = [spoken(number, text) for number, text in enumerate(said)]
    (written,) = tables(lines, SubtitleForm.SRT, 100).values()
    cues = list(srt.parse(written))
    assert [cue.content for cue in cues] == [each.caption.replace("-->", "→") for each in lines]
    assert [cue.index for cue in cues] == list(range(1, len(lines) + 1))
    assert all(after.start - before.end == timedelta(milliseconds=100) for before, after in pairwise(cues))
    assert sum(" --> " in row for row in written.splitlines()) == len(lines)


@given(st.lists(texts, min_size=1, max_size=5))
def test_webvtt_is_read_back_as_the_same_cues(said: list[str]) -> None:
    lines = [spoken(number, text) for number, text in enumerate(said)]
    (written,) = tables(lines, SubtitleForm.VTT).values()
    cues = webvtt.from_string(written).captions
    assert [(cue.identifier, cue.voice) for cue in cues] == [(each.id, "ghoul") for each in lines]
    (table,) = read_tables(written.encode(), "gate.vtt", ".vtt", lambda _: True, None)
    rows = [row for row in table.rows if not isinstance(row, Finding)]
    assert [(row.fields["character"], row.fields["text"]) for row in rows] == [
        ("ghoul", each.caption) for each in lines
    ]


@pytest.mark.parametrize("form", SubtitleForm)
def test_times_are_those_of_the_files_one_after_the_other(form: SubtitleForm) -> None:
    (written,) = tables([spoken(0, "One."), spoken(3661, "Two.")], form, 1500).values()
    mark = "," if form is SubtitleForm.SRT else "."
    assert f"00:00:00{mark}000 --> 00:00:00{mark}500" in written
    assert f"00:00:02{mark}000 --> 01:01:03{mark}500" in written


def test_pause_marks_and_ssml_are_not_shown() -> None:
    ssml = '<speak>A <break time="1s"/><emphasis>door</emphasis>.</speak>'
    lines = [
        spoken(0, "Careful. [pause] A step [pause long] is missing."),
        DeliveredLine(line("line-1", scene="gate", ssml=ssml, text=None), "1.wav", 2.0),
    ]
    (written,) = tables(lines, SubtitleForm.SRT).values()
    assert [cue.content for cue in srt.parse(written)] == ["Careful. A step is missing.", "A door."]


def test_scenes_and_languages_have_files_of_their_own_also_where_their_names_collide() -> None:
    lines = [
        spoken(1, "a", scene="Act 1: Gate"),
        spoken(2, "b", scene="Act 1? Gate"),
        spoken(3, "c", scene="act 1_ gate"),
        spoken(4, "d", scene="../../etc"),
        spoken(5, "e", scene="Act 1: Gate", language="cmn-TW"),
    ]
    names = list(tables(lines, SubtitleForm.VTT))
    assert len(names) == 5
    assert all(name.count("/") == 2 and "/../" not in name for name in names)
    assert len({name.casefold() for name in names}) == 5
