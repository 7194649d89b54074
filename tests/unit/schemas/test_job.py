"""A record is a job, or an InvalidJobError that names the field: never anything else."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from schemas.field_types import MAX_TEXT_BYTES
from schemas.job import Job
from schemas.parsing import InvalidJobError, parse_job
from schemas.ssml import ELEMENTS, MAX_SSML_BYTES, MAX_SSML_DEPTH, check_ssml
from schemas.text_markup import PAUSES, check_markup
from tests.unit.makers import fields, good_documents

FUZZ = settings(max_examples=150, deadline=None)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def refused(value: bytes | dict[str, Any] | None, **limits: Any) -> InvalidJobError:
    with pytest.raises(InvalidJobError) as caught:
        parse_job(encoded(value) if isinstance(value, dict) else value, **limits)
    caught.value.field.encode()
    caught.value.message.encode()
    assert caught.value.field
    assert caught.value.message
    return caught.value


def test_a_job_of_three_fields_gets_the_documented_defaults() -> None:
    job = parse_job(encoded(fields()))
    assert (job.language, job.take, job.labels, job.volume_gain_db) == ("en-US", 1, {}, 0.0)
    assert (job.audio.encoding, job.audio.sample_rate) == (AudioEncoding.OGG_OPUS, 24000)
    assert job.user_id is job.rollout_key is job.voice is job.pitch is job.speaking_rate is job.deadline is None


@FUZZ
@given(good_documents())
def test_every_valid_document_is_a_job_and_survives_a_round_trip_through_json(document: dict[str, Any]) -> None:
    job = parse_job(encoded(document))
    assert parse_job(job.model_dump_json(exclude_none=True).encode()) == job


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"not json", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        ('{"job_id": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'{"job_id": "a"', "not JSON"),
        (b"[" * 200_000, "nested"),
        (b'{"a":' * 200_000, "nested"),
        (b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested"),
        (b"[]", "list"),
        (b'"job"', "str"),
        (b"null", "None"),
        (b"1", "int"),
        (b"\x03\x00" + bytes(16) + b"{}", "AWS Glue"),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (b"\xac\xed\x00\x05t", "Java"),
        (b"{}{}", "not JSON"),
    ],
)
def test_a_value_that_is_no_json_object_is_rejected_as_a_record(value: bytes | None, says: str) -> None:
    error = refused(value)
    assert error.field == "record"
    assert error.job_id is None
    assert says in error.message


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "9" * 5_000, "9" * 65, "1e400", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["take", "pitch", "speaking_rate", "volume_gain_db", "text", "user_id", "other"])
def test_a_number_that_no_field_allows_is_an_error_of_its_field(field: str, number: str) -> None:
    document = {**fields(), field: 1}
    error = refused(json.dumps(document).replace(f'"{field}": 1', f'"{field}": {number}').encode())
    assert error.field == field
    assert error.job_id == document["job_id"]


@pytest.mark.parametrize("field", ["job_id", "character"])
def test_a_missing_field_is_named(field: str) -> None:
    error = refused(fields(**{field: None}))
    assert error.field == field
    assert "required" in error.message


@pytest.mark.parametrize(
    "job_id",
    [
        "",
        "../x",
        "a/b",
        "-a",
        ".a",
        "a b",
        "a\n",
        "\na",
        "a\x00",
        "\ud800",
        "ä",
        "a" * 129,
        1,
        True,
        None,
        [],
        {"a": 1},
    ],
)
def test_an_invalid_job_id_is_named_and_never_passed_on(job_id: Any) -> None:
    error = refused({**fields(), "job_id": job_id})
    assert error.field == "job_id"
    assert error.job_id is None


@pytest.mark.parametrize("job_id", ["a", "A9", "scene-1:line.2@x=+_", "a" * 128])
def test_a_usable_job_id_is_kept_for_the_failed_completion(job_id: str) -> None:
    assert refused(fields(job_id=job_id, take=0)).job_id == job_id


STRINGS = ("character", "text", "ssml", "language", "user_id", "rollout_key", "voice", "deadline")


@pytest.mark.parametrize("field", STRINGS)
@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["a"]])
def test_another_type_is_rejected_where_a_string_belongs(field: str, value: Any) -> None:
    document = fields(**{field: value})
    if field == "ssml":
        del document["text"]
    assert refused(document).field == field


@pytest.mark.parametrize("field", STRINGS)
@pytest.mark.parametrize("value", ["\ud800", "word \udfff word", "\x00", "word\x07", "\x9f", "\x7f", "\uffff"])
def test_surrogates_and_control_characters_are_refused_in_every_string(field: str, value: str) -> None:
    document = fields(**{field: value})
    if field == "ssml":
        document["ssml"] = f"<speak>{value}</speak>"
        del document["text"]
    assert refused(document).field == field


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"labels": {"key": "\ud800"}}, "labels"),
        ({"labels": {"\ud800": "value"}}, "labels"),
        ({"labels": {"key": "\x00"}}, "labels"),
        ({"pronunciations": [{"phrase": "\ud800", "phonetic": "x"}]}, "pronunciations.0.phrase"),
        ({"pronunciations": [{"phrase": "x", "phonetic": "\x00"}]}, "pronunciations.0.phonetic"),
        ({"audio": {"encoding": "\ud800"}}, "audio.encoding"),
    ],
)
def test_surrogates_in_nested_fields_are_rejected_too(document: dict[str, Any], field: str) -> None:
    assert refused(fields(**document)).field.startswith(field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("take", 0),
        ("take", -1),
        ("take", 1_000_001),
        ("take", 10**30),
        ("take", True),
        ("take", 1.5),
        ("take", "1"),
        ("pitch", True),
        ("pitch", "1"),
        ("pitch", 20.01),
        ("pitch", -21),
        ("pitch", 1e999),
        ("pitch", 10**400),
        ("speaking_rate", 0.24),
        ("speaking_rate", 2.01),
        ("speaking_rate", False),
        ("speaking_rate", 0),
        ("volume_gain_db", 16.1),
        ("volume_gain_db", -96.1),
        ("language", "english"),
        ("language", "en-USA"),
        ("language", "en-US\n"),
        ("language", ""),
        ("character", ""),
        ("character", "c" * 65),
        ("user_id", ""),
        ("user_id", "u" * 257),
        ("rollout_key", ""),
        ("voice", ""),
        ("deadline", "tomorrow"),
        ("deadline", "2026-01-31"),
        ("deadline", "2026-01-31T12:00:00"),
        ("deadline", "2026-02-30T12:00:00Z"),
        ("deadline", "2025-02-29T12:00:00Z"),
        ("deadline", "2026-01-31T24:00:00Z"),
        ("deadline", "2026-01-31T12:00:61Z"),
        ("deadline", "2026-01-31T12:00:00+24:00"),
        ("deadline", "10000-01-31T12:00:00Z"),
        ("deadline", "1700000000"),
        ("deadline", 1_700_000_000),
        ("labels", []),
        ("labels", {"a": 1}),
        ("labels", {"": "a"}),
        ("labels", {"a": "x" * 1025}),
        ("labels", {str(n): "" for n in range(33)}),
        ("audio", "MP3"),
        ("audio", {"encoding": "mp3"}),
        ("audio", {"encoding": "OGG_OPUS", "sample_rate": 44100}),
        ("audio", {"sample_rate": 24000.5}),
        ("audio", {"sample_rate": True}),
        ("audio", {"sample_rate": 0}),
        ("audio", {"bitrate": 1}),
        ("pronunciations", {}),
        ("pronunciations", ["x"]),
        ("pronunciations", [{"phrase": "x"}]),
        ("pronunciations", [{"phrase": "", "phonetic": "x"}]),
        ("pronunciations", [{"phrase": "x", "phonetic": "x", "alphabet": "IPA"}]),
        ("pronunciations", [{"phrase": "x", "phonetic": "x"}] * 101),
    ],
)
def test_invalid_values_are_rejected_with_the_name_of_the_field(field: str, value: Any) -> None:
    document = {**fields(), field: value}
    text = json.dumps(document).replace("Infinity", "1e999").encode()
    error = refused(text)
    assert error.field.split(".")[0] == field
    assert error.job_id == "job-1"


def test_the_message_shows_a_short_value_and_what_is_allowed() -> None:
    assert refused(fields(take=0)).message.startswith("0: ")
    assert "ipa" in refused(fields(pronunciations=[{"phrase": "x", "phonetic": "x", "alphabet": "IPA"}])).message
    assert "48000" in refused(fields(audio={"encoding": "OGG_OPUS", "sample_rate": 44100})).message
    assert "RFC 3339" in refused(fields(deadline="1700000000")).message


def said(alphabet: str | None, phonetic: str = "hang2 zhang3", language: str = "cmn-TW") -> dict[str, Any]:
    entry = {"phrase": "x", "phonetic": phonetic, **({"alphabet": alphabet} if alphabet else {})}
    return fields(language=language, pronunciations=[{"phrase": "y", "phonetic": "ni3", "alphabet": "pinyin"}, entry])


@pytest.mark.parametrize(
    ("alphabet", "phonetic"),
    [
        *(("pinyin", each) for each in ("hang2 zhang3", "hang2zhang3", "hai2 zi5", "Lü4", "lv4", "xi1'an1", "nu:3")),
        ("jyutping", "hong4 zoeng2"),
        ("jyutping", "jyut6ping3"),
    ],
)
@pytest.mark.parametrize("language", ["cmn-TW", "cmn-CN", "yue-HK", "cmn-Hans-CN"])
def test_chinese_is_pronounced_in_pinyin_and_jyutping(alphabet: str, phonetic: str, language: str) -> None:
    entry = parse_job(encoded(said(alphabet, phonetic, language))).pronunciations[1]
    assert (entry.alphabet, entry.phonetic) == (alphabet, phonetic)


@pytest.mark.parametrize("alphabet", ["ipa", "x-sampa", None])
def test_chinese_is_not_pronounced_in_ipa_and_the_alphabet_is_named(alphabet: str | None) -> None:
    error = refused(said(alphabet))
    assert error.field == "pronunciations.1.alphabet"
    assert "pinyin and jyutping" in error.message


@pytest.mark.parametrize("phonetic", ["háng zhǎng", "hang zhang", "hang2 zhang", "hang6", "xǎŋ", "2", "hang 2"])
def test_pinyin_without_its_tones_is_refused_by_its_field(phonetic: str) -> None:
    error = refused(said("pinyin", phonetic))
    assert error.field == "pronunciations.1.phonetic"
    assert "hang2 zhang3" in error.message


@pytest.mark.parametrize("alphabet", ["pinyin", "jyutping"])
def test_other_languages_are_not_pronounced_in_pinyin(alphabet: str) -> None:
    error = refused(fields(pronunciations=[{"phrase": "x", "phonetic": "ni3", "alphabet": alphabet}]))
    assert error.field == "pronunciations.0.alphabet"
    assert "ipa and x-sampa" in error.message


def test_a_mark_is_refused_since_its_time_could_not_be_returned() -> None:
    error = refused(fields(text=None, ssml="<speak>a <mark name='m'/> b</speak>"))
    assert error.field == "ssml"
    assert "<mark>" in error.message
    assert "remove it" in error.message


@pytest.mark.parametrize(
    ("language", "alphabet", "good"),
    [
        ("cmn-TW", "ipa", False),
        ("cmn-TW", "pinyin", True),
        ("cmn-TW", "jyutping", True),
        ("en-US", "ipa", True),
        ("en-US", "x-sampa", True),
        ("en-US", "pinyin", False),
        ("en-US", "cmu", True),
    ],
)
def test_the_phonemes_of_ssml_are_of_the_jobs_language(language: str, alphabet: str, good: bool) -> None:
    ssml = f"<speak>a <phoneme alphabet='{alphabet}' ph='x'>b</phoneme></speak>"
    document = fields(text=None, ssml=ssml, language=language)
    if good:
        assert parse_job(encoded(document)).ssml == ssml
    else:
        assert refused(document).field == "ssml"


@pytest.mark.parametrize("alphabet", ["IPA", " ipa ", "X-Sampa"])
def test_an_alphabet_may_be_written_in_capitals(alphabet: str) -> None:
    ssml = f"<speak>a <phoneme alphabet='{alphabet}' ph='x'>b</phoneme></speak>"
    assert refused(fields(text=None, ssml=ssml, language="cmn-TW")).field == "ssml"
    assert parse_job(encoded(fields(text=None, ssml=ssml))).ssml == ssml


W3C = "http://www.w3.org/2001/10/synthesis"


@pytest.mark.parametrize(
    ("ssml", "plain"),
    [
        (
            f'<speak version="1.1" xmlns="{W3C}" xml:lang="en-US">a <s>b</s></speak>',
            '<speak version="1.1">a <s>b</s></speak>',
        ),
        (
            (
                f'<speak xmlns="{W3C}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
                f'xsi:schemaLocation="{W3C} x.xsd">a &amp; b</speak>'
            ),
            "<speak>a &amp; b</speak>",
        ),
        (f'<v:speak xmlns:v="{W3C}"><v:p>a</v:p></v:speak>', "<speak><p>a</p></speak>"),
        ("<speak>a</speak>", "<speak>a</speak>"),
    ],
)
def test_ssml_may_name_its_own_namespace(ssml: str, plain: str) -> None:
    assert parse_job(encoded(fields(text=None, ssml=ssml))).ssml == plain


@pytest.mark.parametrize(
    "ssml",
    [
        "<speak xmlns='urn:x'>a</speak>",
        f"<speak xmlns='{W3C}' xmlns:m='urn:x'><m:style>a</m:style></speak>",
        f"<speak xmlns='{W3C}'>a{'>' * 4_900}</speak>",
        f"<speak xmlns='{W3C}'><mark name='x'/>a</speak>",
    ],
)
def test_of_other_namespaces_and_in_its_own_one_nothing_is_allowed_that_was_not(ssml: str) -> None:
    assert refused(fields(text=None, ssml=ssml)).field == "ssml"


def test_the_message_does_not_repeat_a_megabyte() -> None:
    assert len(refused(fields(user_id="u" * 1_000_000)).message) < 1000
    assert len(refused(fields(**{"x" * 1_000_000: "v"})).field) <= 100


@pytest.mark.parametrize("name", ["speed", "Text", "text ", "ключ", "a.b", "../x"])
def test_an_unknown_field_is_refused_by_its_name(name: str) -> None:
    error = refused(fields(**{name: "x"}))
    assert error.field == name.encode("ascii", "backslashreplace").decode()
    assert "not a field of a job" in error.message
    assert "rollout_key" in error.message


@pytest.mark.parametrize(
    ("unknown", "says"),
    [
        (
            {"speking_rate": 1},
            "'speking_rate' is not a field of a job; the nearest is speaking_rate; the fields are job_id",
        ),
        ({"SSML": "x"}, "'SSML' is not a field of a job; the nearest is ssml;"),
        ({"zzz": None}, "'zzz' is not a field of a job; the fields are"),
        (
            {"audio": {"samplerate": 1}},
            "'samplerate' is not a field of audio; the nearest is sample_rate; the fields are",
        ),
        (
            {"pronunciations": [{"phrase": "a", "phonetic": "b", "alphabt": "ipa"}]},
            "'alphabt' is not a field of pronunciations; the nearest is alphabet; the fields are phrase",
        ),
    ],
)
def test_the_message_for_an_unknown_field_names_it_and_the_nearest_one(unknown: dict[str, Any], says: str) -> None:
    assert refused({**fields(), **unknown}).message.startswith(says)


def test_an_unknown_field_with_a_name_that_is_not_unicode_is_rejected_too() -> None:
    assert refused(fields(**{"\ud800": "x"})).job_id == "job-1"


def test_of_a_field_written_twice_the_last_one_counts_as_usual_in_json() -> None:
    assert parse_job(b'{"job_id":"a","job_id":"b","character":"c","text":"hi"}').job_id == "b"


# What a screen shows as nothing: fillers, which are letters by Unicode, blanks, joiners, marks of direction, accents.
INVISIBLE = [
    "\u3164",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u2800",
    "\u17b4\u17b5",
    "\u00ad",
    "\u034f",
    "\u061c",
    "\u180e",
    "\u200b",
]
INVISIBLE += ["\u200d", "\u202e", "\u2060", "\u2063", "\ufeff", "\u0301", "\U000e0041", "\U0001d173", "\U000e0100"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t", "...", "[pause]", "[pause] [pause long]!", "___", "—", "🙂", *INVISIBLE, "".join(INVISIBLE)],
)
def test_a_text_without_a_word_is_refused(text: str) -> None:
    error = refused(fields(text=text))
    assert error.field == "text"
    assert "no word" in error.message


def test_a_text_over_the_limit_is_refused_by_its_bytes_not_its_characters() -> None:
    assert parse_job(encoded(fields(text="中" * (MAX_TEXT_BYTES // 3)))).text
    error = refused(fields(text="中" * (MAX_TEXT_BYTES // 3 + 1)))
    assert error.field == "text"
    assert "50000" in error.message
    assert refused(fields(text="hello"), max_text_bytes=4).field == "text"
    assert parse_job(encoded(fields(text="hello")), max_text_bytes=5).text == "hello"


# What other tools make of a job


NULLED = {"language", "audio", "volume_gain_db", "pronunciations", "take", "labels", "ssml", "user_id", "rollout_key"}
NULLED |= {"voice", "speaking_rate", "pitch", "deadline", "reply_topic", "stream"}


def test_a_stream_needs_a_topic_to_go_to() -> None:
    assert parse_job(encoded(fields(stream=True, reply_topic="game"))).stream
    error = refused(fields(stream=True))
    assert (error.field, error.message) == ("stream", "True: goes to reply_topic, which must be there")
    assert refused(fields(stream="yes", reply_topic="game")).field == "stream"


@pytest.mark.parametrize("field", sorted(NULLED))
def test_null_is_the_default_of_every_optional_field(field: str) -> None:
    assert parse_job(encoded({**fields(), field: None})) == parse_job(encoded(fields()))


def test_every_optional_field_stands_in_that_test() -> None:
    assert {name for name, field in Job.model_fields.items() if not field.is_required()} - {"text"} == NULLED


def test_null_is_the_default_within_fields_too() -> None:
    nulls = {
        "audio": {"encoding": None, "sample_rate": None},
        "pronunciations": [{"phrase": "a", "phonetic": "b", "alphabet": None}],
    }
    spelt = {"pronunciations": [{"phrase": "a", "phonetic": "b"}]}
    assert parse_job(encoded(fields(**nulls))) == parse_job(encoded(fields(**spelt)))


@pytest.mark.parametrize("change", [{"job_id": None}, {"character": None}, {"labels": {"a": None}}, {"tkae": None}])
def test_null_is_no_value_of_a_field_that_must_be_there_nor_of_a_label(change: dict[str, Any]) -> None:
    assert refused(encoded({**fields(), **change})).field.split(".")[0] == next(iter(change))


def test_a_whole_number_may_be_written_with_a_point() -> None:
    job = parse_job(b'{"job_id":"a","character":"c","text":"hi","take":2.0,"audio":{"sample_rate":48e3}}')
    assert (job.take, job.audio.sample_rate) == (2, 48000)
    assert type(job.take) is type(job.audio.sample_rate) is int


def test_a_byte_order_mark_before_the_json_is_skipped() -> None:
    assert parse_job(b"\xef\xbb\xbf" + encoded(fields())) == parse_job(encoded(fields()))


def cloud_event(**attributes: Any) -> bytes:
    return encoded({"specversion": "1.0", "type": "line", "source": "/game", "id": "1", **attributes})


def test_a_structured_cloud_event_is_the_job_that_it_holds() -> None:
    job = parse_job(encoded(fields()))
    assert parse_job(cloud_event(data=fields(), datacontenttype="application/json", traceparent="00-1-2-01")) == job
    assert parse_job(cloud_event(data=fields(), data_base64=None)) == job
    assert parse_job(cloud_event(data_base64=base64.b64encode(encoded(fields())).decode())) == job


@pytest.mark.parametrize(
    ("event", "field", "says"),
    [
        (cloud_event(), "data", "must be the job"),
        (cloud_event(data="x"), "data", "must be the job"),
        (cloud_event(data=None), "data", "must be the job"),
        (cloud_event(data_base64="%"), "data_base64", "is not Base64"),
        (cloud_event(data_base64=7), "data_base64", "is not Base64"),
        (cloud_event(data_base64="bm8="), "data_base64", "is not JSON"),
        (cloud_event(data={"job_id": "a", "text": "hi"}), "character", "required"),
        (cloud_event(job_id="a", character="c", text="hi"), "specversion", "not a field of a job"),
    ],
)
def test_a_cloud_event_without_a_job_is_refused_by_what_is_wrong(event: bytes, field: str, says: str) -> None:
    error = refused(event)
    assert (error.field, says in error.message) == (field, True)


def test_confluents_wire_format_is_called_by_its_name() -> None:
    error = refused(b"\x00\x00\x00\x00\x07" + encoded(fields()))
    assert error.field == "record"
    assert "Confluent's wire format, schema id 7" in error.message
    assert "plain JSON" in error.message


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01T00:59:60.5+01:00", "2017-01-01T00:00:00.500000+00:00"),
        ("2026-01-31T12:00:00.123456789-05:30", "2026-01-31T17:30:00.123456+00:00"),
        ("2024-02-29t12:00:00z", "2024-02-29T12:00:00+00:00"),
        ("0000-01-01T00:00:00Z", "0001-01-02T00:00:00+00:00"),
        ("0001-01-01T00:00:00+23:59", "0001-01-02T00:00:00+00:00"),
        ("9999-12-31T23:59:59-23:59", "9999-12-30T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:60Z", "9999-12-30T23:59:59.999999+00:00"),
    ],
)
def test_every_time_of_rfc_3339_is_a_deadline(written: str, at: str) -> None:
    job = parse_job(encoded(fields(deadline=written)))
    assert job.deadline is not None
    assert job.deadline.isoformat() == at
    # What the worker does with it goes on working at the ends of time.
    assert job.deadline - timedelta(hours=1) < job.deadline < job.deadline + timedelta(hours=1)
    assert job.deadline.timestamp() * 1000
    assert parse_job(job.model_dump_json(exclude_none=True).encode()) == job


def test_a_megabyte_of_text_is_refused() -> None:
    error = refused(fields(text="a" * 2**20))
    assert (error.field, error.job_id) == ("text", "job-1")


@pytest.mark.parametrize("document", [fields(text=None), fields(ssml="<speak>Hi</speak>")])
def test_exactly_one_of_text_and_ssml_is_required(document: dict[str, Any]) -> None:
    error = refused(document)
    assert error.field == "text"
    assert "exactly one" in error.message


@pytest.mark.parametrize(
    "text",
    [
        "hi <break time='9s'/>",
        "</speak><speak>hi",
        "<speak>hi</speak>",
        "hi <!-- x -->",
        "hi <![CDATA[x]]>",
        "hi <?php",
        "hi <voice name='x'>",
        "[break] hi",
        "[pitch +3] hi",
        "[pace slow] hi",
        "[ipa h] hi",
        "hi [PAUSE]",
        "hi [pause  long]",
        "hi [pause longer]",
        "hi [ pause]",
        "hi [/voice]",
        "hi [pause",
    ],
)
def test_other_markup_is_rejected_in_a_text_with_a_list_of_what_is_allowed(text: str) -> None:
    error = refused(fields(text=text))
    assert error.field == "text"
    assert "SSML" in error.message or "[pause short], [pause], [pause long]" in error.message


@pytest.mark.parametrize("text", ["5 < 6 and 7 > 6", "I <3 you", "take [the] bag", "[1] one", "AT&T", "&lt;b&gt; it"])
def test_brackets_and_ampersands_that_are_no_markup_may_be_spoken(text: str) -> None:
    check_markup(text)


@pytest.mark.parametrize("mark", PAUSES)
def test_pause_marks_may_occur_anywhere(mark: str) -> None:
    check_markup(f"{mark}one{mark}two{mark}")


HOSTILE_TEXTS = [
    "<" * 49_000,
    "< " * 24_000,
    "<a " * 16_000,
    "[" * 49_000,
    "[pause " * 7_000,
    "[pause" + " " * 49_000,
    "[" + " " * 49_000,
    "[/" + " \t" * 24_000,
    "[pause][" * 6_000,
    "." * 49_000 + "x",
    "\u0301" * 24_000,
    "&amp;" * 9_000,
]


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """What runs inside takes seconds of the processor at most, and as long as it takes beside other processes."""
    began_s = time.process_time()
    yield
    assert time.process_time() - began_s < 20


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: text[:8])
def test_no_pattern_takes_long_over_a_hostile_text(text: str) -> None:
    with soon(), contextlib.suppress(InvalidJobError):
        parse_job(encoded(fields(text="word" + text)))


HOSTILE_SHAPES = {
    "unknown fields": {f"field{number}": 1 for number in range(80_000)},
    "labels": {"labels": {f"label{number}": 1 for number in range(80_000)}},
    "pronunciations": {"pronunciations": [{}] * 250_000},
    "audio": {"audio": {f"field{number}": 1 for number in range(80_000)}},
    "lists": {"voice": [[]] * 250_000},
}


@pytest.mark.parametrize("name", HOSTILE_SHAPES)
def test_a_megabyte_of_invalid_fields_is_rejected_without_blocking_other_jobs_for_long(name: str) -> None:
    with soon():
        error = refused(fields(**HOSTILE_SHAPES[name]))
    assert len(error.message) < 1000


@pytest.mark.parametrize(
    ("ssml", "says"),
    [
        ("hello", "well-formed"),
        ("<speak>", "well-formed"),
        ("<speak>a</speak><speak>b</speak>", "well-formed"),
        ("<speak>&nbsp;a</speak>", "well-formed"),
        ("<speak>a&#0;</speak>", "well-formed"),
        ("<p>hello</p>", "root"),
        ("<speak/>", "no word"),
        ("<speak> ... <break time='1s'/></speak>", "no word"),
        ("<speak><audio src='https://evil/x.mp3'>hi</audio></speak>", "<audio>"),
        ("<speak><voice name='x'>hi</voice></speak>", "<voice>"),
        ("<speak><lang xml:lang='de-DE'>hi</lang></speak>", "<lang>"),
        ("<speak><par><media/></par>hi</speak>", "<par>"),
        ("<speak><x:p xmlns:x='u'>hi</x:p></speak>", "not allowed"),
        ("<!DOCTYPE speak><speak>hi</speak>", "types or entities"),
        ("<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]><speak>&b;</speak>", "types or entities"),
        ("<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><speak>&x;</speak>", "types or entities"),
        ("<!DOCTYPE s SYSTEM 'http://evil/x.dtd'><speak>hi</speak>", "types or entities"),
        ("<speak>" + "a" * MAX_SSML_BYTES + "</speak>", "5000"),
        ("<speak>" + "中" * 1700 + "</speak>", "5000"),
        ("a" * 2**20, "5000"),
        ("<p>" * 1600, "well-formed"),
    ],
    ids=lambda value: value[:24],
)
def test_ssml_that_is_malformed_or_unknown_or_loads_external_content_is_rejected(ssml: str, says: str) -> None:
    error = refused(fields(text=None, ssml=ssml))
    assert error.field == "ssml"
    assert says in error.message


@pytest.mark.parametrize("element", sorted(ELEMENTS - {"speak"}))
def test_every_listed_element_is_allowed(element: str) -> None:
    check_ssml(f"<speak>a<{element}>b</{element}></speak>")


def test_ssml_of_exactly_the_limit_is_allowed() -> None:
    around = len("<speak></speak>")
    check_ssml("<speak>" + "a" * (MAX_SSML_BYTES - around) + "</speak>")


@pytest.mark.parametrize("invisible", INVISIBLE[:4])
def test_ssml_of_invisible_letters_has_no_word(invisible: str) -> None:
    assert "no word" in refused(fields(text=None, ssml=f"<speak>{invisible}</speak>")).message


@pytest.mark.parametrize("depth", [MAX_SSML_DEPTH, 700])
def test_ssml_may_be_nested_to_a_limit(depth: int) -> None:
    def nested(depth: int) -> bytes:
        return encoded(fields(text=None, ssml="<speak>" + "<p>" * depth + "a" + "</p>" * depth + "</speak>"))

    error = refused(nested(depth))
    assert (error.field, error.message) == ("ssml", "is nested deeper than 32 elements; nest less")
    assert parse_job(nested(MAX_SSML_DEPTH - 1))


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_a_job_or_an_invalid_job(value: bytes) -> None:
    refused(value)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(["<speak>hi</speak>", "MP3", "ipa", "en-US", "2026-01-01T00:00:00Z", "word", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["encoding", "sample_rate", "phrase", "phonetic", "alphabet", "\ud800", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(sorted(Job.model_fields)) | st.text(st.characters(exclude_categories=()), max_size=5), _VALUES
)


@settings(max_examples=250, deadline=None)
@given(_DOCUMENTS, st.booleans(), st.booleans())
def test_any_json_is_a_job_or_an_error_that_can_be_serialized(document: dict[str, Any], named: bool, raw: bool) -> None:
    if named:
        document = fields() | document
    text = json.dumps(document, ensure_ascii=not raw)
    value = text.encode("utf-8", "surrogatepass")
    try:
        job = parse_job(value)
    except InvalidJobError:
        error = refused(value)
        assert error.job_id is None or error.job_id.isascii()
    else:
        job.model_dump_json().encode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"pronunciations": [{"phrase": "ghoul", "phonetic": "a"}, {"phrase": "ghoul", "phonetic": "b"}]},
            "the phrase 'ghoul' stands twice",
        ),
        (
            {"text": None, "ssml": "<speak>hi</speak>", "pronunciations": [{"phrase": "hi", "phonetic": "haɪ"}]},
            "go with text",
        ),
        ({"text": None, "ssml": "<speak>hi [pause] you</speak>"}, "has a pause mark"),
    ],
)
def test_markup_that_would_be_read_aloud_or_ignored_is_rejected(fields, message):
    document = {"job_id": "a", "character": "pip_boy", "text": "hi", **fields}
    with pytest.raises(InvalidJobError, match=re.escape(message)):
        parse_job(json.dumps(document).encode())


@pytest.mark.parametrize("text", ["We lost <3 of them.", "Is a < b, or b > c?", "5<6", "<- that way"])
def test_a_bracket_that_opens_no_tag_is_text(text):
    assert parse_job(json.dumps({"job_id": "a", "character": "pip_boy", "text": text}).encode()).text == text
