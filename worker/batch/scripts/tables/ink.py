r"""Reads a story that ink has compiled to JSON. Pure.

The format is ink's "JSON runtime format": containers are lists whose last element names further containers; a text
begins with `^`, a line ends with `"\n"`, tags stand between `"#"` and `"/#"`, and what is computed between `"ev"` and
`"/ev"`, in which `"str"` to `"/str"` is the text of a choice, and `"out"` prints a value.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from worker.batch.scripts.tables.model import Row, Table
from worker.batch.scripts.tables.units import broken_file, unit_row, unit_table

_COLUMNS: Final = ("id", "text", "knot", "kind", "tags")
_COMPUTED: Final = "{…}"
_ID_TAGS: Final = ("id:", "line:", "voice:")
_DEEPEST: Final = 200


def is_ink(document: Any) -> bool:
    """Whether a JSON document is a compiled story."""
    return isinstance(document, dict) and "inkVersion" in document


def read_ink(document: dict[str, Any], file: str) -> Table:
    """The lines of a story, by knot; choices' texts are of the kind `choice`.

    The id is a tag `# id: …`, `# line: …` or `# voice: …` of the line. A value that the story computes is `{…}`.
    """
    root = document.get("root")
    if not isinstance(root, list):
        return broken_file(file, "ink JSON", "has no root container, a list")
    reader = _Reader(file)
    try:
        reader.container(root, "", 0)
    except RecursionError:
        return broken_file(file, "ink JSON", f"is nested deeper than {_DEEPEST} containers")
    reader.end_line()
    roles = {"text": "text", "scene": "knot"}
    if any("id" in row.fields for row in reader.rows):
        roles["job_id"] = "id"
    return unit_table(file, "ink JSON", _COLUMNS, reader.rows, roles=roles, skipped={"kind": ("choice",)})


@dataclass
class _Reader:
    file: str
    rows: list[Row] = field(default_factory=list)
    _text: str = ""
    _tags: list[str] = field(default_factory=list)
    _knot: str = ""

    def container(self, content: list[Any], knot: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise RecursionError
        self._knot = knot
        self._elements(iter(content[:-1]), depth)
        named = content[-1] if content else None
        if isinstance(named, dict):
            for name, inner in named.items():
                if isinstance(inner, list):
                    self.end_line()
                    # The names of the outermost containers are knots; those inside are ink's own or stitches.
                    self.container(
                        inner, name if depth == 0 and name != "global decl" else knot or self._knot, depth + 1
                    )
                    # What a choice shows and the story then repeats stands in a container of its own.
                    self._end("choice" if name == "s" else "line")
                    self._knot = knot
        elif isinstance(named, list | str):
            self._elements(iter([named]), depth)

    def _elements(self, elements: Iterator[Any], depth: int) -> None:
        for element in elements:
            if isinstance(element, list):
                self.container(element, self._knot, depth + 1)
            elif element == "ev":
                self._evaluation(elements, depth)
            elif element == "#":
                tag = "".join(each[1:] for each in _until(elements, "/#") if isinstance(each, str) and each[:1] == "^")
                self._tags.append(tag.strip())
            elif isinstance(element, dict) and isinstance(element.get("#"), str):
                self._tags.append(element["#"].strip())
            elif element == "\n":
                self.end_line()
            elif isinstance(element, str) and element.startswith("^"):
                self._text += element[1:]

    def _evaluation(self, elements: Iterator[Any], depth: int) -> None:
        for element in elements:
            if element == "/ev":
                return
            if element == "out":
                self._text += _COMPUTED
            elif element == "str":
                before, self._text = self._text, ""
                self._elements(_until(elements, "/str"), depth)
                self._end("choice")
                self._text = before

    def end_line(self) -> None:
        """Ends the line that has been collected, if there is any."""
        self._end("line")

    def _end(self, kind: str) -> None:
        text, tags = " ".join(self._text.split()), self._tags
        self._text = ""
        if not text:
            return
        self._tags = []
        number = len(self.rows) + 1
        named = next((tag.partition(":")[2].strip() for tag in tags if tag.lower().startswith(_ID_TAGS)), None)
        fields = {"id": named, "text": text, "knot": self._knot, "kind": kind, "tags": ", ".join(tags)}
        self.rows.append(unit_row(self.file, number, named or self._knot or f"line {number}", fields))


def _until(elements: Iterator[Any], end: str) -> Iterator[Any]:
    for element in elements:
        if element == end:
            return
        yield element
