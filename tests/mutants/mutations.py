"""Mutants of a module's source: each changes one comparison, constant, boolean, operator, call or enum member. Pure.

The flags `frozen`, `slots`, `strict` and `kw_only` stay as they are: they guard against wrong use, and no result of a
rule depends on them.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_FLAGS: Final = {"frozen", "slots", "strict", "kw_only"}
_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """A changed module.

    Attributes:
        source: of the whole module.
        line: where the change is, from 1.
        before: the changed line's text as it was, without its indentation.
        change: what became of which part: `a < b → a <= b`.
    """

    source: str
    line: int
    before: str
    change: str

    @property
    def name(self) -> str:
        """The change and the line that it is in: it survives edits elsewhere in the module."""
        return f"{self.change} | {self.before}"


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines; annotations, docstrings and `_FLAGS` stay."""
    tree = ast.parse(source)
    lines = source.splitlines()
    enums = _enum_members(tree)
    for number, node in enumerate(_mutable(tree)):
        for replacement in _replacements(node, enums):
            changed = copy.deepcopy(tree)
            target = next(each for index, each in enumerate(_mutable(changed)) if index == number)
            _Replace(target, replacement).visit(changed)
            yield Mutant(
                ast.unparse(ast.fix_missing_locations(changed)),
                node.lineno,
                lines[node.lineno - 1].strip(),
                f"{ast.unparse(node)} → {ast.unparse(replacement)}",
            )


def _mutable(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that may be changed, without those of annotations, docstrings and flags."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.keyword) and node.arg in _FLAGS and isinstance(node.value, ast.Constant):
            continue
        if isinstance(tree, ast.AnnAssign) and node is tree.annotation:
            continue
        if isinstance(tree, ast.arg) or (
            isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) and node is tree.returns
        ):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, ast.JoinedStr):
            yield from _mutable(node)


def _enum_members(tree: ast.AST) -> dict[str, list[str]]:
    """The members of each enum that a module names, such as `Measure.ERROR_RATE`: one may be taken for another."""
    members: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
            found = members.setdefault(node.value.id, [])
            if node.attr not in found:
                found.append(node.attr)
    return members


def _replacements(node: ast.expr, enums: dict[str, list[str]]) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, operators, rights):
            for place, operator in enumerate(operators):
                changed = [*operators[:place], _COMPARISONS[type(operator)](), *operators[place + 1 :]]
                yield ast.Compare(left, changed, rights)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.Call(ast.Name(name), arguments, keywords) if name in _CALLS:
            yield ast.Call(ast.Name(_CALLS[name], ast.Load()), arguments, keywords)
        case ast.Constant() | ast.Attribute():
            yield from _other_values(node, enums)


def _other_values(node: ast.Constant | ast.Attribute, enums: dict[str, list[str]]) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as number):
            yield ast.Constant(number + 1)
        case ast.Constant(float() as number):
            yield ast.Constant(number * 2 or 1.0)
        case ast.Attribute(ast.Name(enum), member) if len(enums.get(enum, ())) > 1 and member in enums[enum]:
            other = enums[enum][(enums[enum].index(member) + 1) % len(enums[enum])]
            yield ast.Attribute(ast.Name(enum, ast.Load()), other, ast.Load())


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.expr, replacement: ast.expr) -> None:
        self._target = target
        self._replacement = replacement

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._target:
            return self._replacement
        return super().generic_visit(node)
