"""What a search found, as text: a line per layer, totals, certificate, front."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from costmodel.report.human import digits, joules, memory, percent, seconds, told_apart
from costmodel.report.text.aligned import table
from costmodel.report.text.fused import fused_lines
from costmodel.report.text.totals import totals_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.layers import Layer
    from costmodel.mapper.network import NetworkResult
    from costmodel.mapper.result import Certificate


def certificate_text(certificate: Certificate) -> str:
    """What is known about an answer, in one line.

    >>> from costmodel.mapper.result import Certificate
    >>> certificate_text(Certificate("optimal: proven", "exact", 10**15, 1200, (("bound", 900),), 0.12, 0.0))
    'optimal: proven (exact): 1.00e+15 mappings, 1,200 costed in 0.12 CPU-s; pruned: bound 900'
    """
    whole = certificate.mapspace
    size = "" if whole is None else f" {_big(whole)} mapping{'' if whole == 1 else 's'},"
    pruned = ", ".join(f"{rule} {_big(number)}" for rule, number in certificate.pruned)
    costed = f"{_big(certificate.evaluated)} costed in {digits(certificate.cpu_s)} CPU-s"
    text = f"{certificate} ({certificate.how}):{size} {costed}"
    return f"{text}; pruned: {pruned}" if pruned else text


def _big(number: int) -> str:
    if number < 10**9:
        return f"{number:,}"
    power = len(str(number)) - 1
    lead = number // 10 ** (power - 2)
    return f"{lead // 100}.{lead % 100:02d}e+{power}"


def network_text(result: NetworkResult) -> str:
    """One line for layers that are alike, if there are several, and the totals; with room where it is an objective."""
    room = result.request.aim.uses_capacity
    missing = len(result.failures) + len(result.unfinished)
    rows = []
    for name, layer in _alike(result.layers) if len(result.layers) + missing > 1 else ():
        evaluation = layer.point.evaluation
        rows.append(
            [
                name,
                str(layer.count) if layer.count != 1 else "",
                joules(layer.point.energy_pj * layer.count),
                seconds(evaluation.latency_cycles * layer.count / evaluation.clock_hz),
                memory(layer.point.capacity_bits) if room else "",
                percent(evaluation.utilisation),
                ", ".join(dict.fromkeys(evaluation.bottlenecks.values())),
                str(len(layer.result.front)) if len(layer.result.front) > 1 else "",
                str(layer.result.certificate),
            ],
        )
    columns = ["einsum", "count", "energy", "latency", "room used", "utilisation", "bottleneck", "front", "certificate"]
    parts = [table(columns, rows)] if rows else []
    if result.layers:
        partial = f"of {len(result.layers)} of {len(result.layers) + missing} Einsums:\n" if missing else ""
        parts.append(partial + totals_text(result.evaluation, room=room, brief=True))
        parts += otherwise_text(result)
        if fused := fused_lines(result):
            parts.append("\n".join(fused))
        parts.append(f"certificate: {certificate_text(result.certificate)}")
    if len(result.front) > 1:
        clock = result.evaluation.clock_hz
        ends = (result.front[0], result.front[-1])
        energies = told_apart([p.energy_pj for p in ends], joules)
        times = told_apart([p.latency_cycles / clock for p in ends], seconds)
        rooms = [f", {memory(p.capacity_bits)}" if room else "" for p in ends]
        span = " to ".join(f"{e}, {t}{r}" for e, t, r in zip(energies, times, rooms, strict=True))
        exactness = (
            f"; thinned, every point is within {percent(result.front_gap)} of a kept one" if result.front_gap else ""
        )
        shown = f"\nthe totals are of {_chosen(result)}{' (--choose)' if result.request.aim.front else ''}"
        parts.append(f"front: {len(result.front)} points from {span}{exactness}{shown}")
    return "\n\n".join(parts)


def _alike(layers: Sequence[Layer]) -> list[tuple[str, Layer]]:
    """Layers that are identical in all but names and use the same mapping, as one, with all their executions."""
    found: dict[tuple[int, int], list[Layer]] = {}
    for layer in layers:
        found.setdefault((layer.group, layer.chosen), []).append(layer)
    return [
        (
            same[0].einsum if len(same) == 1 else f"{same[0].einsum} and {len(same) - 1} more",
            replace(same[0], count=sum(layer.count for layer in same)),
        )
        for same in found.values()
    ]


def otherwise_text(result: NetworkResult) -> list[str]:
    """Say how layers were searched of which the method that was asked for knows no proof, and why."""
    how: dict[str, list[str]] = {}
    for layer in result.layers:
        if "(" in (method := layer.result.certificate.method):
            how.setdefault(method, []).append(layer.einsum)
    return ["\n".join(f"{', '.join(names)}: {method}" for method, names in how.items())] if how else []


def _chosen(result: NetworkResult) -> str:
    """``point 3: least EDP``."""
    if result.chosen is None:
        return f"a point between those kept: {result.request.choice}"
    return f"point {result.chosen + 1}: {result.request.choice}"
