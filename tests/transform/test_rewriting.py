"""Workloads in other shapes: the same values, and the way back, on random convolutions and random chains of steps."""

import random

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.execute.execution import execute
from costmodel.spec.problems import SpecError
from costmodel.spec.rewriting.draft import draft_of, is_same
from costmodel.spec.rewriting.sentences import back_from, rewrite
from costmodel.spec.workload_spec import EinsumSpec, WorkloadSpec
from costmodel.transform.ask import transform
from costmodel.transform.carry import brought_back, carried, scope_of
from costmodel.transform.proof import prove


def spec_of(*einsums, pad=None, **ranks):
    return WorkloadSpec(name="w", ranks=ranks, einsums=einsums, **({"pad": pad} if pad else {}))


def taken(spec, *sentences, names=()):
    start = draft_of(spec, names)
    return start, rewrite(start, sentences)


def texts(draft):
    return [str(line.statement) for line in draft.lines]


def comes_back(start, steps):
    """The inverse steps give the workload again: texts, shapes, tensors, roles."""
    there = rewrite(steps[-1].after, back_from(steps))[-1].after
    assert texts(there) == texts(start)
    assert there.workload.einsums == start.workload.einsums


# ---------------------------------------------------------------------------------------------------------------
# Convolutions


def correlated(image, kernel, stride, dilation, border):
    """One channel by SciPy, in integers: zeros around the image and between the taps, every stride-th word."""
    spread = np.zeros([d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape, strict=True)], np.int64)
    spread[tuple(slice(None, None, d) for d in dilation)] = kernel
    framed = np.pad(image, [(b, b) for b in border])
    every = scipy.signal.correlate(framed, spread, mode="valid", method="direct")
    return every[tuple(slice(None, None, u) for u in stride)]


def random_convolution(seed):
    """A workload, its inputs, and its output as SciPy gives it."""
    draw = random.Random(seed)
    dims = draw.choice((1, 2, 2))
    sizes = {name: draw.randint(1, 3) for name in "GNCM"}
    kernel, out = [draw.randint(1, 3) for _ in range(dims)], [draw.randint(1, 4) for _ in range(dims)]
    stride, dilation = [draw.randint(1, 3) for _ in range(dims)], [draw.randint(1, 2) for _ in range(dims)]
    border = [draw.randint(0, 2) for _ in range(dims)]
    full = [u * (p - 1) + d * (r - 1) + 1 for u, p, d, r in zip(stride, out, dilation, kernel, strict=True)]
    for at, (u, p, d, r, b) in enumerate(zip(stride, out, dilation, kernel, border, strict=True)):
        if not any(b <= u * x + d * y < full[at] - b for x in range(p) for y in range(r)):
            border[at] = 0  # no point would be inside
    grouped, batched = draw.random() < 0.3, draw.random() < 0.5
    lead, channel = ("g, " if grouped else ""), ("c, " if draw.random() < 0.8 else "")
    filters = "m, " if draw.random() < 0.8 or not channel else ""
    names = [("p", "r", "H"), ("q", "s", "W")][:dims]
    images, weights, ranks = [], [], {}
    for (p, r, h), u, d, b, n, k, f in zip(names, stride, dilation, border, out, kernel, full, strict=True):
        terms = [p if u == 1 else f"{u}*{p}", *([r if d == 1 else f"{d}*{r}"])]
        images.append((f"{h}=" if b else "") + " + ".join(terms) + (f" - {b}" if b else ""))
        ranks |= {p.upper(): n, r.upper(): k} | ({h: f - 2 * b} if b else {})
        weights.append(r)
    batch = "n, " if batched else ""
    text = (
        f"O[{lead}{batch}{filters}{', '.join(p for p, _, _ in names)}] = "
        f"I[{lead}{batch}{channel}{', '.join(images)}] * F[{lead}{filters}{channel}{', '.join(weights)}]"
    )
    letters = set(text.replace("[", " ").replace(",", " ").split())
    used = {name: size for name, size in sizes.items() if name.lower() in letters}
    spec = spec_of(text, pad="zero" if any(border) else None, **used, **ranks)
    g, n, c, m = (used.get(name, 1) for name in "GNCM")
    generator = np.random.default_rng(seed)
    image = generator.integers(-9, 10, (g, n, c, *(f - 2 * b for f, b in zip(full, border, strict=True))))
    weight = generator.integers(-9, 10, (g, m, c, *kernel))
    output = np.array(
        [
            [
                [sum(correlated(*pair, stride, dilation, border) for pair in zip(i, f, strict=True)) for f in fs]
                for i in images
            ]
            for images, fs in zip(image, weight, strict=True)
        ]
    )
    return spec, image, weight, output


def squeezed(array, name, spec):
    """The array in the shape of its tensor: leading ranks of one that the text does not have are left out."""
    return array.reshape(next(e.tensors[name].shape for e in scope_of(draft_of(spec)).einsums))


@settings(max_examples=12)
@given(st.integers(0, 10**6))
def test_convolutions_agree_with_scipy_directly_and_through_both_forms(seed):
    spec, image, weight, output = random_convolution(seed)
    start = draft_of(spec)
    arrays = {"I": squeezed(image, "I", spec), "F": squeezed(weight, "F", spec)}
    expected = squeezed(output, "O", spec)
    for engine in ("numpy", "plain"):
        assert np.array_equal(execute(start.workload, arrays, engine=engine)["O"], expected)
    if not any(i.plain is None for a in start.lines[0].statement.inputs for i in a.indices):
        return
    for form in ("input", "kernel"):
        steps = rewrite(start, [f"toeplitz {form}"])
        found = execute(steps[-1].after.workload, carried(start, steps, arrays))["O"]
        assert np.array_equal(brought_back(start, steps, "O", found), expected)
        comes_back(start, steps)
        made = "T" if form == "input" else "K"
        steps += rewrite(steps[-1].after, [f"give {made}"])
        given = carried(start, steps, arrays)
        found = execute(steps[-1].after.workload, given)["O"]
        assert np.array_equal(brought_back(start, steps, "O", found), expected)
        comes_back(start, steps)
        # from what is given alone, all the way
        back = rewrite(steps[-1].after, back_from(steps))
        again = carried(steps[-1].after, back, given)
        assert np.array_equal(execute(start.workload, again)["O"], expected)
        assert prove(steps[-1].after, back).exact


# ---------------------------------------------------------------------------------------------------------------
# Chains

WORKLOADS = (
    spec_of("Z[m, n] = A[m, k] * B[k, n]", M=4, N=6, K=5),
    spec_of("Z[b, m, n] = A[b, m, k] * B[b, k, n]", "Y[b, m, n] = relu(Z[b, m, n]) + C[n]", B=2, M=4, N=3, K=4),
    spec_of("O[m, p, q] = B[m] + I[c, 2*p + r, q + s] * F[m, c, r, s]", M=2, C=3, P=4, Q=2, R=3, S=2),
    spec_of("Z[m] = A[m, k] * B[k]", "Y[n] = Z[m] * C[m, n]", M=6, N=4, K=3),
    spec_of("C[p, h*F + f] = AV[h, p, f]", "Z[p, g] = C[p, d] * W[d, g]", P=3, H=2, F=3, G=4, D=6),
    spec_of("X[m, n] max= A[m, k] * B[k, n]", M=4, N=2, K=4),
)


def random_step(draft, draw):
    """A sentence that may or may not be a step here."""
    line = draw.choice(draft.open_lines)
    einsum = draft.einsum(line)
    tensor = einsum.tensors[draw.choice(list(einsum.tensors))]
    kind = draw.choice(("partition", "swap", "flatten", "flatten"))
    if kind == "partition":
        variable = draw.choice(list(einsum.shape))
        tiles = [t for t in range(1, 5) if line.statement.reducer == "+" or einsum.shape[variable] % t == 0]
        return f"partition {variable.upper()} by {draw.choice(tiles)}"
    if kind == "swap":
        return f"swap {tensor.name}: {', '.join(draw.sample(tensor.ranks, len(tensor.ranks)))}"
    first = draw.randrange(len(tensor.ranks))
    return f"flatten {', '.join(tensor.ranks[first : first + draw.randint(2, 3)])}"


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_chains_of_steps_keep_the_values_and_come_back(seed):
    draw = random.Random(seed)
    start = draft_of(draw.choice(WORKLOADS))
    steps = []
    for _ in range(6):
        here = steps[-1].after if steps else start
        try:
            further = rewrite(here, [random_step(here, draw)])
            assert further[-1].after.workload.einsums
        except SpecError:
            continue
        steps += further
    if steps:
        assert prove(start, steps).exact
        comes_back(start, steps)


def test_zeros_that_an_uneven_tile_adds_must_not_matter():
    maximum = spec_of("X[m] max= A[m, k]", M=8, K=3)
    start, steps = taken(maximum, "partition K by 2")
    with pytest.raises(SpecError, match=r"partition K by 2: gives other values: .*zeros that were added take part"):
        prove(start, steps)


def test_what_is_given_can_be_made_again_and_says_what_it_is_made_of():
    """The file of a rearranged layer leads back, with its values; words that should be one word and differ do not."""
    spec = spec_of("O[q] = I[q + s] * F[s]", Q=3, S=2)
    _, steps = taken(spec, "toeplitz input", "give T")
    assert back_from(steps) == ["make T[q, s] = I[q + s]", "inline T"]
    given = steps[-1].after.spec.model_copy(update={"values": {"T": ((1, 2), (2, 3), (3, 4)), "F": (5, 6)}})
    found = transform(given, back_from(steps)).workload
    assert found.values == {"I": (1, 2, 3, 4), "F": (5, 6)}
    other = given.model_copy(update={"values": {"T": ((1, 2), (9, 3), (3, 4))}})
    with pytest.raises(SpecError, match="words of T differ that are one word of I"):
        transform(other, back_from(steps))


def test_layers_and_padding_and_weights_are_made_again():
    layer = EinsumSpec(
        einsum="O[m, p] = I[c, H=2*p + r - PAD] * F[m, c, r]",
        name="conv",
        ranks={"M": 2, "C": 3, "H": 7, "P": 4, "R": 3, "PAD": 1},
        weights=("F",),
        bits={"I": 4, "F": 2},
        pad="zero",
        count=3,
    )
    spec = WorkloadSpec(name="net", einsums=(layer, layer.model_copy(update={"name": "other"})), bits={"default": 8})
    for form, tensor in (("input", "T"), ("kernel", "K")):
        start, steps = taken(spec, f"toeplitz {form} conv", f"give {tensor}", names=("conv",))
        assert back_from(steps)[0].startswith(f"make {tensor}[")
        comes_back(start, steps)
        assert prove(start, steps).exact


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("make X[m] = A[m, k]", "no Einsum reads X"),
        ("make Z[m, n] = A[m, n]", "an Einsum makes Z already"),
        ("make A[m, k = 3", "make A"),
        ("make A", "is no step|cannot be read|expected"),
    ],
)
def test_what_cannot_be_made_says_why(sentence, message):
    with pytest.raises(SpecError, match=message):
        taken(WORKLOADS[0], sentence)


def test_what_is_computed_can_be_given_and_made_again_but_has_no_way_back_from_its_words():
    spec = spec_of("Y[m] = exp(X[m])", "Z[m] = Y[m] * B[m]", M=4)
    start, steps = taken(spec, "give Y")
    assert back_from(steps) == ["make Y[m] = exp(X[m])"]
    comes_back(start, steps)
    valued = steps[-1].after.spec.model_copy(update={"values": {"Y": (1.0, 2.0, 3.0, 4.0)}})
    with pytest.raises(SpecError, match="the words of Y do not say what it is made of"):
        transform(valued, back_from(steps))


@pytest.mark.parametrize("sentence", ["partition M by 2", "partition K by 4"])
def test_zeros_that_were_added_are_cut_off_again_in_a_file_of_their_own(sentence):
    spec = spec_of("Z[m, n] = A[m, k] * B[k, n]", M=5, N=3, K=6)
    start, steps = taken(spec, sentence)
    there = steps[-1].after
    back = rewrite(there, back_from(steps))
    assert prove(there, back).exact
    assert back[-1].after.workload.einsums == start.workload.einsums
    wide = spec_of("Z[m] = A[m]", M=6).model_copy(update={"values": {"A": (1, 2, 3, 4, 5, 6)}})
    with pytest.raises(SpecError, match="resize M to 5: values of A that are cut off are not 0"):
        transform(wide, ["resize M to 5"])


CASCADES = [
    spec_of("O[p] = I[p + r] * F[r]", "Z[x] = O[2*x + a] * G[a]", P=6, R=3, X=3, A=2),
    spec_of("O[p] = I[p + r] * F[r]", "Z[x] = O[x + a] * G[a]", "Y[p] = relu(O[p])", P=6, R=3, X=5, A=2),
    spec_of("O[p] = I[p + r] * F[r]", "E[p] = relu(O[p])", "Z[x] = E[x + a] * G[a]", P=6, R=3, X=5, A=2),
    spec_of("O[h] = I[h + r] * F[r]", "Z[p] = O[H=p + a] * G[a]", H=6, R=3, P=5, A=2),
    spec_of("O[p] = I[p + r] * F[r]", "Z[x] = O[x + a] * G[a]", P=6, R=3, X=3, A=2),  # which reads a part of O
    spec_of("O[p] = I[p + r] * F[r]", "Z[x] = O[x + a - 1] * G[a]", pad="zero", P=6, R=3, X=6, A=3),
    spec_of(
        "O[m, p, q] = I[c, p + r, q + s] * F[m, c, r, s]",
        "Z[n, x, y] = O[m, x + a, y + b] * G[n, m, a, b]",
        C=2,
        M=3,
        P=4,
        Q=4,
        R=3,
        S=3,
        N=2,
        X=3,
        Y=3,
        A=2,
        B=2,
    ),
]


@pytest.mark.parametrize("spec", CASCADES, ids=lambda spec: spec.einsums[1].einsum)
@pytest.mark.parametrize("first", [(), ("toeplitz kernel O",), ("toeplitz input O",)])
def test_the_kernel_of_a_later_convolution_becomes_a_matrix(spec, first):
    start = draft_of(spec)
    steps = rewrite(start, [*first, "toeplitz kernel Z"])
    assert prove(start, steps).exact
    made = [a.tensor for a in steps[-1].after.line("Z").statement.inputs]
    assert any(tensor.startswith("K") for tensor in made)
    assert is_same(rewrite(steps[-1].after, back_from(steps))[-1].after, start)


def test_a_part_of_what_is_written_is_not_flattened():
    ranks = {"M": 2, "P": 6, "R": 3, "X": 3, "A": 2}
    start = draft_of(spec_of("O[m, p] = I[p + r] * F[m, r]", "Z[x] = O[m, x + a] * G[m, a]", **ranks))
    with pytest.raises(SpecError, match=r"Z reads 4 of the 6 in rank P of O: a part is not flattened .*toeplitz input"):
        rewrite(start, ["toeplitz kernel Z"])
    assert prove(start, rewrite(start, ["toeplitz input Z"])).exact


DECLARED = WorkloadSpec(
    name="w",
    ranks={"D": 7, "M": 6},
    tensors={"A": ("D", "K=3")},
    coordinates={"A": ((6, 0), (0, 2))},
    einsums=("Z[m, k] = A[D=m, k]",),
)


@pytest.mark.parametrize(
    ("sentence", "ranks", "points"),
    [
        ("swap A: K, D", ("K", "D"), ((0, 6), (2, 0))),
        ("partition K by 3", ("D", "K1", "K0"), ((0, 0, 2), (6, 0, 0))),
    ],
)
def test_what_is_declared_stays_whole(sentence, ranks, points):
    found = transform(DECLARED, [sentence])
    assert found.workload.tensors == {"A": ranks}
    assert found.workload.coordinates == {"A": points}
    assert max(found.steps[-1].after.workload.einsums[0].tensors["A"].shape) == 7
    comes_back(found.start, found.steps)


def test_a_part_of_what_is_declared_is_neither_split_nor_flattened():
    with pytest.raises(SpecError, match="rank D of A has 7, not 6"):
        transform(DECLARED, ["partition M by 2"])
    image = {"C": 4, "H": 10, "M": 5, "P": 5, "Q": 12}
    spec = spec_of("O[m, p, q] = X[c, 2*p, q] * F[m, c]", **image)
    spec = spec.model_copy(update={"tensors": {"X": ("C", "H", "Q")}})
    with pytest.raises(SpecError, match="O reads 9 of the 10 in rank H of X: a part is not flattened"):
        rewrite(draft_of(spec), ["toeplitz kernel"])
    start = draft_of(spec)
    assert prove(start, rewrite(start, ["toeplitz input"])).exact


@pytest.mark.parametrize(
    ("sentence", "einsum", "back"),
    [
        ("let h = p + r for r", "O[p] = I[h] * F[R=h - p]", "let r = h - p for h"),
        ("let h = p + r for p", "O[P=h - r] = I[h] * F[r]", "let p = h - r for h"),
        ("let x = 3 - p for p", "O[P=3 - x] = I[3 - x + r] * F[r]", "let p = 3 - x for x"),
        ("let h = r + p for p", "O[P=h - r] = I[h] * F[r]", "let p = h - r for h"),
    ],
)
def test_a_sum_may_stand_in_the_place_of_any_of_its_variables(sentence, einsum, back):
    start = draft_of(spec_of("O[p] = I[p + r] * F[r]", P=4, R=3))
    steps = rewrite(start, [sentence])
    assert [str(line.statement) for line in steps[-1].after.lines] == [einsum]
    assert back_from(steps) == [back]
    assert prove(start, steps).exact
    assert is_same(rewrite(steps[-1].after, [back])[-1].after, start)


def test_another_name_alone_adds_no_padding():
    (step,) = rewrite(draft_of(spec_of("O[p] = I[p + r] * F[r]", P=4, R=3)), ["let x = p for p"])
    (line,) = step.after.lines
    assert (str(line.statement), line.spec.pad) == ("O[x] = I[x + r] * F[r]", None)


def test_a_stride_alone_is_a_window_in_both_forms():
    for form, shape in (("input", (4, 2)), ("kernel", (4, 2, 7))):
        start, steps = taken(spec_of("O[m, p] = I[c, 2*p] * F[m, c]", P=4, M=3, C=2), f"toeplitz {form}")
        assert prove(start, steps).exact
        comes_back(start, steps)
        made = steps[-1].after.workload.einsums[0].output.tensor
        words = steps[-1].after.workload.einsums[0].tensors[made].size_words
        assert words == np.prod(shape) * (3 if form == "kernel" else 1)


def test_positions_that_a_next_layer_reads_through_windows_stay_ranks():
    spec = spec_of(
        "O[m, p, q] = I[c, p + r, q + s] * F[m, c, r, s]",
        "Z[n, x, y] = O[m, x + a, y + b] * G[n, m, a, b]",
        **dict.fromkeys("MCRSNAB", 2), P=4, Q=3, X=3, Y=2,
    )  # fmt: skip
    start, steps = taken(spec, "toeplitz input O", "toeplitz input Z")
    assert prove(start, steps).exact
    comes_back(start, steps)
    assert texts(steps[-1].after)[1:] == [
        "O[m, p, q] = T[p, q, crs] * F[m, crs]",
        "T1[XY=x*Y + y, MAB=m*A*B + a*B + b] = O[m, x + a, y + b]",
        "Z[n, xy] = T1[xy, mab] * G[n, mab]",
    ]
