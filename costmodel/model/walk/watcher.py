"""Who looks on while a nest is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from costmodel.einsum.algebra import Einsum
    from costmodel.model.evaluation import Flow
    from costmodel.model.walk.state import Holder, Instance
    from costmodel.model.walk.words import Tile
    from costmodel.spec.hardware import Array


class Watcher:
    """Is told what happens while a nest is executed, in its order; this one does nothing with it."""

    def turned(self, place: tuple[int, ...], position: int) -> None:
        """Hear that a loop in time takes a position; ``place`` leads to its node, as in ``Scope``."""

    def took(self, holder: Holder, instance: Instance, tile: Tile, arriving: Tile, leaving: Tile) -> None:
        """Hear that an instance of a storage node takes a tile, perhaps the one that it held.

        ``arriving`` are the words of it that are filled, ``leaving`` those that are held no more.
        """

    def moved(self, holder: Holder, flow: Flow, instance: Instance, words: int) -> None:
        """Hear of words that count at an instance of a storage node."""

    def passed(self, array: Array) -> None:
        """Hear that the first child of a systolic array takes another tile of what stays: a pass begins."""

    def computing(self) -> None:
        """Hear that all instances have their tiles: what moves next is asked for by operations."""

    def computed(self, einsum: Einsum, points: Dict[Instance, dict[str, int]], busy: frozenset[Instance]) -> None:
        """Hear that a step is over: the point of each active compute instance, and which of them are inside."""

    def ending(self) -> None:
        """Hear that the run, or one execution of a branch, is over: what comes next leaves its storage nodes."""

    def ended(self) -> None:
        """Hear that all of that has left."""
