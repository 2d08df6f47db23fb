"""Sentences that no rule reads: where they go wrong, and what may be meant."""

import pytest

from costmodel.spec.rules.rulebook import forms
from costmodel.spec.rules.wording import mismatch


@pytest.mark.parametrize(
    ("sentence", "offset", "message", "hint"),
    [
        ("GLB keps A", 4, "got 'keps'", "did you mean 'keeps'?"),
        ("  GLB tile   m = 4", 15, "expected '<=' or '==', got '='", "did you mean '=='?"),
        ("GLB tile m <= x", 14, "expected a number, got 'x'", "forms: LEVEL tile a <= 14"),
        ("PEs.X only m", 11, "expected '[' or ranks, got 'm'", "ARRAY.DIM only [a, b]"),
        ("PEs.X onyl [m]", 6, "got 'onyl'", "did you mean 'only'?"),
        ("PEs at most m", 13, "expected a number, got its end", "forms: ARRAY.DIM at most a 8"),
        ("GLB keeps A and B", 12, "expected its end, got 'and'", "forms: LEVEL keeps TENSOR"),
        ("order of GLB: m", 6, "expected in, got 'of'", "forms: order in LEVEL: a, b"),
        ("order in GLB m, n", 13, "expected ':', got 'm'", "forms: order in LEVEL: a, b"),
        ("wieght_stationary", 0, "expected a constraint", "did you mean 'weight_stationary'?"),
        ("weight stationary", 0, "expected a constraint", "did you mean 'weight_stationary'?"),
        ("utilisaton >= 50 %", 0, "expected a constraint", "did you mean 'utilisation'?"),
        ("gibberish here", 10, "got 'here'", "forms: "),
        ("", 0, "got its end", "forms: "),
        ("%", 0, "got '%'", "forms: "),
    ],
)
def test_the_place_what_is_expected_and_what_is_near(sentence, offset, message, hint):
    found = mismatch(sentence, forms())
    assert found.offset == offset
    assert message in found.message
    assert hint in found.hint
