"""Sentences of a text, as Google counts them: an abbreviation, an initial or a number in it ends none. Pure."""

import re
from typing import Final

_CLOSERS: Final = r"[\"'”’」』）)\]]*+"
# Before a space; the others, of Chinese, Japanese, Burmese, Ethiopic, Khmer and Tibetan, end a sentence anywhere.
_STOPS: Final = ".!?…।؟۔։"
# A run of stops matches only from its first one and as a whole; otherwise fifty thousand dots would take minutes.
_UP_TO_STOP: Final = re.compile(
    rf".+?(?:(?<![{_STOPS}])[{_STOPS}]++{_CLOSERS}(?=\s|$)|(?:[。！？｡။።។།]|．(?![0-9０-９]))++{_CLOSERS}|\n)\s*|.+",
    re.DOTALL,
)
_OPENERS: Final = "\"'“‘«„(["
# Titles, ranks, places and the like stand before a name; the others stand inside a sentence. Words that are more often
# words than abbreviations (in, may, sun) are left out, and so are those that often end a sentence (etc., usw.). English
# comes first, then German, then French, Spanish, Portuguese, Italian and Dutch, then Polish, Czech, Turkish and the
# Scandinavian languages, then Russian, Ukrainian, Greek and Hindi.
_LISTED: Final = """
    Mr Mrs Ms Mx Dr Drs mr mrs ms dr st Prof Rev Fr Hon St Sts Mt Mts Ft Pt Sgt Cpl Pvt Pfc Spc Capt Cpt Lt Ltn
    Col Gen Maj Brig Adm Cmdr Cdr Cmd Comdr Ens Gov Sen Rep Pres Amb Supt Insp Det Esq Messrs Mmes Mssrs Bros
    Ave Blvd Rd Hwy Rte Dept Univ Assn Inc Ltd Corp Co Jr Sr vs approx Vol Fig Figs Ch Sec Art Jan Feb Apr Jun
    Jul Aug Sep Sept Oct Nov Dec
    Hr Hrn Frl Nr Str Dipl Ing Mag Hptm Oblt Lic bzw ca evtl ggf vgl inkl exkl sog
    Mme Mlle Mgr env cf chap Sra Srta Sres Dra Drª Srª Dña Ud Uds Vd Vds Gral Cnel Tte núm pág Exmo Exma Eng
    Engª Sig Sigg Dott Avv Arch dhr mevr mw drs ir bijv jl zgn
    np tzn tzw tj mgr inż prof ul ks płk gen kpt por sierż č tzv např atd Doç Yrd Av Sn Bkz f.eks bl.a t.ex
    г гг ул им стр рис руб коп тыс млн млрд проф акад кап ген полк лейт д-р г-н г-жа т.е т.н κ κα δρ π.χ डॉ डा
    श्री पं प्रो
"""
_ABBREVIATIONS: Final = frozenset(_LISTED.split())
_BEFORE_NUMBERS: Final = frozenset(
    ["No", "Nos", "no", "nos", "Nº", "N°", "n°", "nº", "num", "Num", "art", "p", "pp", "S", "Bd", "№", "стр", "п", "ст"]
)
"""Abbreviations only before a number: "No. 21", and not "He said no."."""
_GERMAN_STREET: Final = "str"
# Initials and what is made of them: "J. R. Smith", "U.S.", "e.g.", "z.B.".
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, each with the space after it; together they are the text."""
    return glued(_UP_TO_STOP.findall(text))


def between_stops(text: str) -> list[str]:
    """The text in pieces, each up to a stop before a space, an abbreviation's included; together they are the text."""
    return _UP_TO_STOP.findall(text)


def glued(pieces: list[str]) -> list[str]:
    """The pieces, with those that end with an abbreviation joined to the next one."""
    joined: list[list[str]] = []
    is_open = False
    for number, piece in enumerate(pieces):
        if is_open:
            joined[-1].append(piece)
        else:
            joined.append([piece])
        is_open = number + 1 < len(pieces) and _goes_on(piece, pieces[number + 1])
    return ["".join(each) for each in joined]


def _goes_on(piece: str, following: str) -> bool:
    """Whether the stop at a piece's end belongs to an abbreviation or an initial, so that the sentence goes on."""
    if "\n" in piece[len(piece.rstrip()) :]:
        return False
    words = piece.rsplit(None, 1)
    word = words[-1].lstrip(_OPENERS) if words else ""
    if not word.endswith(".") or word.endswith(".."):
        return False
    word = word[:-1]
    if word in _BEFORE_NUMBERS:
        return following[:1].isdigit()
    known = word in _ABBREVIATIONS or (word.isupper() and word.capitalize() in _ABBREVIATIONS)
    return known or word.endswith(_GERMAN_STREET) or _INITIALS.fullmatch(word) is not None
