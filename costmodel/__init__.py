"""costmodel: what an Einsum costs on an accelerator, and the best way to run it.

`import costmodel as cm` gives the names below, loaded when they are used; `docs/python.md` is a tour of them.
"""

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers know better; `typing` would take longer to load than all of this

if TYPE_CHECKING:
    from types import ModuleType

    from costmodel.api import (
        evaluate,
        explain,
        load_arch,
        load_mapping,
        load_workload,
        map,
        report,
        run,
        sweep,
        trace,
    )
else:
    ModuleType = type(sys)

__all__ = [
    "__version__",
    "evaluate",
    "explain",
    "load_arch",
    "load_mapping",
    "load_workload",
    "map",
    "report",
    "run",
    "sweep",
    "trace",
]


class _Package(ModuleType):
    """The package as a module. A subpackage that shares the name of a function does not take its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

if not TYPE_CHECKING:  # for a type checker, there is nothing but what stands above

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from costmodel import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return list(__all__)
