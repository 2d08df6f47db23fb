"""The request: everything that is asked of a search of mappings, with the defaults of the whole package.

The options of the command line, the keys of a study, the settings that a run keeps and what tells one sweep from
another are all read off this record.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator
from pydantic import WithJsonSchema as JsonSchema

from costmodel.spec import units
from costmodel.spec.load import describe
from costmodel.spec.methods import CHOOSY, METHODS, MethodName
from costmodel.spec.objective import OF_DESIGNS, PATTERN, Objective, choice_text, objective_of
from costmodel.spec.problems import Marks, Problem, SpecError, did_you_mean
from costmodel.spec.validation import HINT, Items, SpecModel, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from costmodel.einsum.algebra import Einsum, Workload

TRIALS = 2000
"""Mappings that a sampler costs where the request does not say."""


def _objectives(value: object) -> tuple[str, ...]:
    """Read ``energy,latency`` as the command line writes it, or a list; some objectives are of a sweep alone."""
    if isinstance(value, Objective):
        return value.names
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(part, str) for part in listed):
        raise ValueError(f"must be an objective or a list of them, got {describe(value)}")
    names = [part.strip() for part in listed]
    of_designs = [name for name in OF_DESIGNS if name in [each.lower() for each in names]]
    try:
        known = objective_of([name for name in names if name.lower() not in OF_DESIGNS] or ["energy"]).names
    except SpecError as error:
        problem = error.problems[0]
        raise ValueError(f"{problem.message} ({problem.hint})") from None
    return (*known, *of_designs)


def budget_seconds(value: object) -> float:
    """Read a time, bare in seconds. Raises ValueError."""
    seconds = float(units.parse(value, units.TIME))
    if seconds <= 0:
        raise ValueError(f"must be greater than zero, got {describe(value)}")
    return seconds


def memory_bytes(value: object) -> int:
    """Read an amount of memory: a size, or a bare number of bytes. Raises ValueError."""
    amount = value
    if isinstance(value, str) and value.strip().isdecimal():
        amount = int(value)
    elif isinstance(value, str):
        quantity = units.parse(value, units.SIZE)
        amount = int(quantity.value // 8) if quantity.unit == "b" else 0
    if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        raise ValueError(f"must be a size such as 2 GiB, greater than zero, got {describe(value)}")
    return amount


Objectives = Annotated[
    Items[str],
    BeforeValidator(_objectives, json_schema_input_type=str | list[Annotated[str, Field(pattern=PATTERN)]]),
]
Seconds = Annotated[
    float,
    PlainValidator(budget_seconds),
    JsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "description": units.TIME.manual}]}
    ),
]
Bytes = Annotated[
    int,
    PlainValidator(memory_bytes),
    JsonSchema(
        {
            "anyOf": [
                {"type": "integer", "exclusiveMinimum": 0},
                {"type": "string", "description": "A size (B, KiB, MiB, GiB); a bare number is in B."},
            ]
        }
    ),
]


Fuse = Literal["off", "auto", "all"]
CHOICES = ("energy", "latency", "edp", "knee")
"""Names of points of a front."""


def _choice(value: object) -> str:
    text = str(value).strip().lower() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text not in CHOICES and not (text.isdecimal() and int(text) > 0):
        known = ", ".join(CHOICES)
        raise ValueError(f"must be one of {known}, or the number of a point of the front from 1, got {describe(value)}")
    return text if text in CHOICES else str(int(text))


Choice = Annotated[
    str,
    PlainValidator(_choice),
    JsonSchema({"anyOf": [{"enum": list(CHOICES)}, {"type": "integer", "minimum": 1}]}),
]


class Request(SpecModel):
    """What is asked of a search of mappings."""

    objective: Objectives = ("edp",)
    """What is made small: ``energy``, ``latency``, ``capacity`` (bits that tiles occupy inside the outermost memory),
    ``edp``, ``ed2p``, ``e2dp``, or a product such as ``energy^2*latency``; several for a front (``energy,latency``). Of
    a sweep also ``area``, ``power`` (energy over latency) and ``tops/w``, which order designs and no mappings.
    E.g. ``edp``, ``[energy, latency]``, ``energy^2*latency``."""
    choose: Choice | None = None
    """Of a front, the point whose mapping and totals are shown and used: least ``energy``, ``latency`` or ``edp``, the
    ``knee`` (nearest to the best of every objective, each from 0, its best on the front, to 1, its worst), or a point's
    number from 1. When absent, the one with the least product of the objectives: least EDP of ``energy,latency``.
    E.g. ``knee``, ``latency``, ``3``."""
    method: MethodName = "exact"
    """How mappings are searched: ``exact`` proves what it finds, the others sample with Optuna. E.g. ``nsga2``."""
    trials: Annotated[int, Field(gt=0)] | None = None
    """Mappings that a sampling method costs for each Einsum; 2000 when absent. E.g. ``5000``."""
    budget: Seconds | None = None
    """Time for mapping one workload on one architecture (bare: seconds); until proven when absent.
    E.g. ``60 s``, ``2 min``."""
    memory: Bytes | None = None
    """Memory for one exact search (bare: bytes); what the machine has when absent. E.g. ``2 GiB``."""
    bound: bool = True
    """Whether a sampler's answer is held against the proven optimum. E.g. ``false``."""
    tiles: Literal["perfect", "multiples", "any"] = "perfect"
    """Tiles that divide the ones above (``perfect``); multiples of the ones below, so that what is left over falls to
    the outermost loops (``multiples``); or any that fit. E.g. ``multiples``."""
    fuse: Fuse | None = None
    """Whether neighbouring Einsums may share loops and storage, so that what one makes for another need not leave the
    chip: ``auto`` fuses what then is better; ``all`` whatever hands a tensor on that can stay on chip, better or not:
    the best of the cuts into as few groups as can be. When absent, ``auto`` where some tensor can stay on chip and the
    method searches fused nests. E.g. ``off``."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of every random choice: the same seed gives the same answer. E.g. ``7``."""
    constraints: Items[str] = ()
    """What is forbidden in mappings besides what the architecture forbids, as sentences.
    E.g. ``["GLB tile p <= 14", weight_stationary]``."""
    jobs: Annotated[int, Field(gt=0)] | None = None
    """Worker processes; one per core when absent. The answer does not depend on it. E.g. ``4``."""

    without_effect: ClassVar[frozenset[str]] = frozenset({"jobs"})
    """Keys that change nothing in an answer."""

    @field_validator(*CHOOSY)
    @classmethod
    def _understood(cls, value: object, info: ValidationInfo) -> object:
        """A key that the method does not understand is an error, not a silence."""
        key, method = str(info.field_name), METHODS.get(info.data.get("method", ""))
        if method is None or key in method.understands or value in (None, False, "off", cls.model_fields[key].default):
            return value  # what is off asks for nothing
        others = ", ".join(name for name, other in METHODS.items() if key in other.understands)
        message = f"method {method.name!r} has no use for {key}"
        raise ValueError(f"{message}{HINT}leave {key} out, or choose a method that has: {others}")

    @field_validator("choose")
    @classmethod
    def _of_a_front(cls, value: str | None, info: ValidationInfo) -> str | None:
        objective = info.data.get("objective")
        if value is not None and objective is not None and not objective_of(objective).front:
            name = ",".join(objective)
            hint = "ask for a front, such as energy,latency"
            raise ValueError(f"one objective ({name}) has one answer: there is no front to choose from{HINT}{hint}")
        return value

    @field_validator("fuse")
    @classmethod
    def _of_perfect_tiles(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value not in (None, "off") and info.data.get("tiles") != "perfect":
            raise ValueError(f"fused nests are searched over perfect tiles{HINT}leave tiles out, or fuse")
        return value

    @property
    def choice(self) -> str:
        """Of a front, the rule that chooses the point that is used, in words."""
        return choice_text(self.aim, self.choose)

    @property
    def aim(self) -> Objective:
        """The objectives of mappings: area, which does not depend on them, plays no part."""
        return objective_of(self.objective)

    @property
    def samples(self) -> int:
        """Mappings that a sampler costs for each Einsum."""
        return TRIALS if self.trials is None else self.trials

    def asking(self, **values: Any) -> Request:
        """Return the request, without what else a study says, with other values, which are taken as they are."""
        return Request.model_construct(**{key: values.get(key, getattr(self, key)) for key in Request.model_fields})

    @property
    def used(self) -> tuple[str, ...]:
        """Keys that mean something to the method."""
        idle = set(CHOOSY) - METHODS[self.method].understands
        return tuple(key for key in Request.model_fields if key not in idle)

    def settings(self) -> dict[str, str | int | float | bool]:
        """What a run keeps of the request: the keys in use that have a value, with their unit, each as one value."""
        values = {key: getattr(self, key) for key in self.used if key not in _BESIDE}
        if "trials" in values:
            values["trials"] = self.samples
        return {
            _WITH_UNIT.get(key, key): _scalar(key, value) for key, value in values.items() if value not in (None, ())
        }

    def stated(self) -> dict[str, Any]:
        """What a study says to ask the same: the keys in use that are not at their default, method and objective."""
        always = ("objective", "method", "seed")
        fields = Request.model_fields
        values = {key: getattr(self, key) for key in self.used if key not in self.without_effect}
        return {key: value for key, value in values.items() if key in always or value != fields[key].default}

    def fingerprint(self, *more: Any) -> str:
        """A short name for all that decides the answer: this request, ``more`` and the version of the package."""
        from costmodel import __version__

        decides = self.model_dump(mode="json", exclude=set(self.without_effect))
        content = json.dumps([__version__, decides, *more], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


_BESIDE = ("seed", "jobs")
"""Keys that are no settings: a run keeps its seed beside them, and nothing depends on its jobs."""
_WITH_UNIT = {"budget": "budget_s", "memory": "memory_bytes"}
_JOINED = {"objective": ","}
_JOINT = "; "
"""Between values that are kept as one, where nothing else is said."""


def _scalar(key: str, value: Any) -> str | int | float | bool:
    scalar: str | int | float | bool = _JOINED.get(key, _JOINT).join(value) if isinstance(value, tuple) else value
    return scalar


def request_of(marks: Marks | None = None, /, **values: Any) -> Request:
    """Build a request for mappings from options, those that are null left out; ``marks`` say where each was given.

    Raises SpecError with all that is wrong; area, which orders designs and no mappings, is no objective alone.
    """
    marks = marks or Marks()
    given = {key: value for key, value in values.items() if value is not None}
    if isinstance(given.get("objective"), str | list | tuple):
        try:
            given["objective"] = objective_of(given["objective"])
        except SpecError as error:
            problems = [marks.problem(p.message, ("objective",), hint=p.hint) for p in error.problems]
            raise SpecError(problems) from None
    return validate(Request, given, marks)


def request_of_settings(settings: Mapping[str, Any], seed: int | None) -> Request:
    """Return the request that a run keeps as settings; those of others are left out. Raises SpecError.

    >>> asked = Request(objective="energy,latency", budget="2 min", constraints=["GLB tile p <= 14"], seed=7)
    >>> request_of_settings(asked.settings(), 7) == asked
    True
    """
    values = {key: settings.get(_WITH_UNIT.get(key, key)) for key in Request.model_fields if key not in _BESIDE}
    if values["constraints"] is not None:
        values["constraints"] = str(values["constraints"]).split(_JOINT)
    return request_of(**values, seed=seed)


def einsum_of(workload: Workload, name: str) -> Einsum:
    """Return the Einsum that is asked for by name; SpecError with a hint if there is none."""
    known = [e.name for e in workload.einsums]
    if name not in known:
        raise SpecError([Problem(f"{workload.name} has no Einsum {name!r}", hint=did_you_mean(name, known))])
    return workload.einsum(name)
