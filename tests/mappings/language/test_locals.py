"""Whichever branches generated code takes, each local that it reads has been set: a branch that no sample takes would
otherwise be a fault of ours in service."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from mappings.language import load_pack
from mappings.language.compile import module
from tests.fuzz.surface import PACKS

Facts = frozenset[str]
"""Names that are set; `a?b`: where `a` is None, `b` is set, which `x if a is not None else b` asks for; and `a=b`: they
are the same."""


def unset(function: ast.FunctionDef) -> Iterator[str]:
    """`line: name` of what may be read before it is set."""
    locals_ = {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    found: dict[str, int] = {}

    def read(node: ast.AST, facts: Facts) -> None:
        if isinstance(node, ast.IfExp):
            read(node.test, facts)
            read(node.body, facts)
            read(node.orelse, facts | _where_none(node.test, ast.IsNot, facts))
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load) and node.id in locals_ and node.id not in facts:
                found.setdefault(node.id, node.lineno)
        elif isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
            inner = facts.union(*(_stored(each.target) for each in node.generators))
            for child in ast.iter_child_nodes(node):
                read(child, inner)
        else:
            for child in ast.iter_child_nodes(node):
                read(child, facts)

    def run(body: Sequence[ast.stmt], facts: Facts) -> Facts | None:
        """What is set behind these lines; None where nothing comes behind them."""
        for line in body:
            if isinstance(line, ast.If):
                read(line.test, facts)
                facts |= _stored(line.test)
                after = run(line.body, facts | _where_none(line.test, ast.Is, facts))
                otherwise = run(line.orelse, facts)
                if after is None and otherwise is None:
                    return None
                if after is None or otherwise is None:
                    facts = after or otherwise or frozenset()
                else:
                    names = _same_as(_compared(line.test, ast.Is), facts)
                    facts = after & otherwise
                    facts |= {f"{name}?{each}" for name in names for each in after - otherwise}
            elif isinstance(line, ast.For):
                read(line.iter, facts)
                run(line.body, facts | _stored(line.target))
            elif isinstance(line, (ast.Return, ast.Continue, ast.Break, ast.Raise)):
                read(line, facts)
                return None
            else:
                assert isinstance(line, (ast.Assign, ast.AugAssign, ast.Expr, ast.Pass, ast.Delete)), ast.dump(line)
                read(line, facts)
                facts = _behind(line, facts)
        return facts

    run(function.body, frozenset(each.arg for each in function.args.args))
    return (f"{line}: {name}" for name, line in found.items())


def _behind(line: ast.stmt, facts: Facts) -> Facts:
    """What holds behind a line that may give names other values."""
    said = _stored(line)
    kept = {each for each in facts if each.isidentifier() or not said & {*re.split(r"[?=]", each)[:2]}}
    if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and isinstance(line.value, ast.Name):
        said |= {f"{line.targets[0].id}={line.value.id}"}
    return said | kept


def _same_as(name: str, facts: Facts) -> set[str]:
    pairs = [each.split("=") for each in facts if "=" in each and "?" not in each]
    return {name, *(b for a, b in pairs if a == name)} if name else set()


def _stored(node: ast.AST) -> Facts:
    return frozenset(
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


def _compared(test: ast.AST, how: type[ast.cmpop]) -> str:
    """`a` of `a is None` or of `a is not None`."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], how) or not isinstance(test.left, ast.Name):
        return ""
    other = test.comparators[0]
    return test.left.id if isinstance(other, ast.Constant) and other.value is None else ""


def _where_none(test: ast.AST, how: type[ast.cmpop], facts: Facts) -> Facts:
    name = _compared(test, how)
    return frozenset(each.removeprefix(f"{name}?") for each in facts if name and each.startswith(f"{name}?"))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The text of every function that is compiled from here on, before its locals share slots."""
    texts: list[str] = []

    def kept(lines: Any) -> Any:
        texts.append("\n".join(text for text, _ in lines))
        return lines

    monkeypatch.setattr(module, "shared_slots", kept)
    return texts


@pytest.mark.parametrize("name", PACKS)
def test_every_local_that_compiled_packs_read_is_set(name: str, written: list[str]) -> None:
    load_pack(name, cache=None)

    assert len(written) > 3
    functions = [each for text in written for each in ast.parse(text).body if isinstance(each, ast.FunctionDef)]
    assert {f"{each.name}, {said}" for each in functions for said in unset(each)} == set()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("if p: a = 1\nreturn a", {"3: a"}),
        ("if p: a = 1\nelse: a = 2\nreturn a", set()),
        ("for a in p: b = a\nreturn b", {"3: b"}),
        ("a = p\nif a is None:\n  b = 1\n  a = b\nreturn 1 if a is not None else b", set()),
        ("a = p\nif a is None:\n  b = 1\nreturn b if a is not None else 1", {"5: b"}),
        (
            (
                "a = p\nif a is None:\n  b = p\n  if b is None:\n    c = p\n"
                "return 1 if a is not None else 2 if b is not None else c"
            ),
            set(),
        ),
        ("a = p\nb = a\nif b is None:\n  c = 1\n  b = c\nreturn 1 if a is not None else c", set()),
        ("a = p\nb = a\na = 1\nif b is None:\n  c = 1\nreturn 1 if a is not None else c", {"7: c"}),
        ("a = p\nif p:\n  if a is None:\n    b = 1\nreturn 1 if a is not None else b", {"6: b"}),
        ("a = p\nif a is None:\n  b = 1\na = p\nreturn 1 if a is not None else b", {"6: b"}),
        ("if p: return 1\nelse: a = 2\nreturn a", set()),
        ("return [a for a in p]", set()),
    ],
)
def test_a_local_that_may_be_unset_is_seen(body: str, said: set[str]) -> None:
    text = "def run(p):\n" + "\n".join(f"  {line}" for line in body.split("\n"))
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert set(unset(function)) == said
