"""AccelForge's sets of tensors (``input | output``, ``~Intermediates``) as roles, and names of tensors."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping

ROLES = frozenset({"input", "weight", "output", "intermediate"})
_WORDS = {
    "All": ROLES,
    "Nothing": frozenset[str](),
    "Inputs": frozenset({"input", "weight"}),
    "Outputs": frozenset({"output"}),
    "Intermediates": frozenset({"intermediate"}),
    **{role: frozenset({role}) for role in ROLES},
}


class SetError(ValueError):
    """The text is no set of tensors that can be said here."""


def set_of(given: object, held: Mapping[str, frozenset[str]], tensors: Collection[str] = ()) -> frozenset[str]:
    """Roles and tensors of an expression; ``held`` is what other memories hold, by name.

    >>> sorted(set_of("~(input | Intermediates)", {}))
    ['output', 'weight']

    Raises SetError, which says what cannot be read.
    """
    text = " | ".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise SetError(f"{text!r} is no set of tensors") from None
    return _of(tree, held, tensors)


def _of(node: ast.expr, held: Mapping[str, frozenset[str]], tensors: Collection[str]) -> frozenset[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id=name), attr="tensors"):
            if name in _WORDS:
                return _WORDS[name]
            if name in held:
                return held[name]
            if name in tensors:
                return frozenset({name})
            raise SetError(f"{name!r} is no tensor, no memory above and no word for tensors")
        case ast.UnaryOp(op=ast.Invert(), operand=inner):
            found = _of(inner, held, tensors)
            if found - ROLES:
                raise SetError(f"all but {', '.join(sorted(found - ROLES))}: here, a level names what it holds")
            return ROLES - found
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _of(left, held, tensors) | _of(right, held, tensors)
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            return _of(left, held, tensors) & _of(right, held, tensors)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _of(left, held, tensors) - _of(right, held, tensors)
    raise SetError(f"{ast.unparse(node)!r} depends on the Einsum: here, what a level holds is said once")
