"""A file in the shape of each format, written for these tests, with the options that it needs and the lines in it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, NamedTuple

import openpyxl


class Sample(NamedTuple):
    """A file.

    Attributes:
        lines: id, character, language and text of each.
        options: of `batch import`, for what the file doesn't say.
        form: what it is recognized as.
    """

    file: str
    content: bytes
    form: str
    lines: list[tuple[str, str, str, str]]
    options: tuple[str, ...] = ()


def text(file: str, content: str, form: str, lines: list[tuple[str, str, str, str]], *options: str) -> Sample:
    return Sample(file, content.encode(), form, lines, options)


def document(file: str, content: Any, form: str, lines: list[tuple[str, str, str, str]], *options: str) -> Sample:
    return text(file, json.dumps(content, ensure_ascii=False), form, lines, *options)


def workbook(**sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title.replace("_", " "))
        for row in rows:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def changed_sheet(content: bytes, changes: dict[str, str]) -> bytes:
    """A workbook with other XML in its first sheet."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(written, "w") as changed:
        for member in book.namelist():
            xml = book.read(member).decode()
            for old, new in changes.items() if member.endswith("sheet1.xml") else ():
                assert old in xml
                xml = xml.replace(old, new)
            changed.writestr(member, xml)
    return written.getvalue()


ODS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">'
    "<office:body><office:spreadsheet>"
)
ODS_TAIL = "</office:spreadsheet></office:body></office:document-content>"


def ods(body: str, head: str = ODS_HEAD) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", head + body + ODS_TAIL)
    return written.getvalue()


def ods_row(*cells: str) -> str:
    written = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{each}</text:p></table:table-cell>' for each in cells
    )
    return f"<table:table-row>{written}</table:table-row>"


_SHEET = [
    ["Act 1, locked for recording", None, None],
    ["Line ID", "Speaker", "Dialogue", "Direction"],
    ["A1_010", "Pip Boy", "Good morning, wanderer.", "warm"],
    ["A1_020", "GHOUL", "They call me Smoothskin.", None],
    [30, "Pip Boy", "Your boots are dry.", None],
]
_SHEET_LINES = [
    ("A1_010", "pip_boy", "en-US", "Good morning, wanderer."),
    ("A1_020", "ghoul", "en-US", "They call me Smoothskin."),
    ("30", "pip_boy", "en-US", "Your boots are dry."),
]
_XLIFF_12 = """<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
 <file original="dialogue.json" source-language="en-US" target-language="zh-TW" datatype="plaintext"><body>
  <trans-unit id="greet" resname="NPC_GREET"><source>Hello, <x id="1" equiv-text="Tom"/>.</source>
   <target state="translated">你好，<x id="1" equiv-text="湯姆"/>。</target><note>cheerful</note>
   <alt-trans><target>您好</target></alt-trans></trans-unit>
  <group id="g"><trans-unit id="bye" resname="NPC_BYE"><source><g id="2">Bye</g>.</source>
   <target><g id="2">再見</g>。</target></trans-unit></group>
 </body></file>
</xliff>
"""
_XLIFF_20 = """<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="zh-Hant-TW">
 <file id="f1"><unit id="u1"><notes><note>calm</note></notes>
  <originalData><data id="d1">&lt;b&gt;</data></originalData>
  <segment state="final"><source>Stay <pc id="1">here</pc>.</source>
   <target>留在<pc id="1">這裡</pc>。</target></segment>
  <segment><source> Wait.</source><target>等等。</target></segment></unit>
 <unit id="u2"><segment><source>Untranslated.</source></segment></unit></file>
</xliff>
"""
_YARN = """\
title: Gate
tags: act1
---
// The guard doesn't know the player yet.
<<declare $met = false>>
Guard: Halt! Who goes there? #line:g001 #angry
-> A friend. #line:g002
    Guard: Then pass. // softer
-> Nobody. <<if $met>>
    Guard: Time\\: it is late. #line:g003
===
title: After
---
The gate closes. #line:n001
===
"""
_PO = """\
# Dialogue of act 1.
msgid ""
msgstr ""
"Language: zh_TW\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

#. guard, tired
#: game/act1.gd:12
msgctxt "GATE_1"
msgid "Who goes there?"
msgstr "來者"
"何人？"

#, fuzzy
msgctxt "GATE_2"
msgid "Pass."
msgstr "過"

msgctxt "GATE_3"
msgid "A coin."
msgid_plural "Coins."
msgstr[0] "一些錢。"

#~ msgid "Old."
#~ msgstr "舊。"
"""
_INK = {
    "inkVersion": 21,
    "root": [
        ["^The door is locked.", "#", "^id: door_1", "/#", "\n", "ev", "str", "^Knock", "/str", "/ev",
         {"*": "0.c-0", "flg": 20},
         {"c-0": ["\n", {"->": "inside"}, {"#f": 5}]}],
        "done",
        {"inside": [["^You have ", "^three coins.", "\n",
                     "#", "^id: in_2", "/#", "^Spend them.", "\n", "end", {"#f": 1}], None]},
    ],
    "listDefs": {},
}  # fmt: skip

SAMPLES = {
    sample.file: sample
    for sample in (
        text(
            "script.csv",
            'Line ID,Speaker,Text,Notes\nL1,Pip Boy,"Well, hello.",warm\nL2,Ghoul,Go.,\nL3,Ghoul,,later\n',
            "CSV",
            [("L1", "pip_boy", "en-US", "Well, hello."), ("L2", "ghoul", "en-US", "Go.")],
        ),
        Sample("act.xlsx", workbook(Act_1=_SHEET, Empty=[["Line ID", "Speaker", "Dialogue"]]), "XLSX", _SHEET_LINES),
        Sample(
            "act.ods",
            ods(
                '<table:table table:name="Act 1">'
                + ods_row("Line ID", "Speaker", "Dialogue")
                + ods_row("B1_010", "Pip Boy", "Good <text:span>morning</text:span>,<text:s/>wanderer.")
                + ods_row("B1_020", "GHOUL", "They call me Smoothskin.")
                + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
                'table:number-columns-repeated="1024"/></table:table-row></table:table>'
            ),
            "ODS",
            [(f"B{line_id[1:]}", *rest) for line_id, *rest in _SHEET_LINES[:2]],
        ),
        text(
            "zh.po",
            _PO,
            "gettext PO",
            [("GATE_1", "ghoul", "zh-TW", "來者何人？"), ("GATE_3_0_", "ghoul", "zh-TW", "一些錢。")],
            "--character", "ghoul",
        ),
        text(
            "act.xlf",
            _XLIFF_12,
            "XLIFF 1.2",
            [("NPC_GREET", "ghoul", "zh-TW", "你好，湯姆。"), ("NPC_BYE", "ghoul", "zh-TW", "再見。")],
            "--character", "ghoul",
        ),
        text(
            "act.xliff",
            _XLIFF_20,
            "XLIFF 2.0",
            [("u1", "ghoul", "zh-Hant-TW", "留在這裡。等等。")],
            "--character", "ghoul",
        ),
        text(
            "yarn_strings.csv",
            "language,id,text,file,node,lineNumber,lock,comment\n"
            "en,line:0a1,Guard: Halt!,Gate.yarn,Gate,4,e1f2a3b4,\n"
            "en,line:0a2,Guard: Pass.,Gate.yarn,Gate,5,e1f2a3b5,softer\n",
            "Yarn Spinner string table (CSV)",
            [("line:0a1", "ncr_ranger", "en", "Halt!"), ("line:0a2", "ncr_ranger", "en", "Pass.")],
            "--alias", "Guard=ncr_ranger",
        ),
        text(
            "Gate.yarn",
            _YARN,
            "Yarn Spinner script",
            [
                ("line:g001", "ncr_ranger", "en-US", "Halt! Who goes there?"),
                ("Gate-0008", "ncr_ranger", "en-US", "Then pass."),
                ("line:g003", "ncr_ranger", "en-US", "Time: it is late."),
                ("line:n001", "codsworth", "en-US", "The gate closes."),
            ],
            "--alias", "Guard=ncr_ranger", "--character", "codsworth",
        ),
        text(
            "dialogue.tab",
            "Identifier\tCharacter\tDialogue\tFilename\tLine Number\tRen'Py Script\n"
            'start_a170b500\tEileen\tHi there! How was class?\tgame/script.rpy\t24\te "[what]"\n'
            'start_b2ab7d51\tLucy\tFine, I guess.\tgame/script.rpy\t25\tl "[what]"\n',
            "Ren'Py dialogue export (CSV)",
            [
                ("start_a170b500", "vault_dweller", "en-US", "Hi there! How was class?"),
                ("start_b2ab7d51", "railroad_agent", "en-US", "Fine, I guess."),
            ],
            "--alias", "Eileen=vault_dweller", "--alias", "Lucy=railroad_agent",
        ),
        text(
            "godot.csv",
            'keys,en,zh_TW,ja\nGREET_TOM,"Hello, traveller!",旅行者，你好！,こんにちは\n'
            "GREET_ANNE,Push me!,推我！,押す\n",
            "Godot translations (CSV)",
            [
                ("GREET_TOM.en", "raider", "en", "Hello, traveller!"),
                ("GREET_TOM.zh_TW", "raider", "zh-TW", "旅行者，你好！"),
                ("GREET_ANNE.en", "raider", "en", "Push me!"),
                ("GREET_ANNE.zh_TW", "raider", "zh-TW", "推我！"),
            ],
            "--character", "raider",
        ),
        text(
            "dialogue_manager.csv",
            "keys,en,_character,_notes\nN1,It is late.,Nathan,tired\nC1,Then sleep.,Coco,\n",
            "Godot Dialogue Manager translations (CSV)",
            [("N1", "minuteman", "en", "It is late."), ("C1", "institute_scientist", "en", "Then sleep.")],
            "--alias", "Nathan=minuteman", "--alias", "Coco=institute_scientist",
        ),
        text(
            "unity.csv",
            "Key,Id,Shared Comments,English(en),English(en) Comments,Chinese (Traditional)(zh-Hant)\r\n"
            "GUARD_01,17179,at the gate,Halt!,angry,站住！\r\n",
            "Unity Localization table (CSV)",
            [
                ("GUARD_01.en", "ncr_ranger", "en", "Halt!"),
                ("GUARD_01.zh-Hant", "ncr_ranger", "zh-Hant", "站住！"),
            ],
            "--character", "ncr_ranger",
        ),
        text(
            "ST_Dialogue.csv",
            'Key,SourceString,Comment\n"GATE_OPEN","Open the ""old"" gate!","shouting"\n',
            "Unreal string table (CSV)",
            [("GATE_OPEN", "raider", "en-US", 'Open the "old" gate!')],
            "--character", "raider",
        ),
        text(
            "DT_Dialogue.csv",
            '---,Speaker,DialogueText,Sound\n'
            'Row_001,"GuardCaptain","NSLOCTEXT(""Dlg"",""A1"",""Open \\""it\\""!"")","None"\n',
            "Unreal DataTable (CSV)",
            [("Row_001", "brotherhood_paladin", "en-US", 'Open "it"!')],
            "--alias", "GuardCaptain=brotherhood_paladin",
        ),
        document(
            "DT_Dialogue.json",
            [{"Name": "Row_002", "Speaker": "Ghoul", "DialogueText": 'INVTEXT("Open it!")', "Sound": "None"}],
            "JSON",
            [("Row_002", "ghoul", "en-US", "Open it!")],
        ),
        text(
            "DialogueScript.csv",
            "SpeakingVoice,TargetVoices,SpokenDialogue,VoiceActorDirection,AudioFileName,DialogueAsset,IsRecorded,"
            "LocalizationKeys\n"
            'Guard,(Player),"Move along.",bored,Guard_MoveAlong.wav,/Game/Dlg/A.A,false,(A)\n'
            'Guard,(Player),"Recorded.",bored,Guard_Done.wav,/Game/Dlg/A.A,true,(B)\n',
            "Unreal dialogue script (CSV)",
            [("Guard_MoveAlong", "ncr_ranger", "en-US", "Move along.")],
            "--alias", "Guard=ncr_ranger",
        ),
        document(
            "story.json",
            _INK,
            "ink JSON",
            [
                ("door_1", "codsworth", "en-US", "The door is locked."),
                ("story-0003", "codsworth", "en-US", "You have three coins."),
                ("in_2", "codsworth", "en-US", "Spend them."),
            ],
            "--character", "codsworth",
        ),
        document(
            "twine.json",
            {
                "name": "Test",
                "passages": [
                    {"name": "Start", "pid": "1", "tags": [],
                     "text": "Tom: Who is there?\n\nYou wait. [[Go on->Hall]]\n(set: $a to 1)\n[[Leave]]"},
                    {"name": "Style", "tags": ["stylesheet"], "text": "body { color: red }"},
                ],
            },
            "Twine JSON",
            [("Start-1", "minuteman", "en-US", "Who is there?"), ("Start-2", "codsworth", "en-US", "You wait.")],
            "--alias", "Tom=minuteman", "--character", "codsworth",
        ),
        document(
            "articy.json",
            {
                "Settings": {"set_TextFormatter": "Unity Rich Text"},
                "Packages": [
                    {
                        "Name": "Main",
                        "Models": [
                            {"Type": "DefaultMainCharacterTemplate",
                             "Properties": {"Id": "0x02", "TechnicalName": "Chr_Ghoul", "DisplayName": "Ghoul"}},
                            {"Type": "DialogueFragment",
                             "Properties": {"TechnicalName": "DFr_1", "Id": "0x01", "Speaker": "0x02",
                                            "Text": "Open the gate.", "MenuText": "", "StageDirections": "shouting"}},
                            {"Type": "Hub", "Properties": {"Id": "0x03"}},
                        ],
                    }
                ],
            },
            "articy JSON",
            [("DFr_1", "ghoul", "en-US", "Open the gate.")],
        ),
        text(
            "subs.srt",
            "1\n00:00:01,000 --> 00:00:03,500\n<i>GUARD:</i> Who's\nthere?\n\n"
            "2\n00:00:04,000 --> 00:00:06,000\n- It's me.\n- Come in.\n",
            "SRT",
            [
                ("subs-0001", "ncr_ranger", "en-US", "Who's there?"),
                ("subs-0002-1", "ghoul", "en-US", "It's me."),
                ("subs-0002-2", "ghoul", "en-US", "Come in."),
            ],
            "--alias", "GUARD=ncr_ranger", "--character", "ghoul",
        ),
        text(
            "talk.vtt",
            "WEBVTT\n\nNOTE take 3\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ghoul>Who is <b>there</b>?\n",
            "WebVTT",
            [("talk-0001", "ghoul", "en-US", "Who is there?")],
        ),
    )
}  # fmt: skip
