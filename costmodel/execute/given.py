"""Where the values of a run come from: the workload file, files of NumPy, or a seed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy

from costmodel.einsum.algebra import Einsum, Tensor, Workload
from costmodel.execute.arrays import Array, checked, tensors_of
from costmodel.execute.order import groups
from costmodel.execute.program import Program
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.values import Values, shape_problem

Random = Literal["integers", "floats"]

LARGEST = 9
"""Random integers are from -9 to 9."""

MAX_BYTES = 2**32
"""Most that all tensors of a run may take together."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, eq=False)
class Given:
    """Arrays for the tensors that no Einsum writes, and where they come from."""

    arrays: Mapping[str, Array]
    sources: Mapping[str, str]
    """Tensor → ``values of the workload``, a file, or ``random integers from -9 to 9 (seed 0)``."""


def given_values(
    workload: Workload,
    literals: Mapping[str, Values],
    arrays: Mapping[str, object],
    files: Iterable[str] = (),
    *,
    nonzeros: Nonzeros | None = None,
    random: Random | None = None,
    seed: int = 0,
) -> Given:
    """Collect values: ``arrays`` win over ``files``, files over ``literals``; what is left is random.

    A file is ``NAME=FILE.npy``, or ``FILE.npz`` with an array for each tensor that it names. Random values are integers
    where every Einsum makes integers of integers, unless ``random`` says otherwise, and 0 where ``nonzeros`` says so.

    Raises SpecError where a file cannot be read, or an array has another shape than its tensor.
    """
    tensors = tensors_of(workload.einsums)
    _check_room(workload, tensors)
    wanted = _wanted(workload, tensors)
    found: dict[str, Array] = {}
    sources: dict[str, str] = {}
    for name, given in literals.items():
        if name in tensors:
            found[name], sources[name] = checked(given, tensors[name], workload.einsums), "values of the workload"
    for text in files:
        for name, read in _from_file(text, tensors, wanted, workload.einsums):
            found[name], sources[name] = read, text.partition("=")[2] or text
    for name, array in arrays.items():
        if name not in tensors:
            raise SpecError([Problem(f"values of {name}: no such tensor", hint=did_you_mean(name, list(tensors)))])
        found[name], sources[name] = checked(array, tensors[name], workload.einsums), "given"
    for name in found:
        if name not in wanted:
            message = f"values of {name}: an Einsum writes it"
            raise SpecError([Problem(message, hint=f"values are given to {', '.join(wanted)}")])
    kind = random or ("integers" if all(Program(e).keeps_integers for e in workload.einsums) else "floats")
    tables = {name: table for e in workload.einsums for name, table in Program(e).tables.items()}
    for name, written in wanted.items():
        if name not in found and not written:
            shape = tensors[name].shape
            found[name], sources[name] = _random(name, shape, kind, seed, nonzeros or Nonzeros())
            if name in tables and len(tables[name]) == found[name].size:
                found[name], sources[name] = np.array(tables[name]).reshape(shape), "rows in turn, as costs take them"
    return Given(found, sources)


def random_array(name: str, shape: tuple[int, ...], kind: Random, seed: int) -> Array:
    """Random values of a tensor, the same whatever other tensors there are."""
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if kind == "integers":
        return generator.integers(-LARGEST, LARGEST, shape, endpoint=True)
    return generator.uniform(-1, 1, shape)


def _random(name: str, shape: tuple[int, ...], kind: Random, seed: int, nonzeros: Nonzeros) -> tuple[Array, str]:
    """Random values of a tensor, and what is told of them."""
    found = random_array(name, shape, kind, seed)
    told = f"integers from {-LARGEST} to {LARGEST}" if kind == "integers" else "numbers from -1 to 1"
    if nonzeros.words(name, found.size) is not None:
        found = _sparse(found, name, nonzeros, seed)
        told += " at the words that are not 0"
    return found, f"random {told} (seed {seed})"


def _sparse(array: Array, name: str, nonzeros: Nonzeros, seed: int) -> Array:
    """The array with zeros, and no other ones, where a workload says that words are 0; by chance for a density."""
    kept = np.zeros(array.shape, dtype=bool)
    points = nonzeros.coordinates.get(name)
    if points is None:
        generator = np.random.default_rng([seed, zlib.crc32(name.encode()), 1])
        kept.flat[generator.permutation(array.size)[: round(nonzeros.density[name] * array.size)]] = True
    elif points:
        kept[tuple(np.array(points, dtype=np.int64).reshape(len(points), -1).T)] = True
    found: Array = np.where(kept, np.where(array == 0, array.dtype.type(1), array), array.dtype.type(0))
    return found


def _wanted(workload: Workload, tensors: Mapping[str, Tensor]) -> dict[str, bool]:
    """Tensors that may be given: those that nothing writes and, marked, those that an iteration may start from."""
    written = {e.output.tensor for e in workload.einsums}
    iterating = {e.output.tensor for g in groups(workload.einsums) if g.variable for e in g.einsums}
    return {name: name in written for name in tensors if name not in written or name in iterating}


def _check_room(workload: Workload, tensors: Mapping[str, Tensor]) -> None:
    size = sum(8 * tensor.size_words for tensor in tensors.values())
    if size > MAX_BYTES:
        message = f"the tensors of {workload.name} take {size / 2**30:,.1f} GiB; a run holds {MAX_BYTES >> 30} GiB"
        hint = "use smaller ranks (--set ranks.M=128) or one Einsum (--einsum NAME)"
        raise SpecError([Problem(message, hint=hint)])


# ---------------------------------------------------------------------------------------------------------------
# Files


def _from_file(
    text: str, tensors: Mapping[str, Tensor], wanted: Mapping[str, bool], einsums: tuple[Einsum, ...]
) -> Iterator[tuple[str, Array]]:
    """Read ``NAME=FILE.npy`` or ``FILE.npz``. The header is checked before any data is read; nothing is unpickled."""
    name, sign, path = text.partition("=")
    file = Path(path if sign else text)
    if bool(sign) == (file.suffix == ".npz"):
        raise SpecError([Problem(f"values {text!r}: write NAME=FILE.npy, or FILE.npz with an array for each tensor")])
    try:
        if sign:
            if name not in tensors:
                raise SpecError([Problem(f"no tensor {name!r}", str(file), hint=did_you_mean(name, list(tensors)))])
            with file.open("rb") as stream:
                yield name, _array(stream, tensors[name], einsums, str(file))
            return
        with zipfile.ZipFile(file) as archive:
            members = {member.removesuffix(".npy"): member for member in archive.namelist()}
            if not members.keys() & tensors.keys():
                message = f"has no array for any tensor: it has {', '.join(members) or 'none'}"
                raise SpecError([Problem(message, str(file), hint=f"tensors: {', '.join(tensors)}")])
            for each, member in members.items():
                if each in wanted:
                    with archive.open(member) as stream:
                        yield each, _array(stream, tensors[each], einsums, f"{file}: {each}")
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        why = str(error).partition("\n")[0] or "it ends too early"
        raise SpecError([Problem(f"cannot be read as {'.npy' if sign else '.npz'}: {why}", str(file))]) from None


def _array(stream: IO[bytes], tensor: Tensor, einsums: tuple[Einsum, ...], where: str) -> Array:
    """One array: its header first, then, if its shape and type are right, its data."""
    version: Any = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the format")
    shape, fortran, dtype = HEADERS[version](stream)
    if wrong := shape_problem(shape, tensor, einsums):
        raise SpecError([Problem(wrong, where)])
    if dtype.kind not in "biuf":
        message = f"values of {tensor.name} must be integers or real numbers, got {dtype}"
        raise SpecError([Problem(message, where)])
    data = stream.read(dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return checked(array, tensor, einsums, where)
