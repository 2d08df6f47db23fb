"""The command that asks a question again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from costmodel.spec.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG = {"constraints": "constraint"}


def command_of(
    arch: str, workload: str, settings: Sequence[str], einsums: Sequence[str], request: Request, mapping: str = ""
) -> str:
    """Return what is typed to map a workload as a request says, or to cost the mappings of a file.

    >>> command_of("pe2d", "mm64", ["GLB.size=8 KiB"], [], Request(objective="energy"))
    "costmodel map pe2d mm64 --set 'GLB.size=8 KiB' --objective energy"
    """
    words = ["costmodel", "evaluate" if mapping else "map", arch, workload]
    words += ["--mapping", mapping] if mapping else []
    words += [word for name in einsums for word in ("--einsum", name)]
    words += [word for setting in settings for word in ("--set", setting)]
    return shlex.join([*words, *([] if mapping else options_of(request))])


def options_of(request: Request) -> list[str]:
    """The options that a request is typed with: what is not the default."""
    fields = Request.model_fields
    given = {key: getattr(request, key) for key in request.used if key not in request.without_effect}
    return [word for key, value in given.items() if value != fields[key].default for word in _words(key, value)]


def _words(key: str, value: Any) -> Iterator[str]:
    option = f"--{_LONG.get(key, key)}"
    if isinstance(value, bool):
        yield option if value else f"--no-{key}"
    elif key == "objective":
        yield from (option, ",".join(value))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for one in value:
            yield from (option, one)
    else:
        yield from (option, _text(key, value))


def _text(key: str, value: object) -> str:
    return f"{value:g}s" if key == "budget" else str(value)
