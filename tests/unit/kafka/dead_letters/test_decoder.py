"""Dead letters as an operator filters, sees and replays them: the parts without Kafka."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import headers as names
from schemas.completion import Problem
from schemas.enums import Lane
from schemas.errors import UsageError
from schemas.headers import letter_id
from schemas.job import Job
from schemas.parsing import parse_job
from schemas.topics import LANE_RECORD_BYTES
from tests.unit.makers import CATALOGUE, fields, good_documents
from worker.cli.views.dead_letters import json_row, plan_rows, stats_rows, table_row, whole_json, whole_table
from worker.jobs.outcome import History
from worker.kafka.consumer.record import Record
from worker.kafka.dead_letters.decoder import DeadLetter, DeadLetterFold, is_marker, read_letter
from worker.kafka.dead_letters.edit import Edit, apply_edits
from worker.kafka.dead_letters.encoder import build_dead_letter
from worker.kafka.dead_letters.filter import LetterFilter, check_ids, parse_time
from worker.kafka.dead_letters.replay_plan import ReplayRequest, marker_headers, plan_replay, split_into_transactions

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class Raw:
    """What the module reads of an aiokafka `ConsumerRecord`."""

    value: bytes | None = b"{}"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    key: bytes | None = b"key"
    topic: str = "tts.dead-letters"
    partition: int = 0
    offset: int = 0
    timestamp: int | None = field(default_factory=lambda: int(NOW.timestamp() * 1000))


def written(number: int = 0, value: bytes | None = None, *, own=(), cls: str = "bad_input", **changes) -> Raw:
    """A letter's record as the worker writes it."""
    document = json.dumps(fields(job_id=f"job-{number}")).encode() if value is None else value
    record = Record(changes.pop("lane", Lane.DIALOGUE), "tts.dialogue", 3, number, b"key", document, list(own))
    history = History("tts.dialogue", 3, number, 1234, NOW.isoformat(), 2)
    problem = Problem(failure_class=cls, code="CODE", message=f"letter {number} is Wrong", field="text")
    letter = build_dead_letter(record, problem, history, (), changes.pop("time", NOW))
    return Raw(letter.value, tuple(letter.headers), letter.key, offset=number, **changes)


def letter(number: int = 0, **changes) -> DeadLetter:
    return read_letter(written(number, **changes), "tts")


def marker(letter_id: str, number: int = 1, time: datetime = NOW) -> Raw:
    headers = (
        (names.REPLAYED_ID, letter_id.encode()),
        (names.REPLAY_NUMBER, str(number).encode()),
        (names.REPLAYED_TIME, time.isoformat().encode()),
    )
    return Raw(None, headers, letter_id.encode())


def folded(*records: Raw, keep=lambda _: True, values: bool = True) -> list[DeadLetter]:
    letters = DeadLetterFold("tts", keep, values=values)
    for record in records:
        letters.add(record)
    return letters.letters()


# Decoding


def test_a_letter_has_all_that_the_worker_wrote():
    read = letter(7, own=[("trace", b"1"), ("replay-number", b"2")], cls="timeout")
    assert (read.id, read.lane) == (letter_id("tts.dialogue", 3, 7), Lane.DIALOGUE)
    assert (read.topic, read.partition, read.offset, read.tries) == ("tts.dialogue", 3, 7, 3)
    assert (read.failure_class, read.code, read.field) == ("timeout", "CODE", "text")
    assert (read.time, read.first_seen, read.truncated) == (NOW, NOW, False)
    assert (read.job_id, read.character) == ("job-7", "pip_boy")
    assert read.headers == [("trace", b"1"), ("replay-number", b"2")]


def test_an_older_letter_has_the_id_of_its_origin_and_the_lane_of_its_topic():
    headers = (("dead-letter-topic", b"mine.batch"), ("dead-letter-partition", b"3"), ("dead-letter-offset", b"7"))
    read = read_letter(Raw(headers=headers), "mine")
    assert (read.id, read.lane, read.tries) == (letter_id("mine.batch", 3, 7), Lane.BATCH, None)


def test_a_record_without_any_of_the_headers_is_a_letter_all_the_same():
    read = read_letter(Raw(None, offset=9), "tts")
    assert read.id == letter_id("tts.dead-letters", 0, 9)
    assert (read.lane, read.failure_class, read.time, read.size) == (None, "", NOW, 0)


HEADER_NAMES = st.sampled_from(sorted(names.LETTER_HEADERS | names.REPLAY_HEADERS)) | st.text()
RECORDS = st.builds(
    Raw,
    value=st.none() | st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()),
    headers=st.lists(st.tuples(HEADER_NAMES, st.none() | st.binary() | st.just(b"99999999999999999999"))).map(tuple),
    key=st.none() | st.binary(),
    timestamp=st.none() | st.integers(-(2**63), 2**63 - 1),
)


@given(st.lists(RECORDS, max_size=5))
def test_whatever_stands_in_the_topic_is_listed_shown_counted_and_planned(records: list[Raw]):
    letters = folded(*records)
    assert len(letters) <= len(records)
    rows = [[view(each) for each in letters] for view in (json_row, whole_json)]
    json.dumps(rows, ensure_ascii=False).encode()
    shown = [[view(each) for each in letters] for view in (table_row, whole_table)]
    assert "\x1b" not in str(shown)
    json.dumps([*shown, stats_rows(letters)], ensure_ascii=False).encode()
    plan = plan_replay(letters, ReplayRequest())
    assert len(plan.items) + plan.replayed_before + plan.truncated + plan.no_lane == len(letters)
    json.dumps(plan_rows(plan)).encode()


@pytest.mark.parametrize(
    "value", [b'{"job_id": "\\ud800"}', b"[" * 100_000, b"1" * 5000, b"\xff", b'{"job_id": 1}', b"null", None]
)
def test_a_value_that_is_no_job_has_no_job_id_or_a_printable_one(value: bytes | None):
    read = read_letter(Raw(value), "tts")
    assert read.job_id in {None, "\\ud800"}


def test_a_letter_written_twice_is_one_and_the_last_wins():
    later = written(1, cls="timeout", partition=2, timestamp=2 * 10**12)
    for order in ([written(1), later], [later, written(1)]):
        (read,) = folded(*order)
        assert read.failure_class == "timeout"
    # The last wins even where it isn't wanted.
    assert folded(written(1), later, keep=lambda each: each.failure_class == "bad_input") == []


def test_markers_are_counted_and_the_highest_number_and_last_time_kept():
    later = NOW + timedelta(hours=1)
    first, second = folded(marker(letter(1).id, 4, later), written(1), written(2), marker(letter(1).id, 3))
    assert (first.replays.times, first.replays.last, first.replays.number) == (2, later, 4)
    assert second.replays.times == 0


def test_a_letter_whose_producer_chose_a_markers_header_is_no_marker():
    raw = written(1)
    hostile = replace(raw, value=None, headers=(*raw.headers, (names.REPLAYED_ID, b"00")))
    assert not is_marker(hostile.value, list(hostile.headers))
    assert len(folded(hostile)) == 1


def test_letters_are_oldest_first_and_without_values_unless_these_are_requested():
    read = folded(written(1, time=NOW + timedelta(seconds=1)), written(2), values=False)
    assert [each.job_id for each in read] == ["job-2", "job-1"]
    assert all(each.value is None and each.size > 50 for each in read)


# Filtering


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (LetterFilter(), True),
        (LetterFilter(character="pip_boy"), True),
        (LetterFilter(character="ghoul"), False),
        (LetterFilter(failure_class="bad_input"), True),
        (LetterFilter(failure_class="bad"), False),
        (LetterFilter(lane=Lane.DIALOGUE), True),
        (LetterFilter(lane=Lane.BATCH), False),
        (LetterFilter(since=NOW), True),
        (LetterFilter(until=NOW), False),
        (LetterFilter(since=NOW + timedelta(seconds=1)), False),
        (LetterFilter(until=NOW + timedelta(seconds=1)), True),
        (LetterFilter(text="IS wrong"), True),
        (LetterFilter(text="fine"), False),
        (LetterFilter(ids=("zz", letter(1).id[:6])), True),
        (LetterFilter(ids=("zz",)), False),
        (LetterFilter(replayed=False), True),
        (LetterFilter(replayed=True), False),
        (LetterFilter(character="pip_boy", text="fine"), False),
    ],
)
def test_a_letter_must_meet_all_conditions_of_a_filter(wanted: LetterFilter, matches: bool):
    assert wanted.matches(letter(1)) is matches


def test_a_filter_narrows_only_by_a_condition_besides_not_replayed():
    assert not LetterFilter().narrows
    assert not LetterFilter(replayed=False).narrows
    assert LetterFilter(replayed=True).narrows
    assert LetterFilter(ids=("a",), replayed=False).narrows


def test_times_are_rfc_3339_or_ages():
    assert parse_time("--since", "2h", NOW) == NOW - timedelta(hours=2)
    assert parse_time("--since", "3d", NOW) == NOW - timedelta(days=3)
    assert parse_time("--since", "2026-01-31T12:00:00Z", NOW) == NOW
    assert parse_time("--since", "2026-01-31T20:00:00+08:00", NOW) == NOW


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2 h", "2026-01-31", "2026-01-31T12:00:00", "999999999d", "٢h"])
def test_an_invalid_time_is_refused_with_the_options_name(text: str):
    with pytest.raises(UsageError, match=r"^--until '.*': allowed is an RFC 3339 time"):
        parse_time("--until", text, NOW)


def test_an_id_must_match_one_letter():
    letters = [replace(letter(1), id=each) for each in ("abcd1", "abcd", "abce")]
    check_ids(letters, ("abcd1", "abcd", "abce"))
    with pytest.raises(UsageError, match="3 dead letters have ids that begin with it"):
        check_ids(letters, ("abc",))
    with pytest.raises(UsageError, match="no such dead letter"):
        check_ids(letters, ("b",))


# Editing


def no_check(_: Job) -> None:
    return None


def edit(*texts: str, limit: int = 1000, check=no_check, **document) -> dict:
    edits = [Edit.parse(each) for each in texts]
    return json.loads(apply_edits(json.dumps(fields(**document)).encode(), edits, limit, check))


def test_an_edit_sets_nests_replaces_and_removes():
    assert edit("character=ghoul")["character"] == "ghoul"
    assert edit("take=3", text="x")["take"] == 3
    assert edit("text=2 = 2")["text"] == "2 = 2"
    assert edit('text="5"')["text"] == "5"
    assert edit("audio.encoding=MP3")["audio"] == {"encoding": "MP3"}
    assert edit("audio.encoding=MP3", audio={"sample_rate": 48000})["audio"] == {
        "encoding": "MP3",
        "sample_rate": 48000,
    }
    assert "deadline" not in edit("deadline=", deadline="2020-01-01T00:00:00Z")
    assert edit("audio.encoding=", "user_id=") == fields()
    pronunciations = [{"phrase": "a", "phonetic": "b", "alphabet": "sampa"}]
    assert (
        edit("pronunciations.0.alphabet=x-sampa", pronunciations=pronunciations)["pronunciations"][0]["alphabet"]
        == "x-sampa"
    )
    assert edit("pronunciations.0=", pronunciations=pronunciations)["pronunciations"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("audio.encoding=WMA", "audio.encoding: 'WMA': Input should be 'OGG_OPUS'"),
        ("speaking_rate=NaN", "speaking_rate: 'NaN': "),
        ("speaking_rate=9", "speaking_rate: 9: Input should be less than or equal to 2"),
        ("pitsch=1", "pitsch: 'pitsch' is not a field of a job; the nearest is pitch"),
        ("text=", "text: exactly one of text and ssml must be there"),
        ('text="\\ud800"', "text: holds the character U\\+D800"),
        ("text.a=1", "text: has no fields of its own"),
        ("pronunciations.1.phrase=x", "pronunciations.1.phrase: '1' is none of the 0 places"),
        ("pronunciations.x=1", "pronunciations.x: 'x' is none of the 0 places"),
        ("character=nobody", "character: 'nobody' is unknown"),
    ],
)
def test_an_edit_that_makes_no_job_is_refused_by_field_value_and_what_is_allowed(text: str, message: str):
    with pytest.raises(UsageError, match=f"^{message}"):
        edit(text, check=CATALOGUE.admit, pronunciations=[])


@pytest.mark.parametrize("text", ["", "text", "=1", "a..b=1", ".a=1"])
def test_what_is_no_edit_is_refused(text: str):
    with pytest.raises(UsageError, match="allowed is field=value"):
        Edit.parse(text)


@pytest.mark.parametrize("value", [None, b"", b"no json", b"[]", b"\xff", b"[" * 100_000])
def test_a_value_that_is_no_json_object_cannot_be_edited(value: bytes | None):
    with pytest.raises(UsageError, match="is no JSON object"):
        apply_edits(value, [Edit.parse("take=2")], 1000, no_check)


@given(good_documents(), st.text(min_size=1).filter(lambda text: "\x00" not in text), st.integers(1, 9))
def test_an_edit_changes_its_field_and_nothing_else(document: dict, label: str, take: int):
    value = json.dumps(document).encode()
    before = parse_job(value)
    after = parse_job(apply_edits(value, [Edit.parse(f"take={take}")], 50_000, no_check))
    assert after == before.model_copy(update={"take": take})
    # Any text comes through as text.
    (there,) = edit_free(label).values()
    assert there == label


def edit_free(label: str) -> dict:
    document: dict = {}
    Edit.parse(f"labels.x={json.dumps(label)}").apply(document)
    return document["labels"]


# Planning


def test_a_plan_keeps_key_value_and_the_producers_headers():
    own = [("trace", b"1"), ("none", None), ("replay-of", b"x"), ("replay-number", b"4")]
    (item,) = plan_replay([letter(1, own=own)], ReplayRequest()).items
    assert (item.letter.key, item.value, item.lane) == (b"key", written(1).value, Lane.DIALOGUE)
    assert item.headers == [
        ("trace", b"1"),
        ("none", None),
        ("replay-number", b"5"),
        ("replay-of", letter(1).id.encode()),
    ]


def test_replays_are_numbered_above_what_the_record_and_the_markers_say():
    (replayed,) = folded(written(1, own=[("replay-number", b"2")]), marker(letter(1).id, 7))
    assert plan_replay([replayed], ReplayRequest()).items == ()
    assert plan_replay([replayed], ReplayRequest()).replayed_before == 1
    (item,) = plan_replay([replayed], ReplayRequest(again=True)).items
    assert item.number == 8
    assert dict(marker_headers(item, NOW)) == {
        names.REPLAYED_ID: replayed.id.encode(),
        names.REPLAY_NUMBER: b"8",
        names.REPLAYED_TIME: NOW.isoformat().encode(),
    }


def test_what_cannot_be_replayed_is_left_out_and_counted_and_is_not_part_of_the_limit():
    large = letter(9, value=bytes(LANE_RECORD_BYTES))
    cut = letter(8, value=bytes(3 * 2**20))
    lost = replace(letter(7), lane=None)
    plan = plan_replay([large, cut, lost, letter(1), letter(2), letter(3)], ReplayRequest(limit=2))
    assert [item.letter.job_id for item in plan.items] == ["job-1", "job-2"]
    assert (plan.too_large, plan.truncated, plan.no_lane, plan.replayed_before) == (1, 1, 1, 0)
    assert "--to-lane" in plan.left_out_summary
    assert {item.lane for item in plan_replay([lost, letter(1)], ReplayRequest(to_lane=Lane.BATCH)).items} == {
        Lane.BATCH
    }


def test_a_record_of_nothing_is_sent_as_an_empty_one():
    (item,) = plan_replay([replace(letter(1), key=None, value=None)], ReplayRequest()).items
    assert item.value == b""


def test_an_edit_that_fails_for_one_letter_refuses_all_and_names_it():
    request = ReplayRequest(edits=(Edit.parse("take=2"),), max_text_bytes=1000)
    assert json.loads(plan_replay([letter(1)], request).items[0].value)["take"] == 2
    with pytest.raises(UsageError, match=f"^dead letter {letter(2).id}: record: is no JSON object"):
        plan_replay([letter(1), letter(2, value=b"rubbish")], request)


@given(st.integers(0, 250), st.none() | st.floats(0.01, 1000))
def test_transactions_hold_all_items_in_order_and_about_a_second_each(count: int, rate: float | None):
    items = plan_replay([letter(1)], ReplayRequest()).items * count
    numbered = [replace(item, number=number) for number, item in enumerate(items)]
    cut = list(split_into_transactions(numbered, rate))
    assert [item for group in cut for item in group] == numbered
    assert all(1 <= len(group) <= min(100, max(1, rate or 100)) for group in cut)


def test_a_transaction_is_bounded_by_its_bytes_too():
    (item,) = plan_replay([letter(1, value=bytes(2**20))], ReplayRequest()).items
    assert [len(group) for group in split_into_transactions([item] * 20, None)] == [7, 7, 6]


# Showing


def test_stats_count_by_class_code_lane_and_character():
    letters = [letter(1, time=NOW - timedelta(hours=1)), letter(2), letter(3, cls="timeout", lane=Lane.BATCH)]
    rows = {(row["by"], row["name"]): row for row in stats_rows(letters)}
    assert rows["all", ""]["letters"] == 3
    assert rows["class", "bad_input"]["letters"] == 2
    assert rows["class", "bad_input"]["first"] == "2026-01-31T11:00:00Z"
    assert rows["class", "bad_input"]["last"] == "2026-01-31T12:00:00Z"
    assert rows["lane", "batch"]["letters"] == rows["class", "timeout"]["letters"] == 1
    assert rows["character", "pip_boy"]["letters"] == rows["code", "CODE"]["letters"] == 3
    assert stats_rows([]) == []


def test_a_huge_value_is_shortened_in_the_table_and_whole_in_json():
    read = letter(1, value=b"x" * 10_000)
    assert "(10,000 characters; --json has all)" in str(whole_table(read)["value"])
    assert whole_json(read)["value"] == "x" * 10_000


def test_attempts_are_shown_one_a_line_and_invalid_ones_unchanged():
    attempt = {
        "id": "a", "voice_model": "wavenet", "voice": "en-US-Wavenet-B", "result": "error", "failure_class": "timeout",
        "code": "DEADLINE_EXCEEDED", "message": "too\x1b[31m slow", "calls": 2, "seconds": 1.5, "billed_characters": 5,
        "ended_at": "2026-01-31T12:00:00Z",
    }  # fmt: skip
    shown = whole_table(replace(letter(1), attempts=json.dumps([attempt])))
    assert shown["attempts"] == (
        "2026-01-31T12:00:00Z en-US-Wavenet-B error timeout DEADLINE_EXCEEDED, 2 calls, 1.50 s  too\\x1b[31m slow"
    )
    assert whole_json(replace(letter(1), attempts="rubbish"))["attempts"] == ["rubbish"]
