"""Which operand of a product plays the input and which the weight, whatever the order they are written in.

Operands are ordered from the most like an input to the most like a weight, by the first of these that tells them apart:

1. A sliding window (``p + r`` with ``r`` reduced) is read by a filter: what has one is like an input.
2. A name that says weight or filter (``W``, ``WQ``, ``F``, ``F2``) is like a weight.
3. Of two operands, the one that adds no rank to the output (the vector of a matrix-vector product, the image of a fully
   connected layer) is like an input.
4. What adds more ranks to the output (``p`` and ``q`` of a 1 × 1 convolution, against ``m``) is like an input.
5. What adds the earlier rank of the output (``m`` of ``Z[m, n]``) is like an input.
6. The name that comes first in the alphabet is like an input.

Shapes play no part, so that no sweep over them moves a role.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from costmodel.einsum.algebra import Access

_WEIGHT_NAME = re.compile(r"W.*|F\d*")


def from_input_to_weight(factors: Sequence[Access], output: Access) -> list[str]:
    """Order the tensors of one product; ``output`` is the left of the Einsum."""
    names = sorted({access.tensor for access in factors})
    of = {name: [a for a in factors if a.tensor == name] for name in names}
    variables = {name: frozenset(v for a in of[name] for v in a.rank_variables) for name in names}
    everywhere = frozenset.intersection(*variables.values()) if names else frozenset()
    left = list(dict.fromkeys(v for index in output.indices for v in index.rank_variables))

    def key(name: str) -> tuple[object, ...]:
        adds = [place for place, v in enumerate(left) if v in variables[name] - everywhere]
        return (
            not any(_slides(a, left) for a in of[name]),
            _WEIGHT_NAME.fullmatch(name) is not None,
            bool(adds) and len(names) == 2,
            -len(adds),
            adds[:1],
            name,
        )

    return sorted(names, key=key)


def _slides(access: Access, left: Sequence[str]) -> bool:
    """Whether an index joins a rank variable of the output and a reduced one."""
    return any(len({v in left for v in index.rank_variables}) == 2 for index in access.indices)
