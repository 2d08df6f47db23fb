"""The tensors of a workload: which uses of a name are one tensor, its shape, rank names, role and width.

``workload.py`` explains the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from costmodel.einsum.algebra import Access, Role, Tensor
from costmodel.einsum.operands import from_input_to_weight
from costmodel.einsum.syntax import Binary, Expression, Index, Negative, Statement, TensorAccess, accesses, addends
from costmodel.einsum.syntax import rank_variables as rank_variables_of
from costmodel.spec.problems import Path, did_you_mean
from costmodel.spec.ranks import Findings
from costmodel.spec.workload_spec import DEFAULT_BITS, EinsumSpec, WorkloadSpec

_BATCH_RANKS = frozenset(("B", "N"))
_WRITTEN = frozenset((Role.OUTPUT, Role.INTERMEDIATE))


@dataclass(frozen=True)
class Use:
    """One access of one Einsum, as written and as resolved."""

    place: int
    """Position of the Einsum in the workload."""
    written: TensorAccess
    access: Access
    lows: tuple[int, ...]
    """Smallest coordinate per rank."""
    extents: tuple[int, ...]
    """Largest coordinate plus one, per rank; 0 where the index leaves the tensor (padding) and does not say where."""
    room: tuple[int, ...]
    """What the tensor has at least, per rank: ``extents``, or all of a rank that is stored whole."""
    is_output: bool


@dataclass(frozen=True)
class NumberedEinsum:
    """One Einsum with its numbers; its tensors are not yet shared with others."""

    place: int
    spec: EinsumSpec
    statement: Statement
    shape: Mapping[str, int]
    constants: Mapping[str, int]
    inputs: tuple[Use, ...]
    """Accesses that are written differently, once each."""
    output: Use

    @property
    def is_layer(self) -> bool:
        """Whether it has ranks of its own, and so tensors of its own where they differ."""
        return self.spec.ranks is not None

    @property
    def uses(self) -> tuple[Use, ...]:
        return (*self.inputs, self.output)

    @property
    def reduced(self) -> frozenset[str]:
        return frozenset(self.shape) - self.output.access.rank_variables

    @property
    def first_rank_variable(self) -> str | None:
        """The variable of the output's first rank, where it stands alone."""
        indices = self.output.written.indices
        return indices[0].plain if indices else None


@dataclass(eq=False)
class SharedTensor:
    """One tensor, while its uses are gathered. Compared and hashed by identity."""

    name: str
    uses: list[Use] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    """Room for every use."""
    writers: set[int] = field(default_factory=set)
    readers: set[int] = field(default_factory=set)
    has_layer: bool = False
    """Whether an Einsum with ranks of its own uses it."""
    is_guess: bool = False
    """Whether its role is inferred where the file could have said another."""

    def add(self, uses: list[Use], *, is_layer: bool) -> None:
        self.uses.extend(uses)
        self.shape = room_for(uses) if len(self.uses) == len(uses) else tuple(map(max, self.shape, room_for(uses)))
        self.has_layer |= is_layer
        for use in uses:
            (self.writers if use.is_output else self.readers).add(use.place)

    @property
    def rank_names(self) -> tuple[str, ...]:
        producer_first = sorted(self.uses, key=lambda u: not u.is_output)
        return tuple(_rank_name([u.written.indices[r] for u in producer_first]) for r in range(len(self.shape)))


Shared = Mapping[tuple[int, str], SharedTensor]
"""(position of the Einsum, name) → the tensor that the name means there."""


def share(einsums: Iterable[NumberedEinsum], findings: Findings) -> dict[tuple[int, str], SharedTensor]:
    """Decide which uses of a name are one tensor, and check that they agree."""
    current: dict[str, SharedTensor] = {}
    found: dict[tuple[int, str], SharedTensor] = {}
    for einsum in einsums:
        for name in dict.fromkeys(u.access.tensor for u in einsum.uses):
            uses = [u for u in einsum.uses if u.access.tensor == name]
            tensor = current.get(name)
            if tensor is None or ((einsum.is_layer or tensor.has_layer) and _differs(tensor, uses, findings.spec)):
                tensor = current[name] = SharedTensor(name)
            tensor.add(uses, is_layer=einsum.is_layer)
            found[einsum.place, name] = tensor
    for tensor in dict.fromkeys(found.values()):
        if _same_number_of_ranks(tensor, findings):
            _check_reach(tensor, findings)
            _check_rank_names(tensor, findings)
            _check_shapes(tensor, findings)
            _check_producers(tensor, findings)
            _check_order(tensor, findings)
    return found


def resolve_tensors(
    shared: Shared, roles: Mapping[SharedTensor, Role], findings: Findings
) -> dict[SharedTensor, Tensor]:
    """Put shape, width and role together."""
    done: dict[SharedTensor, Tensor] = {}
    for tensor in dict.fromkeys(shared.values()):
        role = roles[tensor]
        widths = {stated_bits(findings.spec, u.place, tensor.name, role): u.place for u in tensor.uses}
        bits, *others = widths
        if others:
            message = f"{tensor.name} has {others[0]} bits here and {bits} in einsums[{widths[bits]}]"
            findings.at(("einsums", widths[others[0]], "bits"), message, "set it once, for the whole file")
        done[tensor] = Tensor(tensor.name, tensor.rank_names, tensor.shape, bits, role, guessed=tensor.is_guess)
    return done


def stated_bits(spec: WorkloadSpec, place: int, tensor: str, role: Role | None = None) -> int:
    """Width of a tensor as one Einsum sees it: its own ``bits:`` win, there the name before the role before default."""
    for bits in (spec.einsums[place].bits or {}, spec.bits):
        for key in (tensor, role or "", "default"):
            if key in bits:
                return bits[key]
    return DEFAULT_BITS


def room_for(uses: Iterable[Use]) -> tuple[int, ...]:
    return tuple(max(extents) for extents in zip(*(u.room for u in uses), strict=True))


# ---------------------------------------------------------------------------------------------------------------
# Sharing


def _differs(tensor: SharedTensor, uses: list[Use], spec: WorkloadSpec) -> bool:
    """Whether a layer's use of a name means another tensor than the earlier uses."""
    first = tensor.uses[0]
    if len(first.extents) != len(uses[0].extents):
        return True
    writes = [u for u in uses if u.is_output]
    if writes:
        if any(not _meet(writes[0], u) for u in tensor.uses if u.is_output):
            return False  # another part of it
        return bool(tensor.writers) or not all(_is_ahead(writes[0].access, u.access) for u in tensor.uses)
    widths = {stated_bits(spec, u.place, tensor.name) for u in (first, *uses)}
    return any(_other_rank(tensor, rank, uses) for rank in range(len(tensor.shape))) or len(widths) > 1


def _other_rank(tensor: SharedTensor, rank: int, reads: list[Use]) -> bool:
    """Whether reads cannot be of this rank: of what an Einsum wrote, an index that names the rank may read a part."""
    mine, had = max(u.room[rank] for u in reads), tensor.shape[rank]
    if tensor.writers and all(u.written.indices[rank].rank for u in reads):
        return mine > had
    return mine not in (0, had)


def _is_ahead(write: Access, read: Access) -> bool:
    """Whether a write is a step ahead of a read on some rank, as ``R[m + 1]`` is of ``R[m]``."""
    pairs = zip(write.indices, read.indices, strict=False)
    return any(w.terms and sorted(w.terms) == sorted(r.terms) and w.constant > r.constant for w, r in pairs)


def _same_number_of_ranks(tensor: SharedTensor, findings: Findings) -> bool:
    first = tensor.uses[0]
    for use in tensor.uses:
        if len(use.extents) != len(first.extents):
            message = f"{tensor.name} has {len(use.extents)} ranks here and {len(first.extents)} in {first.written}"
            findings.at_text(use.place, use.written.offset, message, "a tensor has the same ranks everywhere")
            return False
    return True


def _check_reach(tensor: SharedTensor, findings: Findings) -> None:
    """Report ranks of which nothing says how far they reach: every index leaves them."""
    for rank, extent in enumerate(tensor.shape):
        if not extent:
            use = tensor.uses[0]
            index = use.written.indices[rank]
            message = f"index {index} leaves {tensor.name}, and nothing says how far {tensor.name} reaches"
            hint = f"name the rank, as in H={index}, and give H in ranks"
            findings.at_text(use.place, index.offset, message, hint)


def _check_rank_names(tensor: SharedTensor, findings: Findings) -> None:
    for rank in range(len(tensor.shape)):
        stated = None
        for use in tensor.uses:
            index = use.written.indices[rank]
            if index.rank and stated and index.rank != stated:
                message = f"rank {rank + 1} of {tensor.name} is named {index.rank} here and {stated} before"
                findings.at_text(use.place, index.offset, message, "one rank has one name")
            stated = stated or index.rank


def _check_shapes(tensor: SharedTensor, findings: Findings) -> None:
    """Report plain ranks that differ. Windows and iterative ranks may reach further than the producer writes."""
    writes = [u for u in tensor.uses if u.is_output]
    for rank in range(len(tensor.shape)):
        if any(u.access.indices[rank].constant for u in writes):
            continue
        exact: Use | None = None
        for use in tensor.uses:
            index = use.written.indices[rank]
            flattened = use.is_output and len(index.rank_variables) > 1
            if (index.rank and not use.is_output) or not (index.plain or flattened) or not use.extents[rank]:
                continue
            exact = exact or use
            if exact.extents[rank] != use.extents[rank]:
                _two_shapes(tensor, rank, use, exact, findings)


def _two_shapes(tensor: SharedTensor, rank: int, use: Use, exact: Use, findings: Findings) -> None:
    index, name = use.written.indices[rank], exact.written.indices[rank].rank
    here, there = use.extents[rank], exact.extents[rank]
    hint = "a part of a rank is read as RANK=variable; a layer of a network has `ranks:` of its own"
    message = (
        f"{tensor.name} is used with two shapes: its rank {rank + 1} ({index}) is {here:,} "
        f"here and {there:,} in {exact.written}"
    )
    if name and index.plain and index.plain.upper() != name:
        message = f"rank {name} of {tensor.name} is read by {index.plain}"
        message += f", and {index.plain.upper()} is {here:,} where {name} is {there:,}"
        hint = f"read it by {name.lower()}; a part of a rank is read as {name}={index.plain}"
    findings.at_text(use.place, index.offset, message, hint)


def _check_producers(tensor: SharedTensor, findings: Findings) -> None:
    """Report a second producer, unless the two write different coordinates of some rank."""
    writes = [u for u in tensor.uses if u.is_output]
    for position, use in enumerate(writes):
        earlier = next((w for w in writes[:position] if _meet(w, use)), None)
        if earlier is not None:
            message = f"{tensor.name} is written by einsums[{earlier.place}] already"
            hint = "give it another name, or `ranks:` of its own if it is another layer of a network"
            findings.at_text(use.place, use.written.offset, message, hint)


def _meet(first: Use, second: Use) -> bool:
    """Whether the coordinates of two uses overlap on every rank."""
    ranks = zip(first.lows, first.extents, second.lows, second.extents, strict=True)
    return all(low < other_extent and other_low < extent for low, extent, other_low, other_extent in ranks)


def _check_order(tensor: SharedTensor, findings: Findings) -> None:
    """Report a read of what is written only later, unless the rank is iterative; and constants meant as variables."""
    writes = [u for u in tensor.uses if u.is_output]
    first = min((w.place for w in writes), default=-1)
    for use in tensor.uses:
        if use.is_output:
            continue
        if writes and first >= use.place and not all(_is_ahead(w.access, use.access) for w in writes):
            where = "here" if first == use.place else f"by einsums[{first}]"
            message = f"{tensor.name} is read before it is written ({where})"
            hint = (
                "an iterative rank is written one step ahead, as in R[m+1] = R[m] + A[m]; a sum in place is Z[m] += …"
            )
            findings.at_text(use.place, use.written.offset, message, hint)
        for index in use.written.indices:
            if not writes and (name := index.lone_constant):
                message = f"{name!r} in the indices of {tensor.name} is a constant: rank variables are lower case"
                findings.at_text(use.place, index.offset, message, f"did you mean {name.lower()}?")


def _rank_name(indices: list[Index]) -> str:
    stated = next((i.rank for i in indices if i.rank), None)
    plain = next((i.plain.upper() for i in indices if i.plain), None)
    looked_up = next((i.lookup.tensor for i in indices if i.lookup), None)
    joined = next(("+".join(i.rank_variables).upper() for i in indices if i.rank_variables), None)
    return stated or plain or looked_up or joined or str(indices[0])


# ---------------------------------------------------------------------------------------------------------------
# Roles


def infer_roles(einsums: list[NumberedEinsum], shared: Shared, spec: WorkloadSpec) -> dict[SharedTensor, Role]:
    """Role of every tensor; those that are guessed are marked so."""
    batches = _batch_variables(einsums, shared)
    inputs: set[SharedTensor] = set()
    for einsum in einsums:
        external = {u.access.tensor for u in einsum.uses if not shared[einsum.place, u.access.tensor].writers}
        weights = _weights(einsum, external, batches, spec)
        inputs |= {shared[einsum.place, name] for name in external - weights}
        if _stated_weights(einsum, spec) is None and len({u.access.tensor for u in einsum.inputs}) > 1:
            for name in external:
                shared[einsum.place, name].is_guess = True
    roles: dict[SharedTensor, Role] = {}
    for tensor in dict.fromkeys(shared.values()):
        if tensor.writers:
            roles[tensor] = Role.INTERMEDIATE if tensor.readers - tensor.writers else Role.OUTPUT
        else:
            roles[tensor] = Role.INPUT if tensor in inputs else Role.WEIGHT
    return roles


def _batch_variables(einsums: list[NumberedEinsum], shared: Shared) -> frozenset[str]:
    """Rank variables that run over a batch where they are the first of an output."""
    found: set[str] = set()
    for einsum in einsums:
        variable = einsum.first_rank_variable
        if variable is None or (einsum.output.written.indices[0].rank or variable.upper()) not in _BATCH_RANKS:
            continue
        external = (u for u in einsum.inputs if not shared[einsum.place, u.access.tensor].writers)
        if any(variable in u.access.rank_variables for u in external):
            found.add(variable)
    return frozenset(found)


def _stated_weights(einsum: NumberedEinsum, spec: WorkloadSpec) -> tuple[str, ...] | None:
    """The list of weights that holds for an Einsum; null where the file has none."""
    return spec.weights if einsum.spec.weights is None else einsum.spec.weights


def _weights(einsum: NumberedEinsum, external: set[str], batches: frozenset[str], spec: WorkloadSpec) -> set[str]:
    """Those of an Einsum's external tensors that are weights as far as this Einsum can tell."""
    listed = _stated_weights(einsum, spec)
    if listed is not None:
        return external & set(listed)
    tables = {u.access.tensor for u in einsum.inputs if any(index.table for index in u.access.indices)} & external
    if spec.batch is not None:
        batch = spec.batch.lower() if spec.batch.lower() in einsum.shape else None
    else:
        batch = einsum.first_rank_variable if einsum.first_rank_variable in batches else None
    if batch is not None:
        return tables | external - {u.access.tensor for u in einsum.uses if batch in u.access.rank_variables}
    return tables | external & _factors_that_are_weights(einsum, external)


def _factors_that_are_weights(einsum: NumberedEinsum, external: set[str]) -> set[str]:
    """Without a batch: what multiplies the input of a reduced product, and the bias that such a product is added to."""
    terms = [term for _, term in addends(einsum.statement.expression)]
    weights: set[str] = set()
    inputs: set[str] = set()
    for term in terms:
        names = list(dict.fromkeys(a.tensor for a in accesses(term)))
        if len(names) > 1 and _multiplies(term) and rank_variables_of(term) & einsum.reduced:
            given = [name for name in names if name in external]
            if len(given) == len(names):  # none is known to change with the input
                resolved = {use.written: use.access for use in einsum.inputs}
                first, *given = from_input_to_weight([resolved[a] for a in accesses(term)], einsum.output.access)
                inputs.add(first)
            weights.update(given)
    if weights and einsum.statement.reducer == "+":
        biases = (term for term in terms if not rank_variables_of(term) & einsum.reduced)
        weights.update(a.tensor for bias in biases for a in accesses(bias))
    return weights - inputs


def _multiplies(expression: Expression) -> bool:
    """Whether the outermost operator is a product of two things that hold tensors."""
    match expression:
        case Negative(inner):
            return _multiplies(inner)
        case Binary("*", left, right):
            both = all(any(True for _ in accesses(side)) for side in (left, right))
            return both or _multiplies(left) or _multiplies(right)
        case _:
            return False


# ---------------------------------------------------------------------------------------------------------------
# Names of tensors elsewhere in the file


def check_tensor_names(statements: Mapping[int, Statement], findings: Findings) -> None:
    """Report names in ``tensors:``, ``bits:``, ``weights:`` and ``batch:`` that no statement has."""
    spec = findings.spec
    by_einsum = {place: dict.fromkeys(a.tensor for a in (*s.inputs, s.output)) for place, s in statements.items()}
    places: list[tuple[Path, WorkloadSpec | EinsumSpec, tuple[str, ...]]] = [
        ((), spec, tuple(dict.fromkeys(name for names in by_einsum.values() for name in names)))
    ]
    for name in spec.tensors or {}:
        if name not in places[0][2]:
            findings.at(("tensors", name), f"no tensor {name!r}", did_you_mean(name, places[0][2]), key=True)
    places += [(("einsums", place), spec.einsums[place], tuple(names)) for place, names in by_einsum.items()]
    for path, stated, known in places:
        for name in stated.bits or {}:
            if name not in known and name not in {"default", *Role}:
                findings.at((*path, "bits", name), f"no tensor {name!r}", did_you_mean(name, known), key=True)
        for position, name in enumerate(stated.weights or ()):
            if name not in known:
                findings.at((*path, "weights", position), f"no tensor {name!r}", did_you_mean(name, known))
    variables = {v.upper() for statement in statements.values() for v in statement.rank_variables}
    if spec.batch is not None and spec.batch not in variables:
        hint = did_you_mean(spec.batch, sorted(variables))
        findings.at(("batch",), f"no rank variable runs over rank {spec.batch!r}", hint)


def check_weights_are_given(
    einsums: Iterable[NumberedEinsum], shared: Shared, roles: Mapping[SharedTensor, Role], findings: Findings
) -> None:
    """Report names in ``weights:`` of tensors that some Einsum writes, wherever the name is used."""
    found: dict[str, set[Role]] = {}
    for tensor in dict.fromkeys(shared.values()):
        found.setdefault(tensor.name, set()).add(roles[tensor])
    for position, name in enumerate(findings.spec.weights or ()):
        if found[name] <= _WRITTEN:
            _written_weight(("weights", position), name, found[name], findings)
    for einsum in einsums:
        for position, name in enumerate(einsum.spec.weights or ()):
            role = roles[shared[einsum.place, name]]
            if role in _WRITTEN:
                _written_weight(("einsums", einsum.place, "weights", position), name, {role}, findings)


def _written_weight(path: Path, name: str, found: set[Role], findings: Findings) -> None:
    kinds = " or ".join(sorted(found))
    findings.at(path, f"{name} is written by an Einsum: it is {kinds}, not weight")
