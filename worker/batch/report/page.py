"""Joins the report of a batch: one HTML file that needs no server, of its page, style, script and rows."""

import html
import json
from importlib.resources import files
from typing import Final

from worker.batch.report.rows import ReportInput, report_document

_HERE: Final = files(__package__)
_PARTS: Final = {name: _HERE.joinpath(f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
# Inside of a script element an HTML parser looks only for these characters; in JSON their escapes mean the same.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def render_report(given: ReportInput, *, title: str) -> str:
    """The report as HTML.

    Args:
        title: the name of the script's file.
    """
    data = json.dumps(report_document(given, title), ensure_ascii=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        data = data.replace(character, escape)
    # Placeholders are looked for in the template alone: a script's name or a line's text may contain one.
    before, _, after = _PARTS["html"].partition("@DATA@")
    before = before.replace("@STYLE@", _PARTS["css"]).replace("@TITLE@", html.escape(title))
    return f"{before}{data}{after.replace('@SCRIPT@', _PARTS['js'])}"
