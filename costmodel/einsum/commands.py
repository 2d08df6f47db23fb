r"""What signs and commands mean, in LaTeX and in Unicode, and what is said in the place of others."""

from __future__ import annotations

from costmodel.einsum.functions import FUNCTIONS

PRODUCT, QUOTIENT, SUM, PRODUCTS, ARROW, FRACTION, WITHIN = "*", "/", "∑", "∏", "->", r"\frac", "∈"

SIGNS = {
    **dict.fromkeys("×·⋅∙•∗✕⨯✖", PRODUCT),
    "÷": QUOTIENT,
    **dict.fromkeys("−–", "-"),
    "Σ": SUM,
    "Π": PRODUCTS,
    **dict.fromkeys(("=>", "→", "↦", "⇒"), ARROW),
    **dict.fromkeys((":=", "←", "≔", "≡"), "="),
}
"""Sign → the one that the grammar knows."""

COMMANDS: dict[str, str] = {
    **dict.fromkeys(("times", "cdot", "ast", "star"), PRODUCT),
    "div": QUOTIENT,
    "sum": SUM,
    "prod": PRODUCTS,
    **dict.fromkeys(("to", "rightarrow", "longrightarrow", "Rightarrow", "mapsto"), ARROW),
    **dict.fromkeys(("leftarrow", "gets", "longleftarrow", "coloneqq", "triangleq", "equiv"), "="),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), FRACTION),
    "in": WITHIN,
}
"""Command → the sign that it stands for."""

_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon
phi chi psi omega Gamma Delta Theta Lambda Xi Phi Psi Omega epsilon phi"""
GREEK_LETTERS = dict(zip("αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΦΨΩϵϕ", _GREEK.split(), strict=True))
"""Letter → its name; Σ and Π are signs."""

NAMES = {
    **{name: name for name in GREEK_LETTERS.values()},
    **{f"var{name}": name for name in ("epsilon", "theta", "rho", "phi")},
    **{name: name for name in FUNCTIONS},
    "ln": "log",
    "infty": "inf",
}
"""Command → the name, function or number that it stands for."""

_BOXES = "an iteration space is a box, without conditions on rank variables: count all of it, or split it into boxes"
_CONDITIONS = ("<", ">", "<=", ">=", "≤", "≥", r"\lt", r"\gt", r"\le", r"\ge", r"\leq", r"\geq")
_POWER = "write pow(x, y)"

SAY_INSTEAD = {
    **dict.fromkeys(_CONDITIONS, _BOXES),
    **dict.fromkeys((r"\odot", r"\circ", "⊙", "∘"), "a product of each word with another is written '*'"),
    **dict.fromkeys((r"\otimes", "⊗"), "an outer product is written with its indices, as in Z[m, n] = A[m] * B[n]"),
    **dict.fromkeys((r"\hat", r"\tilde", r"\bar", r"\vec", r"\prime", "'"), r"a name has letters, digits and \_"),
    **dict.fromkeys(("|", r"\|", r"\lvert", r"\rvert", r"\lVert", r"\vert"), "a magnitude is written abs(x)"),
    **dict.fromkeys((r"\top", r"\intercal"), "a transpose is written with its indices swapped"),
    **dict.fromkeys((r"\underset", r"\overset"), r"what is reduced stands below: \max_k A_{m,k}"),
    **dict.fromkeys((r"\mod", r"\bmod", r"\pmod", r"\%", "%"), "an index is affine: there are no remainders"),
    **dict.fromkeys((r"\Sigma", "ς"), r"a sum is written \sum, a name in letters of the alphabet"),
    **dict.fromkeys((r"\lfloor", r"\lceil"), "an index is affine; a shape in `ranks:` may be floor(…) or ceil(…)"),
    **dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", _POWER),
    r"\Pi": r"a product is written \prod, a name in letters of the alphabet",
    r"\over": r"a fraction is written \frac{A_m}{B_m}",
    r"\forall": "a statement holds at every point: leave it out",
    r"\substack": r"rank variables stand beside each other: \sum_{k,j}",
    r"\begin": "a statement stands alone or in equation, align, gather or split; an iteration space has no cases",
    r"\text": "a statement is a formula alone, without words",
    "^": _POWER,
    "**": _POWER,
    "==": "write '='",
    ":": "a rank with its index is written RANK=index, as in Q[M=p]",
    "{": "indices stand in square brackets, or below the tensor as in A_{m,k}",
    "}": "indices stand in square brackets, or below the tensor as in A_{m,k}",
    ";": "one statement per entry",
    "`": "a statement is written without quotes",
}
"""What cannot be read, as written, and the nearest form that can."""
