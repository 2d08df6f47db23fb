"""Every notation row of the reference cases of the lectures, as the file has it."""

import re

import pytest
from reference import reference

import costmodel as cm
from costmodel.einsum.notation import read
from costmodel.einsum.syntax import Declaration
from costmodel.einsum.tokens import NotationError

CONV = "O[n, m, p, q] = B[m] + I[n, c, U*p + r, U*q + s] * F[m, c, r, s]"
SAID = {
    "as the convolution above, with tensors O, B, I, F": CONV,
    "joined variables pq, crs": "O[m, pq] = T[pq, crs] * F[m, crs]",
    "a joined variable of shape I*J": "Z[ij] = A[ij] * B[ij]",
    "Z[i, j] = A[i, j] * B[i, j], printed with the tuple kept": "Z[(i, j)] = A[(i, j)] * B[(i, j)]",
}
"""What the file says in words."""


def test_every_row_reads_as_the_file_says():
    rows = reference("lecture.yaml")["notation"]
    assert len(rows) == 20
    for written, right in rows:
        text = written.partition(" with ranks ")[0]
        if "a transform" in right:
            with pytest.raises(NotationError, match="is a transform"):
                read(text)
            continue
        found = read(text)
        if isinstance(found, Declaration):
            assert [f"{rank.name}: {rank.shape}" for rank in found.ranks] == re.findall(r"\w: \w", right), written
            continue
        canonical, _, shapes = right.partition(" with the shape ")
        canonical = SAID.get(right, canonical)
        if canonical.startswith("an error as the slide has it"):  # it is one where the cascade says how C is written
            canonical = "Z[b, p, d] = C[b, p, f] * WZ[g, d]"
        assert str(found) == canonical, written
        said = {shape.rank: str(shape.expression).replace(" ", "") for shape in found.shapes}
        assert not shapes or shapes in {f"{rank}: {shape}" for rank, shape in said.items()}, written


def test_out_degrees_of_the_adjacency_matrix():
    (case,) = (check for check in reference("lecture.yaml")["checks"] if "edges" in check)
    matrix = [[int([s, d] in case["edges"]) for d in range(6)] for s in range(6)]
    workload = {"name": "g", "ranks": {"V": 6}, "einsums": ["G^{S=V,D=V}", "Z_s = G_{s,d}"], "values": {"G": matrix}}
    assert cm.run(workload)["Z"].tolist() == case["out_degrees"]
