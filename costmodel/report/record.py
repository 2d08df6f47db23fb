"""How the files of a run folder are decoded: records say how a value is written, pydantic checks them.

A record is derived from the class that it gives. Its numbers are checked by ``numbers.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from costmodel.einsum.algebra import Workload
from costmodel.model.evaluation import ActionRow, LatencyRow, OccupancyRow, OverlapRow, TrafficRow
from costmodel.report.result import AdviceContent, Result
from costmodel.report.run import DesignPoint, EinsumSearch, FrontPoint
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError

_CONFIG = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _value(record: Any) -> Any:
    """The value of a record: an instance of the class that the record is derived from."""
    kind = type(record).__mro__[1]
    return kind(**{field.name: getattr(record, field.name) for field in fields(kind)})


class _As:
    """Validate as a record, which says how a value is written, and give the value itself."""

    def __init__(self, record: type, value: Callable[[Any], Any] = _value) -> None:
        self._record, self._value = record, value

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._value, handler.generate_schema(self._record))


# Architectures: a level carries its class under ``kind``


@dataclass(frozen=True, slots=True, kw_only=True)
class _MemoryRecord(Memory):
    kind: Literal["Memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ArrayRecord(Array):
    kind: Literal["Array"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComputeUnitRecord(ComputeUnit):
    kind: Literal["ComputeUnit"]


_Level = Annotated[
    Annotated[_MemoryRecord | _ArrayRecord | _ComputeUnitRecord, Field(discriminator="kind")], AfterValidator(_value)
]


@dataclass(frozen=True, kw_only=True)
class _ArchitectureRecord(Architecture):
    levels: tuple[_Level, ...]

    def __post_init__(self) -> None:
        if not self.levels or not isinstance(self.levels[0], Memory) or not isinstance(self.levels[-1], ComputeUnit):
            raise ValueError("the first level must be a memory, the last one a compute unit")
        if len({level.name for level in self.levels}) < len(self.levels):
            raise ValueError("two levels have one name")


# Mappings: a nest is a list of sentences


@dataclass(frozen=True, slots=True)
class _MappingRecord(Mapping):
    nest: tuple[Any, ...]


def _mapping(record: _MappingRecord) -> Mapping:
    try:
        nest = parse_nest(list(record.nest))
    except SpecError as error:
        raise ValueError(error.problems[0].message) from error
    return Mapping(nest, record.arch, record.workload, record.einsum)


_Mapping = Annotated[Mapping, _As(_MappingRecord, _mapping)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _FrontPointRecord(FrontPoint):
    mapping: _Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class _SearchRecord(EinsumSearch):
    front: tuple[Annotated[FrontPoint, _As(_FrontPointRecord)], ...]

    def __post_init__(self) -> None:
        if self.chosen is not None and not 0 <= self.chosen < len(self.front):
            raise ValueError(f"chosen: the front has {len(self.front)} points, got {self.chosen}")


@dataclass(frozen=True, kw_only=True)
class _DesignPointRecord(DesignPoint):
    mappings: tuple[str, ...]  # type: ignore[assignment]  # their names


@dataclass(frozen=True, kw_only=True)
class _ResultRecord(Result):
    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    mappings: tuple[_Mapping, ...]
    searches: tuple[Annotated[EinsumSearch, _As(_SearchRecord)], ...]
    design_points: tuple[Annotated[DesignPoint, _As(_DesignPointRecord)], ...]
    design_mappings: dict[str, _Mapping] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, design in enumerate(self.design_points):
            unknown = [name for name in map(str, design.mappings) if name not in self.design_mappings]
            if unknown:
                raise ValueError(f"design_points[{place}].mappings: no mapping is called {unknown[0]!r}")
        sizes = [len(search.front) for search in self.searches]
        for place, point in enumerate(self.network_front):
            places = point.choices
            if len(places) != len(sizes) or any(p not in range(s) for p, s in zip(places, sizes, strict=True)):
                raise ValueError(f"network_front[{place}].choices must name one point of the front of each search")


@dataclass(frozen=True, kw_only=True)
class _AdviceRecord(AdviceContent):
    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG


def _result(record: _ResultRecord) -> Result:
    """The result, with the mappings of its designs in place of their names."""
    known = record.design_mappings
    designs = (replace(d, mappings=tuple(known[str(name)] for name in d.mappings)) for d in record.design_points)
    result: Result = replace(_value(record), design_points=tuple(designs))
    return result


# Tables


_Amount = Annotated[int | Annotated[float, Field(allow_inf_nan=False)], Field(union_mode="left_to_right")]
"""A count stays an exact integer where it is one."""


@dataclass(frozen=True, slots=True)
class _ActionRecord(ActionRow):
    count: _Amount
    energy_pj: _Amount


@dataclass(frozen=True, slots=True)
class _LatencyRecord(LatencyRow):
    cycles: _Amount


@dataclass(frozen=True, slots=True)
class _OverlapRecord(OverlapRow):
    cycles: _Amount


RESULT_FILE: TypeAdapter[Result] = TypeAdapter(Annotated[Result, _As(_ResultRecord, _result)])
ADVICE_FILE: TypeAdapter[AdviceContent] = TypeAdapter(Annotated[AdviceContent, _As(_AdviceRecord)])
WORKLOADS_FILE: TypeAdapter[tuple[Workload, ...]] = TypeAdapter(tuple[Workload, ...], config=_CONFIG)
ARCHITECTURES_FILE: TypeAdapter[tuple[Architecture, ...]] = TypeAdapter(
    tuple[Annotated[Architecture, _As(_ArchitectureRecord)], ...], config=_CONFIG
)
ROWS: dict[type, TypeAdapter[Any]] = {
    TrafficRow: TypeAdapter(TrafficRow),
    ActionRow: TypeAdapter(Annotated[ActionRow, _As(_ActionRecord)]),
    LatencyRow: TypeAdapter(Annotated[LatencyRow, _As(_LatencyRecord)]),
    OccupancyRow: TypeAdapter(OccupancyRow),
    OverlapRow: TypeAdapter(Annotated[OverlapRow, _As(_OverlapRecord)]),
}
"""How the cells of a row, which are text, are read."""
