"""A language is found however its tag is written; a region that is given is never another one."""

from __future__ import annotations

import pytest

from schemas.languages import find_language, written_as_usual

OURS = ["en-US", "cmn-TW"]
MANY = ["he-IL", "nb-NO", "fil-PH", "en-GB", "en-US", "cmn-CN", "cmn-TW", "yue-HK", "pt-BR", "pt-PT", "de-DE", "sr-RS"]


@pytest.mark.parametrize(
    ("tag", "usual"),
    [
        ("en_us", "en-US"),
        ("EN", "en"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("zh-HANT", "zh-Hant"),
        ("english", "english"),
        ("en_US.UTF-8", "en-US"),
        ("zh_TW.big5", "zh-TW"),
        ("sr_RS@latin", "sr-RS"),
        ("de-DE-1996", "de-DE"),
        ("sl-rozaj-biske", "sl"),
        ("en-US-u-ca-gregory-x-mine", "en-US"),
        ("zh-yue-HK", "yue-HK"),
        ("zh-cmn-Hans-CN", "cmn-Hans-CN"),
        ("zh-CHT", "zh-Hant"),
        ("zh-CHS", "zh-Hans"),
        ("en-GB-US", "en-GB-US"),
        ("en_US.", "en_US."),
        ("en-US-x", "en-US-x"),
        ("", ""),
    ],
)
def test_a_tag_gets_its_usual_form(tag: str, usual: str) -> None:
    assert written_as_usual(tag) == usual


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        *(("en-US", "en-US"), ("en_US", "en-US"), ("en", "en-US"), ("EN-us", "en-US")),
        *(
            ("cmn-TW", "cmn-TW"),
            ("zh-TW", "cmn-TW"),
            ("zh_TW", "cmn-TW"),
            ("zh-Hant-TW", "cmn-TW"),
            ("zh-Hant", "cmn-TW"),
        ),
        *(("zh", "cmn-TW"), ("cmn", "cmn-TW"), ("cmn-Hant-TW", "cmn-TW"), ("zh_hant_tw", "cmn-TW")),
        *(
            ("en-GB", None),
            ("zh-CN", None),
            ("zh-Hans", None),
            ("zh-Hant-HK", None),
            ("de", None),
            ("x", None),
            ("", None),
        ),
    ],
)
def test_in_the_catalogue_that_comes_with_it(tag: str, found: str | None) -> None:
    assert find_language(tag, OURS) == found


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        *(("en", "en-US"), ("en-GB", "en-GB"), ("pt", "pt-BR"), ("pt_PT", "pt-PT"), ("de", "de-DE"), ("de-AT", None)),
        *(
            ("zh", "cmn-CN"),
            ("zh-Hant", "cmn-TW"),
            ("zh-Hans-CN", "cmn-CN"),
            ("zh-HK", "yue-HK"),
            ("zh-Hant-HK", "yue-HK"),
        ),
        *(
            ("yue", "yue-HK"),
            ("sr-Latn-RS", "sr-RS"),
            ("zh-yue-HK", "yue-HK"),
            ("zh-CHT", "cmn-TW"),
            ("zh-CHS", "cmn-CN"),
        ),
        *(("iw", "he-IL"), ("iw-IL", "he-IL"), ("no-NO", "nb-NO"), ("tl_PH.UTF-8", "fil-PH"), ("no-SE", None)),
    ],
)
def test_among_several_regions_the_likely_one_is_meant(tag: str, found: str | None) -> None:
    assert find_language(tag, MANY) == found


def test_a_catalogue_may_write_its_languages_as_it_likes() -> None:
    assert find_language("zh-TW", ["zh-TW", "cmn-TW"]) == "zh-TW"
    assert find_language("zh_TW", ["zh-TW", "cmn-TW"]) == "zh-TW"


def test_of_two_regions_without_a_likely_one_none_is_guessed() -> None:
    assert find_language("bn", ["bn-IN", "bn-BD"]) is None
