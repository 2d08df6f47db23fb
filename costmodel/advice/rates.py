"""Faster memories and a faster clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from costmodel.advice.amounts import scaled
from costmodel.advice.base import Base, Change
from costmodel.spec.hardware import ComputeUnit, Memory

if TYPE_CHECKING:
    from costmodel.spec.hardware import Level

TEMPTING = 2
"""Memories that are busy longest, beside those that decide, of which a faster port is tried."""
_PORTS = {"total": "", "read": " for reads", "write": " for writes"}


def faster(base: Base) -> Iterator[Change]:
    """Yield twice the bandwidth of the memories that decide a latency, longest first, and of those that nearly do."""
    decides: dict[str, float] = {}
    busy: dict[str, float] = {}
    for row in base.evaluation.latency_rows:
        cycles = row.cycles * base.evaluation.counts[row.einsum]
        busy[row.component] = busy.get(row.component, 0.0) + cycles
        if base.evaluation.bottlenecks.get(row.einsum) == row.component:
            decides[row.component] = decides.get(row.component, 0.0) + cycles
    first = sorted(decides, key=lambda name: -decides[name])
    then = [name for name in sorted(busy, key=lambda name: -busy[name]) if name not in decides]
    levels = {level.name: level for level in base.architecture.levels}
    memories = [name for name in (*first, *then) if isinstance(levels.get(name), Memory) and busy[name]]
    for name in memories[: len(set(first) & set(memories)) + TEMPTING]:
        yield from _doubled(name, base.levels.get(name, {}))
    for name in first:
        if isinstance(levels.get(name), ComputeUnit) and not base.architecture.arrays:
            yield from _rated(levels[name], base.levels.get(name, {}))


def one_port(base: Base, change: Change) -> Iterator[Change]:
    """Yield the limits of a memory one by one that were raised together."""
    for name, level in base.levels.items():
        stated = level.get("bandwidth")
        if change.about == _about(name) and isinstance(stated, Mapping) and len(stated) > 1 and change.amount > 1:
            for key, value in stated.items():
                yield _port(name, f"{name}.bandwidth.{key}", value, _PORTS.get(key, ""))


def clock(base: Base) -> Iterator[Change]:
    """Yield twice the clock; bandwidths that are stated by the second stay as they are."""
    hertz = base.architecture.clock_hz
    if base.arch is not None:
        size, unit = (1e9, "GHz") if hertz >= 1e9 else (1e6, "MHz")
        text = [f"{value / size:.15g} {unit}" for value in (hertz, 2 * hertz)]
        yield Change(about="clock", title=f"clock {text[0]} → {text[1]}", settings=(f"clock={text[1]}",))


def _about(name: str) -> str:
    return f"bandwidth of {name}"


def _doubled(name: str, level: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the ports of a memory with twice the bandwidth: as the file states it, or as a component makes it."""
    stated = level.get("bandwidth")
    if isinstance(stated, Mapping) and stated:
        if len(stated) == 1:
            ((key, value),) = stated.items()
            yield _port(name, f"{name}.bandwidth.{key}", value, _PORTS.get(key, ""))
            return
        settings = tuple(f"{name}.bandwidth.{key}={scaled(value, 2)}" for key, value in stated.items())
        old, new = (", ".join(f"{k} {scaled(v, factor)}" for k, v in stated.items()) for factor in (1, 2))
        yield Change(about=_about(name), title=f"{name} {old} → {new}", settings=settings, amount=float(len(stated)))
    elif stated is not None and not isinstance(stated, Mapping):
        yield _port(name, f"{name}.bandwidth", stated, "")
    elif stated is None and "component" in level:
        yield from _more_ports(name, level["component"])


def _more_ports(name: str, component: object) -> Iterator[Change]:
    """Yield a component with twice as many of what gives it bandwidth."""
    stated = component if isinstance(component, Mapping) else {"class": component}
    many = {"sram": "ports", "dram": "channels"}.get(str(stated.get("class")))
    if many is None:
        return
    old = int(str(stated.get(many, 1)))
    what = f"a second port on {name}" if (many, old) == ("ports", 1) else f"{name} {many} {old} → {2 * old}"
    yield Change(about=_about(name), title=what, settings=(f"{name}.component.{many}={2 * old}",), amount=1.0)


def _port(name: str, path: str, stated: object, which: str) -> Change:
    new = scaled(stated, 2)
    unit = "" if " " in str(stated).strip() or not str(stated).strip()[-1].isdigit() else " words/cycle"
    return Change(
        about=_about(name),
        title=f"{name} {stated}{unit} → {new}{unit}{which}",
        settings=(f"{path}={new}",),
        amount=1.0,
    )


def _rated(unit: Level, level: Mapping[str, Any]) -> Iterator[Change]:
    """Yield a compute unit that is twice as fast, where no array could have more of them."""
    stated = level.get("throughput", 1)
    if not isinstance(stated, Mapping) and "component" not in level:
        new = scaled(stated, 2)
        title = f"{unit.name} {scaled(stated, 1).removesuffix(' /cycle')} /cycle → {new.removesuffix(' /cycle')} /cycle"
        yield Change(about=f"rate of {unit.name}", title=title, settings=(f"{unit.name}.throughput={new}",))
