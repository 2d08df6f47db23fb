"""What ``toeplitz:`` and ``lower:`` of a workload ask for: convolutions as matrix products before the mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costmodel.spec.computing import windows_of
from costmodel.spec.problems import Marks, SpecError, did_you_mean
from costmodel.spec.rewriting.draft import Draft, draft_of
from costmodel.spec.rewriting.sentences import rewrite
from costmodel.spec.rewriting.toeplitz import is_convolution
from costmodel.spec.workload_spec import WorkloadSpec


def rearranged(spec: WorkloadSpec, marks: Marks, refused: Sequence[str] = ()) -> WorkloadSpec:
    """The workload with the convolutions that it names, or all of them, as matrix products.

    So are those that hardware refuses, where the workload has them lowered; what is no convolution stays refused.
    Raises SpecError where one is no convolution, or where values are given to what is rearranged.
    """
    forms = {**_lowered(spec, refused), **_forms(spec, marks)}
    if not forms:
        return spec.model_copy(update={"toeplitz": None})
    asked = "toeplitz" if spec.toeplitz not in (None, "none") else "lower"
    if given := [key for key in ("values", "coordinates") if getattr(spec, key)]:
        hint = "rewrite the workload with them: costmodel transform"
        raise SpecError([marks.problem(f"{given[0]} are those of the workload as it stands", (asked,), hint=hint)])
    plain = spec.model_copy(update={"toeplitz": None})
    try:
        for name, form in forms.items():
            plain = _one(plain, name, form)
    except SpecError as error:
        raise SpecError([marks.problem(p.message, (asked,), hint=p.hint) for p in error.problems]) from None
    return plain


def _lowered(spec: WorkloadSpec, refused: Sequence[str]) -> Mapping[str, str]:
    """Einsum → form, of convolutions that hardware refuses."""
    if not spec.lower or not refused:
        return {}
    draft = draft_of(spec, [e.name for e in spec.einsums if e.name] or ())
    return {line.name: "input" for line in draft.lines if line.name in refused and is_convolution(line)}


def _forms(spec: WorkloadSpec, marks: Marks) -> Mapping[str, str]:
    """Einsum → form. Raises SpecError for what is no Einsum."""
    asked = spec.toeplitz
    if asked is None or asked == "none":
        return {}
    draft = draft_of(spec, [e.name for e in spec.einsums if e.name] or ())
    if isinstance(asked, str):
        return {line.name: asked for line in draft.lines if is_convolution(line) and windows_of(draft.einsum(line))}
    known = [line.name for line in draft.lines]
    problems = [
        marks.problem(f"no Einsum {name!r}", ("toeplitz", name), hint=did_you_mean(name, known), key=True)
        for name in asked
        if name not in known
    ]
    if problems:
        raise SpecError(problems)
    return asked


def _one(spec: WorkloadSpec, name: str, form: str) -> WorkloadSpec:
    """Rearrange one Einsum; a layer, which shares nothing that it changes, on its own."""
    place = next((at for at, e in enumerate(spec.einsums) if e.name == name and e.ranks is not None), None)
    alone = spec if place is None else spec.model_copy(update={"einsums": (spec.einsums[place],)})
    after = _steps(draft_of(alone, (name,)), name, form).written
    if place is None:
        return after
    einsums = (*spec.einsums[:place], *after.einsums, *spec.einsums[place + 1 :])
    bits = {**spec.bits, **after.bits}
    return spec.model_copy(update={"einsums": einsums, "bits": bits})


def _steps(draft: Draft, name: str, form: str) -> Draft:
    """Take the steps of a form."""
    *given, kind = form.split()
    known = {a.tensor for line in draft.lines for a in (line.statement.output, *line.statement.inputs)}
    after = rewrite(draft, [f"toeplitz {kind} {name}"])[-1].after
    if not given:
        return after
    made = {line.statement.output.tensor for line in after.lines} - known
    (read,) = made & {access.tensor for access in after.line(name).statement.inputs}
    return rewrite(after, [f"give {read}"])[-1].after
