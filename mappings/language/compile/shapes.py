"""Whether two expressions are the same but for where they stand."""

from __future__ import annotations

from dataclasses import fields

from mappings.language.expressions import Expression, Path


def shape(tree: object) -> str:
    """The expression without positions and spelling."""
    if isinstance(tree, tuple):
        return f"({' '.join(map(shape, tree))})"
    if not hasattr(tree, "__dataclass_fields__"):
        return repr(tree)
    kept = [f.name for f in fields(tree) if f.name not in ("position", "text") or not isinstance(tree, Path)]  # type: ignore[arg-type]
    parts = [shape(getattr(tree, name)) for name in kept if name != "position"]
    return f"{type(tree).__name__}[{' '.join(parts)}]"


def is_closed(tree: Expression) -> bool:
    """Whether it speaks of nothing but components of the repetition in hand, so that no name decides its meaning."""
    if isinstance(tree, Path):
        return tree.root == ""
    parts = [getattr(tree, f.name) for f in fields(tree)]
    inner = [p for part in parts for p in (part if isinstance(part, tuple) else (part,))]
    return all(is_closed(p) for p in inner if hasattr(p, "__dataclass_fields__"))
