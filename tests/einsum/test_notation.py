from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.einsum.algebra import Affine
from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.latex import latex
from costmodel.einsum.notation import parse, read
from costmodel.einsum.syntax import (
    Binary,
    Call,
    Constant,
    Index,
    Negative,
    Number,
    Shape,
    Statement,
    TensorAccess,
    Term,
    addends,
)
from costmodel.einsum.tokens import NotationError
from costmodel.spec.problems import SpecError

VALID = [
    # as typed, as printed
    ("Z[m, n] = A[m, k] * B[k, n]", None),
    ("Z[m,n]=A[m,k]*B[k,n]", "Z[m, n] = A[m, k] * B[k, n]"),
    ("O[n, m, p, q] = I[n, c, U*p + r, U*q + D*s] * F[m, c, r, s]", None),
    ("QK[h, m, p] = Q[h, M=p, e] * K[h, m, e]", None),
    ("O[p] = I[H=U*p + r] * F[r]", None),
    ("GM[p] max= QK[m, p]", None),
    ("GM[p] max = QK[m, p]", "GM[p] max= QK[m, p]"),
    ("X[p] min= A[m, p]", None),
    ("X[p] *= A[m, p]", None),
    ("SD[p] += SN[m, p]", None),
    ("SN[m, p] = exp(QK[m, p] - GM[p])", None),
    ("C[b, p, h*F + f] = AV[b, h, p, f]", None),
    ("O[m, p] = B[m] + I[c, p+r] * F[m, c, r]", "O[m, p] = B[m] + I[c, p + r] * F[m, c, r]"),
    ("RM[m1+1, p] = max(RM[m1, p], LM[m1, p])", "RM[m1 + 1, p] = max(RM[m1, p], LM[m1, p])"),
    ("RM[0, p] = -inf", None),
    ("AV[f, p] = RNV[f, M1, p] / RD[M1, p]", None),
    ("S[] = A[k] * B[k]", None),
    ("Z[m] = A[m] / S[]", None),
    ("Z[m] = A[2*m]", None),
    ("Z[m] = A[m*2 - 1 + m]", None),
    ("Z[m] = A[-m + M]", None),
    ("Z[m] = -A[m] * (B[m] - (C[m] - 2.5)) / sqrt(E)", None),
    ("Z[m] = (A[m] * B[m]) * C[m]", "Z[m] = A[m] * B[m] * C[m]"),
    ("Z[m] = A[m] * (B[m] * C[m])", None),
    ("Z[m] = -(A[m] + B[m])", None),
    ("Z[m] = --A[m]", None),
    ("Z[m] = 1e-05 + A[m] * 0.5", None),
    ("Z[m] = .5 * A[m]", "Z[m] = 0.5 * A[m]"),
    ("  Z[m]\n  = A[m]\n", "Z[m] = A[m]"),
]


@pytest.mark.parametrize(("text", "printed"), VALID)
def test_valid_statement_prints_as_it_parses(text, printed):
    statement = parse(text)
    assert str(statement) == (printed or text)
    assert parse(str(statement)) == statement


INVALID = [
    # text, characters before the caret, part of the message, part of the hint
    ("", 0, "empty", "Z[m, n] ="),
    ("   ", 0, "empty", ""),
    ("Z[m, n = A[m, k] * B[k, n]", 7, "expected ',' or ']' in the indices of Z, found '='", "'[' at character 2"),
    ("Z[m, n] = A[m, k * B[k, n]", 20, "expected ',' or ']' in the indices of A, found '['", "not closed"),
    ("Z[m] = A[m", 10, "found the end", "the '[' at character 9 is not closed"),
    ("Z[m] = A[", 9, "expected an index of A, found the end", "not closed"),
    ("Z[m] = (A[m]", 12, "expected an operator or ')'", "the '(' at character 8 is not closed"),
    ("Z[m] = exp(A[m]", 15, "expected ',' or ')'", "the '(' at character 11 is not closed"),
    ("Z[m] = A[m])", 11, "')' closes nothing", "pair up"),
    ("Z[m]] = A[m]", 4, "']' without '['", ""),
    ("Z[m] = A[m]]", 11, "']' closes nothing", ""),
    ("Z[m] A[m]", 5, "expected '=', '+=', '*=', 'max=' or 'min=' after Z[m], found 'A'", ""),
    ("Z[m]", 4, "expected '='", ""),
    ("Z = A[m]", 2, "expected '[' after Z", "a scalar is written Z[]"),
    ("Z[m] =", 6, "found the end", ""),
    ("Z[m] == A[m]", 5, "found '=='", "write '='"),
    ("Z[m] -= A[m]", 5, "'-=' is no reduction", "one of"),
    ("Z[m] = A[m] = B[m]", 12, "a second '='", "one statement per entry"),
    ("Z[m] = A[m], Y[m] = A[m]", 11, "found ','", "one statement per entry"),
    ("z[m] = A[m]", 0, "tensor 'z' must start with an upper-case letter", "did you mean Z?"),
    ("Z[m] = a[m]", 7, "tensor 'a' must start with an upper-case letter", "did you mean A?"),
    ("Z[Mm] = A[m]", 2, "rank variable 'Mm' must be lower case", "did you mean mm?"),
    ("Z[M] = A[m]", 2, "'M' in the indices of Z is a constant: rank variables are lower case", "did you mean m?"),
    ("Z[m] = A[M]", 9, "'M' in the indices of A is a constant: rank variables are lower case", "did you mean m?"),
    ("Z[m] = A[k=m]", 9, "rank 'k' must be upper case", "did you mean K=?"),
    ("Z[m] = A[m: p]", 10, "unexpected character ':'", "RANK=index"),
    ("Z[m] = ex(A[m])", 7, "unknown function 'ex'", "did you mean 'exp'?"),
    ("Z[m] = EXP(A[m])", 7, "unknown function 'EXP'", "did you mean 'exp'?"),
    ("Z[m] = Foo(m)", 7, "unknown function 'Foo'", "Foo[…]"),
    ("Z[m] = exp(A[m], B[m])", 7, "exp takes 1 argument, found 2", ""),
    ("Z[m] = max(A[m])", 7, "max takes 2 to 16 arguments, found 1", ""),
    ("Z[m] = exp", 10, "expected '(' after function exp", ""),
    ("Z[m] = m * A[m]", 7, "'m' is neither a tensor nor a constant", "inside brackets only"),
    ("Z[m] = Ab * A[m]", 10, "expected '[' after tensor Ab", "Ab[]"),
    ("Z[m] = A[m] B[m]", 12, "expected an operator or the end, found 'B'", "'*'"),
    ("Z[m] = 2 A[m]", 9, "expected an operator or the end", "'*'"),
    ("Z[m] = 2A[m]", 8, "expected an operator after 2", "write 2*A"),
    ("Z[m] = A[2m]", 10, "expected ',' or ']'", "write 2*m"),
    ("Z[m] = A[m k]", 11, "expected ',' or ']'", "separated by ','"),
    ("Z[m] = A[m,]", 11, "expected an index of A, found ']'", ""),
    ("Z[m] = A[,m]", 9, "expected an index, found ','", ""),
    ("Z[m] = A[p*r]", 11, "'r' multiplies another rank variable", "affine"),
    ("Z[m] = A[2*(p+r)]", 11, "expected an index of A, found '('", "no brackets"),
    ("Z[m] = A[p/2]", 10, "found '/'", "integers"),
    ("Z[m] = A[1.5*p]", 9, "an index is made of integers, found 1.5", ""),
    ("Z[m] = A[99999999999999]", 9, "larger than", ""),
    ("Z[m] = 99999999999999 * A[m]", 7, "larger than", "1e15"),
    ("Z[m] = 1e999 * A[m]", 7, "too large", "inf"),
    ("Z[m] = A[m] ? B[m]", 12, "unexpected character '?'", ""),
    ("Z[m] = A[m] ** 2", 12, "'**'", "pow"),
    ("Z[m] = + A[m]", 7, "expected a tensor, number or function, found '+'", ""),
    ("[m] = A[m]", 0, "expected the output tensor", "Z[m, n]"),
]


@pytest.mark.parametrize(("text", "caret", "message", "hint"), INVALID)
def test_error_points_at_the_place_and_says_what_was_expected(text, caret, message, hint):
    with pytest.raises(SpecError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert hint in problem.hint
    shown, pointer = problem.excerpt.split("\n")
    assert shown.strip() == text.strip()
    assert pointer == " " * (2 + caret) + "^"


def test_excerpt_of_a_long_text_shows_the_part_around_the_place():
    text = "Z[m] = " + " + ".join(["A[m]"] * 40) + " ? " + " + ".join(["A[m]"] * 40)
    with pytest.raises(NotationError) as caught:
        parse(text)
    shown, pointer = caught.value.problems[0].excerpt.split("\n")
    assert len(shown) <= 104
    assert shown[pointer.index("^")] == "?"


@pytest.mark.parametrize(
    "text",
    [
        "Z[m] = " + "(" * 3000,
        "Z[m] = " + "-" * 3000 + "A[m]",
        "Z[m] = " + "exp(" * 900,
        "Z[m] = " + " + ".join(["A[m]"] * 500),
        "Z[m] = A[" + "+".join(["m"] * 1000) + "]",
        "Z[m] = A[" + "*".join(["2"] * 1000) + "]",
        "Z[m] = A[" + ",".join(["m"] * 3000) + "]",
    ],
)
def test_no_text_is_deep_or_long_enough_to_exhaust_the_stack(text):
    with pytest.raises(NotationError):
        parse(text)


def test_deepest_statement_that_is_allowed_prints_and_parses():
    deep = "Z[m] = " + "(" * 40 + "A[m]" + ")" * 40
    wide = "Z[m] = " + "-" * 60 + "exp(" * 40 + "A[m]" + ")" * 40
    for text in (deep, wide):
        statement = parse(text)
        assert parse(str(statement)) == statement
        assert hash(statement) == hash(parse(text))


def test_rank_variables_come_in_order_of_appearance_output_first():
    assert parse("O[n, m, p] = I[n, U*p + r] * F[m, c, r]").rank_variables == ("n", "m", "p", "r", "c")


def test_constants_are_found_in_indices_and_as_values():
    assert parse("O[p] = I[U*p + D*r] * F[r] / sqrt(E)").constants == ("U", "D", "E")


def test_affine_index_adds_up_coefficients_and_constants():
    index = parse("Z[p] = A[U*p + 2*p - r - 3 + U*2*D]").inputs[0].indices[0]
    assert index.affine({"U": 4, "D": 5}) == Affine((("p", 6), ("r", -1)), 37)


def test_addends_carry_the_sign_through_brackets():
    terms = addends(parse("Z[m] = A[m] - (B[m] - -C[m]) * D[m] - (E[m] - F[m])").expression)
    assert [(minus, str(t)) for minus, t in terms] == [
        (False, "A[m]"),
        (True, "(B[m] - -C[m]) * D[m]"),
        (True, "E[m]"),
        (False, "F[m]"),
    ]


# --- any tree prints as text that parses to the same tree

variables = st.sampled_from(["m", "k", "m1", "max", "exp", "inf", "h_2", "x_"])
capitals = st.sampled_from(["M", "K", "M1", "U", "E_2", "INF"])
tensors = st.sampled_from(["A", "Z", "QK", "Bias", "A_b1", "Max", "M"])


@st.composite
def terms(draw):
    factors = draw(st.lists(st.integers(0, 10**12) | capitals, max_size=3))
    if draw(st.booleans()) or not factors:
        factors.insert(draw(st.integers(0, len(factors))), draw(variables))
    return Term(tuple(factors), draw(st.booleans()))


indices = st.builds(Index, st.lists(terms(), min_size=1, max_size=3).map(tuple), st.none() | capitals)


@st.composite
def tensor_accesses(draw):
    """Some have a tuple of indices."""
    found = draw(st.lists(indices, max_size=4).map(tuple))
    start = draw(st.integers(0, 2))
    tuples = ((start, draw(st.integers(start + 2, len(found)))),) if len(found) >= start + 2 else ()
    return TensorAccess(draw(tensors), found, tuples=tuples if draw(st.booleans()) else ())


accesses = tensor_accesses()
numbers = st.builds(Number, st.integers(0, 10**12) | st.floats(0, allow_nan=False) | st.just(float("inf")))


def calls(inner):
    names = st.sampled_from(sorted(FUNCTIONS))
    return names.flatmap(
        lambda f: st.builds(
            Call,
            st.just(f),
            st.lists(inner, min_size=FUNCTIONS[f].least, max_size=min(3, FUNCTIONS[f].most)).map(tuple),
        )
    )


expressions = st.recursive(
    accesses | numbers | st.builds(Constant, capitals),
    lambda inner: st.builds(Negative, inner) | calls(inner) | st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
    max_leaves=8,
)
statements = st.builds(Statement, accesses, st.sampled_from(["=", "+=", "*=", "max=", "min="]), expressions)


def has_lone_constant(statement):
    return any(index.lone_constant for a in (statement.output, *statement.inputs) for index in a.indices)


@settings(max_examples=100)
@given(statements.filter(lambda s: not has_lone_constant(s)))
def test_any_tree_prints_as_text_that_parses_to_it(statement):
    assert parse(str(statement)) == statement


shapes = st.builds(Shape, capitals, st.just(Constant("V")) | st.builds(Number, st.integers(1, 9)))


@settings(max_examples=100)
@given(statements.filter(lambda s: not has_lone_constant(s)), st.lists(shapes, max_size=2))
def test_any_tree_prints_in_latex_as_text_that_parses_to_it(statement, said):
    names = {i.rank or (i.plain or "").upper() for a in (statement.output, *statement.inputs) for i in a.indices}
    said = {shape.rank: shape for shape in said if shape.rank in names}
    statement = replace(statement, shapes=tuple(said.values()))
    again = parse(latex(statement))
    assert again == replace(statement, shapes=again.shapes)
    assert {shape.rank: shape for shape in again.shapes} == said
    assert latex(again) == latex(statement)
    assert parse(str(again)) == again


@settings(max_examples=500)
@given(st.text("ZAmk_^{}[]()=+*,\\$× 20", max_size=30) | st.text("Zm_{}^=\\sumfractimes ", max_size=30))
def test_any_text_in_latex_reads_or_is_refused_with_its_place(text):
    refused = None
    try:
        found = read(text)
    except NotationError as error:
        refused = error
    if refused is None:
        assert read(latex(found)) == found
        assert read(str(found)) == found
    else:
        assert 0 <= refused.offset <= len(text)
        assert refused.problems[0].excerpt.endswith("^")


@settings(max_examples=500)
@given(st.text(alphabet="ZAmk[]()=+-*/,.<>2 eExpM\n:", max_size=30))
def test_any_text_parses_or_is_refused_with_its_place(text):
    refused = None
    try:
        statement = parse(text)
    except NotationError as error:
        refused = error
    if refused is None:
        assert parse(str(statement)) == statement
    else:
        assert 0 <= refused.offset <= len(text)
        assert refused.problems[0].excerpt.endswith("^")


@pytest.mark.parametrize("condition", ["k < m", "k <= m", "k ≤ m", "k >= m"])
def test_conditions_on_an_iteration_space_are_no_einsum(condition):
    with pytest.raises(NotationError) as caught:
        parse(f"O[m] = A[k] * F[m, k] {condition}")
    assert any("a box" in problem.hint for problem in caught.value.problems)
