"""Nests in which one tensor is accessed in two ways, for tests that count them by hand."""

ROWS_OF_A_GRAM_MATRIX = """
store X Z in Main
for m by 2
for n by 1
store X in Buf
for m by 1
for k by 4
store Z in Buf
for k by 1
compute Z on MAC
"""
"""Of ``Z[m, n] = X[m, k] * X[n, k]``, all ranks 12."""

CONVOLUTION_AND_SKIP = """
store F I O in Main
for r by 1
for p by 4
store I in Buf
for p by 1
compute O on MAC
"""
"""Of ``O[p] = I[p + r] * F[r] + I[p + 1]``, or of the product of all three, P 8 and R 3."""

TWO_BRANCHES = """
store X W Q in Main
for m by 2
for n by 2
store X in Buf
store P in Buf
sequence:
  branch:
    for k by 1
    for m by 1
    for n by 1
    compute P on MAC
  branch:
    for n by 1
    for m by 1
    compute Q on MAC
"""
"""Of ``P[m, n] = X[m, k] * W[k, n]`` and ``Q[m, n] = P[m, n] * X[n, m]``, all ranks 4."""
