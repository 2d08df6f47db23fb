"""The methods of searching mappings: what each one proves, needs, and understands of a request."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from costmodel.spec.problems import Problem, SpecError, did_you_mean

MethodName = Literal["exact", "tpe", "nsga2", "cmaes", "random", "gp", "qmc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to search the mappings of one Einsum."""

    name: MethodName
    proves: bool = False
    """Whether its answers carry a proof or a gap of their own; else they are the best found."""
    needs: tuple[str, ...] = ()
    """Packages that it imports besides those that are always there."""
    understands: frozenset[str] = frozenset({"trials", "bound"})
    """Those of ``CHOOSY`` that mean something to it."""
    single: bool = False
    """Whether it makes one number small: of several objectives it is told the product."""
    vector: bool = False
    """Whether it draws points of a box, which have no unordered choices."""


CHOOSY = ("trials", "bound", "memory", "tiles", "fuse")
"""Keys of a request that some methods do not understand."""
_ALL = (
    Method(name="exact", proves=True, understands=frozenset({"memory", "tiles", "fuse"})),
    Method(name="tpe"),
    Method(name="nsga2"),
    Method(name="cmaes", needs=("cmaes",), single=True, vector=True),
    Method(name="random"),
    Method(name="gp", needs=("scipy", "torch")),
    Method(name="qmc", needs=("scipy",), vector=True),
)
METHODS: dict[str, Method] = {method.name: method for method in _ALL}
SAMPLERS = tuple(name for name, method in METHODS.items() if not method.proves)


def method_of(name: str) -> Method:
    """Return a method that can run here; SpecError if there is none of that name, or a package is missing."""
    method = METHODS.get(name)
    if method is None:
        raise SpecError([Problem(f"no such method: {name!r}", path="method", hint=did_you_mean(name, list(METHODS)))])
    check_packages(method, "method")
    return method


def check_packages(method: Method, key: str) -> None:
    """Raise SpecError if a package is missing; ``key`` is what names the method."""
    missing = [package for package in method.needs if find_spec(package) is None]
    if missing:
        message = f"{key} {method.name!r} needs {' and '.join(missing)}"
        raise SpecError([Problem(message, path=key, hint=f"pip install {' '.join(missing)}")])
