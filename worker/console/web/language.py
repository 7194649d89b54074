"""The languages of the console: a catalogue of messages for each, and which one a visitor reads."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from starlette.requests import Request

_FOLDER: Final = Path(__file__).with_name("languages")
LANGUAGES: Final = {"en": "English", "zh-TW": "繁體中文"}
"""The tags of the languages, and what each is called in itself."""
COOKIE: Final = "chirp_console_language"

Translate = Callable[..., str]
"""Gives the message of a key, with its `{fields}` filled in by keyword; a number `n` of 1 takes the key's `_one`."""


@cache
def messages(language: str) -> Mapping[str, str]:
    """The messages of a language by their keys, such as `rollout.title`."""
    loaded = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return {f"{page}.{name}": str(text) for page, texts in loaded.items() for name, text in texts.items()}


def translator(language: str) -> Translate:
    """What translates into a language."""
    texts = messages(language)

    def translate(key: str, **fields: object) -> str:
        if str(fields.get("n")) == "1" and f"{key}_one" in texts:
            key = f"{key}_one"
        return texts[key].format(**fields)

    return translate


def chosen_language(request: Request) -> str:
    """The language that the visitor chose here, else the first that the browser accepts, else English."""
    if (chosen := request.cookies.get(COOKIE)) in LANGUAGES:
        return str(chosen)
    return accepted_language(request.headers.get("accept-language", ""))


def accepted_language(header: str) -> str:
    """The language for an Accept-Language header. Any Chinese is answered in the one Chinese that there is."""
    weighed = []
    for place, each in enumerate(header.split(",")):
        tag, _, weight = each.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.lower()))
        except ValueError:
            continue
    for _, _, tag in sorted(weighed):
        if tag.partition("-")[0] == "zh":
            return "zh-TW"
        if tag.partition("-")[0] == "en":
            return "en"
    return "en"
