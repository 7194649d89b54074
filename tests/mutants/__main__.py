"""Runs each rule's own unit tests against mutants of its module: `python -m tests.mutants [MODULE ...]`.

A mutant that passes them survives. Each survivor must stand in `harmless.yaml` with the reason why it changes nothing
that matters; any other one, and any entry that no mutant matches, ends the run with exit code 1.
"""

import importlib.abc
import importlib.util
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.mutants.mutations import Mutant, mutants

FOLDER: Final = Path(__file__).parent
# A mutant may loop for ever.
TIMEOUT_S: Final = 120
# So many examples of each property show most mutants; only those that survive them get as many as usual.
FEW_EXAMPLES: Final = 5


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a mutant's source, all others as ever."""

    def __init__(self, module: str, source: str, examples: int | None) -> None:
        self._module = module
        self._source = source
        self._examples = examples

    def pytest_collection(self) -> None:
        """Come before pytest's own hook, which loads what it takes for a test's module."""
        sys.meta_path.insert(0, self)
        if self._examples is not None:
            # Not at the top: pytest rewrites assertions of hypothesis's plugin when it loads it.
            import hypothesis  # noqa: PLC0415

            hypothesis.settings.register_profile("few", parent=hypothesis.settings(), max_examples=self._examples)
            hypothesis.settings.load_profile("few")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:  # noqa: ARG002  # importlib's signature
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._module else None

    def exec_module(self, module: Any) -> None:
        exec(compile(self._source, f"<mutant of {self._module}>", "exec"), module.__dict__)  # noqa: S102


def survives(module: str, source: str, tests: list[str]) -> bool:
    """Whether a module's tests pass with another source of it: first with few examples of each property, then all."""
    return all(_passes(_Mutated(module, source, examples), tests) for examples in (FEW_EXAMPLES, None))


def _passes(mutated: _Mutated, tests: list[str]) -> bool:
    """Run tests against another source of a module, in a process of their own."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", f"--timeout={TIMEOUT_S}"]
        os._exit(int(pytest.main([*arguments, "--timeout-method=thread", *tests], plugins=[mutated])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def examine(module: str, tests: list[str], harmless: dict[str, str]) -> tuple[int, list[Mutant], set[str]]:
    """How many mutants a module has, which survive without being harmless, and which harmless ones there are."""
    source = Path(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    if not survives(module, source, tests):
        raise SystemExit(f"{module}: its own tests fail without any change: {' '.join(tests)}")
    made = list(mutants(source))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alive = [
            each
            for each, lives in zip(made, pool.map(lambda m: survives(module, m.source, tests), made), strict=True)
            if lives
        ]
    known = {each.name for each in alive if each.name in harmless}
    return len(made), [each for each in alive if each.name not in harmless], known


def main(chosen: list[str]) -> int:
    """Examines the modules of `harmless.yaml`, or some of them, and prints what survived."""
    rules: dict[str, Any] = yaml.safe_load((FOLDER / "harmless.yaml").read_text(encoding="utf-8"))
    if unknown := set(chosen) - rules.keys():
        raise SystemExit(f"not in harmless.yaml: {', '.join(sorted(unknown))}; there are {', '.join(rules)}")
    totals: Counter[str] = Counter()
    for module, rule in rules.items():
        if chosen and module not in chosen:
            continue
        harmless: dict[str, str] = rule.get("harmless") or {}
        count, dangerous, known = examine(module, rule["tests"], harmless)
        print(
            f"{module}: {count} mutants, {count - len(dangerous) - len(known)} killed, {len(known)} harmless",
            flush=True,
        )
        for each in dangerous:
            print(f"  SURVIVES {each.line}: {each.name}", flush=True)
        for name in harmless.keys() - known:
            print(f"  NO SUCH SURVIVOR: {name}", flush=True)
        totals.update(mutants=count, dangerous=len(dangerous), harmless=len(known), stale=len(harmless) - len(known))
    print(f"{totals['mutants']} mutants: {totals['dangerous']} survive, {totals['harmless']} more are harmless")
    return 1 if totals["dangerous"] or totals["stale"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
