"""What people call the columns of a script, in the languages of studios, and the languages that they name. Pure."""

import re
from collections.abc import Mapping
from typing import Final

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "job_id": (
        "id", "key", "keys", "line id", "lineid", "string id", "stringid", "identifier", "dialogue id", "dialog id",
        "text id", "vo id", "loc id", "loc key", "localization key", "string key", "key id", "uid", "uuid", "guid",
        "cue id", "asset id", "row name", "---", "filename", "file name", "audio file", "audio filename",
        "audio file name", "audiofilename", "wav", "wav file", "wave file", "vo file", "asset name",
        "編號", "编号", "序號", "序号", "鍵", "键", "台詞編號", "台词编号", "識別碼", "檔名", "文件名", "ファイル名",
        "identifiant", "clé", "zeilen id", "kennung", "schlüssel", "dateiname", "identificador", "clave", "chave",
        "line no", "line number", "line nr", "cue no", "cue", "no", "nr", "number", "zeile nr", "zeile", "行号", "行號",
        "name",
    ),
    "character": (
        "speaker", "actor", "character name", "speaker name", "voice", "npc", "who", "role", "charactername",
        "speakername", "char", "char name", "npc name", "spoken by", "speaking character", "talker", "persona",
        "speaker id", "character id", "speakerid", "characterid", "角色", "角色名", "角色名稱", "角色名称", "人物",
        "人物名", "說話者", "说话者", "說話人", "说话人", "發言者", "キャラ", "キャラクター", "キャラ名", "話者",
        "화자", "캐릭터", "personnage", "locuteur", "rôle", "sprecher", "figur", "rolle", "charakter", "personaje",
        "hablante", "locutor", "personagem", "personaggio", "name",
    ),
    "text": (
        "dialogue", "dialog", "dialoguetext", "line", "lines", "line text", "spoken text", "spoken line",
        "spoken dialogue", "dialogue text", "dialogue line", "dialog text", "dialog line", "line of dialogue",
        "vo line", "vo text", "voice line", "final text", "final line", "script", "script line", "transcript",
        "transcription", "original text", "source text", "string", "content", "value", "message",
        "subtitle", "caption",
        "speech", "sentence", "phrase", "source", "sourcestring", "source string", "文本", "文字", "台詞", "台词",
        "對白", "对白",
        "對話", "对话", "內容", "内容", "台詞內容", "台词内容", "配音文本", "原文", "セリフ", "テキスト", "대사",
        "텍스트", "réplique", "texte", "dialogtext", "sprechtext", "texto", "diálogo", "frase", "testo", "battuta",
        "translation",
    ),
    "scene": (
        "quest", "conversation", "node", "chapter", "scene name", "scene id", "level", "location", "mission",
        "場景", "场景", "章節", "章节", "章", "幕", "szene", "scène", "escena", "cena",
    ),
    "language": (
        "lang", "locale", "language code", "locale code", "culture", "語言", "语言", "語系", "sprache", "langue",
        "idioma", "lingua",
    ),
}  # fmt: skip
"""What people call the column of a field, in lower case, likelier names first."""

LANGUAGE_NAMES: Final[Mapping[str, str]] = {
    "english": "en", "英文": "en", "英語": "en", "英语": "en", "englisch": "en", "anglais": "en", "inglés": "en",
    "chinese": "zh", "中文": "zh", "mandarin": "zh", "traditional chinese": "zh-Hant",
    "chinese (traditional)": "zh-Hant", "chinese traditional": "zh-Hant", "繁體中文": "zh-Hant", "繁體": "zh-Hant",
    "繁中": "zh-Hant", "正體中文": "zh-Hant", "simplified chinese": "zh-Hans", "chinese (simplified)": "zh-Hans",
    "chinese simplified": "zh-Hans", "简体中文": "zh-Hans", "簡體中文": "zh-Hans", "简体": "zh-Hans", "简中": "zh-Hans",
    "cantonese": "yue", "粵語": "yue", "japanese": "ja", "日本語": "ja", "日文": "ja", "german": "de", "deutsch": "de",
    "french": "fr", "français": "fr", "spanish": "es", "español": "es", "korean": "ko", "한국어": "ko", "韓文": "ko",
    "italian": "it", "italiano": "it", "portuguese": "pt", "português": "pt", "russian": "ru", "русский": "ru",
    "polish": "pl", "polski": "pl", "dutch": "nl", "nederlands": "nl", "turkish": "tr", "türkçe": "tr",
}  # fmt: skip
"""The tags of languages that a column's name spells out, in lower case."""

_ALL: Final = frozenset(name for names in SYNONYMS.values() for name in names)
_TEXTS: Final = frozenset({"text", *SYNONYMS["text"]})
_ENCLOSED: Final = re.compile(r"(?P<before>.*?)\s*[(\[（](?P<inside>[^()\[\]（）]+)[)\]）]\s*")
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_OTHERS: Final = frozenset(
    {"name", "speaker", "character", "actor", "comment", "comments", "note", "notes", "direction", "directions", "id",
     "description", "context", "key", "file", "filename", "audio", "status", "length", "duration", "role", "voice"}
)  # fmt: skip
_SEPARATORS: Final = re.compile(r"[\s_.:/|-]+")
_WORDS: Final = frozenset({"id", "no", "to", "by", "at", "file", "node", "tag", "key", "npc", "wav", "len"})
"""Names of columns and parts of names that are a language's code, too, and never mean it."""


def plain_name(column: str) -> str:
    """A column's name as it is compared: `Line_ID:` is `line id`, and `Line #` is `line no`."""
    spaced = column.casefold().replace("#", " no ")
    if spaced.strip() == "---":
        return "---"
    return " ".join(re.sub(r"[\s_.:*?-]+", " ", spaced).split())


def is_synonym(column: str) -> bool:
    """Whether people call a column so: a field's, a language's."""
    return plain_name(column) in _ALL or plain_name(column) in LANGUAGE_NAMES


def language_tag(column: str) -> str | None:
    """The tag of a language in a column's name: `zh_TW`, `English(en)`, `Text (Chinese)`, `text_en`, `en.Text`."""
    name = " ".join(column.split())
    if (named := LANGUAGE_NAMES.get(name.casefold())) is not None:
        return named
    if enclosed := _ENCLOSED.fullmatch(name):
        # `Speaker (en)` is a name in English, and no text.
        is_other = not _OTHERS.isdisjoint(plain_name(enclosed["before"]).split())
        return None if is_other else _tag(enclosed["inside"])
    if (whole := _tag(name)) is not None:
        return whole
    # A word for the text beside the language, on either side of it.
    for found in _SEPARATORS.finditer(name):
        before, after = name[: found.start()], name[found.end() :]
        for words, tag in ((before, after), (after, before)):
            if plain_name(words) in _TEXTS and (named := _tag(tag)) is not None:
                return named
    return None


def _tag(name: str) -> str | None:
    name = name.strip()
    if (named := LANGUAGE_NAMES.get(name.casefold())) is not None:
        return named
    return name if _TAG.fullmatch(name) and name.casefold() not in _WORDS else None
