"""costmodel: what an Einsum costs on an accelerator, and the best way to run it.

`import costmodel as cm` gives the names below, loaded when they are used; `docs/python.md` is a tour of them.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from costmodel.api import evaluate, explain, load_arch, load_mapping, load_workload, map, report, sweep

__all__ = [
    "__version__",
    "evaluate",
    "explain",
    "load_arch",
    "load_mapping",
    "load_workload",
    "map",
    "report",
    "sweep",
]

# Importing a subpackage binds its name here, once. These two share theirs with a function, which is what users mean.
for _name in ("report", "sweep"):
    __import__(f"{__name__}.{_name}")
    del globals()[_name]

if not TYPE_CHECKING:  # for a type checker, there is nothing but what stands above

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from costmodel import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return list(__all__)
