"""What a shell may complete: the names of shipped files, where a name or a path is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from costmodel.spec.overrides import Kind

    Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names_of(*kinds: Kind) -> Completion:
    """Complete the names of shipped files of some kinds (of all, where none is said), beside those of files."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from costmodel.spec import catalog

        shipped = catalog.shipped()
        names = dict.fromkeys(
            name for kind in kinds or shipped for name in shipped[kind] if name.startswith(incomplete)
        )
        # The files come first: bash forgets what it was told before them.
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]

    return complete


arch_argument = click.argument("arch", shell_complete=names_of("arch"))
workload_argument = click.argument("workload", shell_complete=names_of("workload"))
