"""The import contracts in pyproject.toml cover the whole tree, and say what the modules say of themselves."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
PURE = next(each for each in CONTRACTS if each["name"].startswith("Pure modules"))["source_modules"]
LAYERS = next(each for each in CONTRACTS if each["name"].startswith("Arrows go down"))["layers"]


def modules() -> Iterator[tuple[str, str]]:
    """Each module of worker/ and schemas/ with the first paragraph of its docstring."""
    for folder in ("worker", "schemas"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            yield name, docstring.split("\n\n")[0].rstrip()


def is_within(module: str, packages: list[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in packages)


def test_the_contract_lists_exactly_the_modules_that_call_themselves_pure() -> None:
    documented = {name: text for name, text in modules() if text}
    stated = {name for name, text in documented.items() if text.endswith("Pure.")}
    assert {name for name in stated if not is_within(name, PURE)} == set(), "pure by statement, in no contract"
    assert {name for name in documented if is_within(name, PURE)} - stated == set(), "in the contract, not stated"


def test_the_list_of_pure_modules_is_sorted_and_without_repetition() -> None:
    assert sorted(set(PURE)) == PURE
    assert [each for each in PURE if is_within(each, [other for other in PURE if other != each])] == []


def test_every_module_has_its_layer() -> None:
    layered = [module for layer in LAYERS for module in layer.replace(":", " ").split()]
    without = {name for name, text in modules() if text and not is_within(name, layered)}
    assert without - {"worker", "worker.__main__", "worker.rollout", "worker.kafka"} == set()


def test_there_are_no_loose_modules_beside_folders() -> None:
    for folder in (ROOT / "worker", ROOT / "worker" / "kafka", ROOT / "loadtest"):
        loose = {path.name for path in folder.glob("*.py")}
        assert loose <= {"__init__.py", "__main__.py"}, folder
