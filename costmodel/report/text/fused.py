"""What a search fused, as text: which Einsums below which loops, what stays on chip, and what that saves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from costmodel.report.human import joules, percent, seconds, some
from costmodel.spec.mapping import Nest, Sequence, Storage, Temporal, einsums_in

if TYPE_CHECKING:
    from costmodel.mapper.fused import Fusion
    from costmodel.mapper.layers import Layer
    from costmodel.mapper.network import NetworkResult
    from costmodel.model.evaluation import Evaluation


SHOWN = 4
"""Tensors that are named, of those that could stay on chip."""


def fused_lines(result: NetworkResult) -> list[str]:
    """One line for each group that is fused, and one for each reason why Einsums are in no group.

    Where fused nests were not asked for, what those tensors take that could stay on chip.
    """
    if result.fusion is None:
        return list(_worth_asking(result))
    lines = [line for layer in result.layers if layer.instead for line in _of_layer(layer)]
    if not lines:
        lines = [f"fused: nothing; {_why_nothing(result.fusion)}"]
    lines += _gap(result.fusion)
    reasons: dict[str, list[str]] = {}
    for name, why in result.fusion.alone.items():
        reasons.setdefault(why, []).append(name)
    together = [set(names) for layer in result.layers for names, _, _ in shared_parts(layer.point.mapping.nest[1:])]
    for one, other, why in result.fusion.between:
        if not any({one, other} <= names for names in together):
            reasons.setdefault(why, []).append(f"{one} | {other}")
    return lines + [f"not fused: {', '.join(names)}: {why}" for why, names in reasons.items()]


def _gap(fusion: Fusion) -> Iterator[str]:
    """Say where the gap of the totals is from, whatever is proven of each layer."""
    if fusion.lacking:
        named = [f"{' + '.join(names)} ({percent(share)})" for names, share in fusion.lacking]
        more = ", as --fuse auto does" if fusion.soon else ""
        yield f"not searched to the end{more}, with what each may save of the totals at most: {some(named, SHOWN)}"


def _worth_asking(result: NetworkResult) -> Iterator[str]:
    """Tell what crosses the outermost memory of tensors that fused nests could keep on chip."""
    homes = {
        node.level for layer in result.layers for node in layer.point.mapping.nest[:1] if isinstance(node, Storage)
    }
    if len(homes) != 1 or not result.could_stay:
        return
    (home,), found = homes, result.evaluation
    crossing = [row for row in found.action_rows if row.component == home and row.tensor in result.could_stay]
    energy = sum(row.energy_pj * found.counts[row.einsum] for row in crossing)
    words = sum(r.words * found.counts[r.einsum] for r in found.traffic_rows if r.level == home)
    mine = [r for r in found.traffic_rows if r.level == home and r.tensor in result.could_stay]
    moved = sum(r.words * found.counts[r.einsum] for r in mine)
    if moved and found.energy_pj:
        names = ", ".join(result.could_stay[:SHOWN]) + (" and others" if len(result.could_stay) > SHOWN else "")
        yield (
            f"--fuse auto may keep {names} on chip: {percent(moved / words)} of the words across {home}, which take "
            f"{percent(energy / found.energy_pj)} of the energy"
        )


def _why_nothing(fusion: Fusion) -> str:
    if fusion.hindrances:
        return "; ".join(f"{why} (neighbours: {pairs})" for why, pairs in fusion.hindrances)
    if not fusion.searched:
        return "no group of neighbours was searched"
    which = "" if fusion.proven else " that was searched"
    return f"no group of neighbours{which} is better than its Einsums by themselves"


def _of_layer(layer: Layer) -> Iterator[str]:
    nest = layer.point.mapping.nest
    home = nest[0]
    assert isinstance(home, Storage)  # noqa: S101  the outermost memory holds what comes from outside
    groups = list(shared_parts(nest[1:]))
    for names, loops, stores in groups:
        below = f" below {', '.join(dict.fromkeys(loops))}" if loops else ""
        staying = {t: node.level for node in reversed(stores) for t in node.tensors if t not in home.tensors}
        held = [f"{', '.join(t for t in staying if staying[t] == m)} in {m}" for m in dict.fromkeys(staying.values())]
        yield f"fused: {' + '.join(names)}{below}" + (f"; only on chip: {'; '.join(held)}" if held else "")
    if groups:
        each = f", each of {layer.count} times" if layer.count > 1 else ""
        yield f"  {layer.einsum}{each}: {_saved(layer, home.level)}"
    else:
        yield f"fused: {layer.einsum} at other points of the front"


def shared_parts(
    nest: Nest, loops: tuple[str, ...] = (), stores: tuple[Storage, ...] = ()
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[Storage, ...]]]:
    """Yield (Einsums, rank variables of the shared loops, shared storage) of each group that shares any."""
    for node in nest:
        if isinstance(node, Temporal):
            loops = (*loops, node.rank_variable)
        elif isinstance(node, Storage):
            stores = (*stores, node)
        elif isinstance(node, Sequence):
            if loops or stores:
                yield einsums_in((node,)), loops, stores
            else:
                for branch in node.branches:
                    yield from shared_parts(branch)


def _saved(layer: Layer, outermost: str) -> str:
    """What fusing saves, beside the mappings that would be used if nothing were fused."""
    alone = [one.point.evaluation for one in layer.instead]
    mine = layer.point.evaluation
    energy = sum(one.energy_pj for one in alone)
    cycles = sum(one.latency_cycles for one in alone)
    words = sum(_words(one, outermost) for one in alone)
    moved = [(name, paid, sum(_paid(one).get(name, 0.0) for one in alone)) for name, paid in _paid(mine).items()]
    apart = [
        f"in {name} {joules(paid)} of {joules(before)}" for name, paid, before in moved if _differ(paid, before, energy)
    ]
    where = f", {', '.join(apart)}" if apart else ""
    return (
        f"energy {joules(mine.energy_pj)} instead of {joules(energy)} ({percent(mine.energy_pj / energy)}){where}, "
        f"latency {seconds(mine.latency_cycles / mine.clock_hz)} instead of {seconds(cycles / mine.clock_hz)}, "
        f"{_words(mine, outermost):,} words across {outermost} instead of {words:,}"
    )


def _paid(evaluation: Evaluation) -> dict[str, float]:
    """Return the energy of each component."""
    found: dict[str, float] = {}
    for row in evaluation.action_rows:
        found[row.component] = found.get(row.component, 0.0) + row.energy_pj
    return found


def _differ(one: float, other: float, whole: float) -> bool:
    """Whether two energies differ by a per cent of the whole or more."""
    return abs(one - other) >= whole / 100


def _words(evaluation: Evaluation, level: str) -> int:
    return sum(row.words for row in evaluation.traffic_rows if row.level == level)
