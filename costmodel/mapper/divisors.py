"""Sizes of tiles that divide, and what they are made of."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt


def divisors_of(n: int) -> npt.NDArray[np.int64]:
    """Return the divisors of n in order.

    >>> divisors_of(12).tolist()
    [1, 2, 3, 4, 6, 12]
    """
    found = {1}
    for prime in primes(n):
        found |= {d * prime for d in found}
    return np.array(sorted(found), dtype=np.int64)


def divisor_counts(low: int, high: int) -> npt.NDArray[np.int64]:
    """Return how many divisors each number from low to high - 1 has.

    >>> divisor_counts(10, 14).tolist()
    [4, 2, 6, 2]
    """
    counts = np.zeros(high - low, dtype=np.int64)
    for d in range(1, math.isqrt(high - 1) + 1):
        if d * d >= low:
            counts[d * d - low] += 1  # with itself
        # d and a larger one
        counts[max(d * (d + 1), -(-low // d) * d) - low :: d] += 2
    return counts


@lru_cache(maxsize=4096)
def primes(number: int) -> tuple[int, ...]:
    """Prime factors, largest first, each as often as it divides.

    >>> primes(12)
    (3, 2, 2)
    """
    found: list[int] = []
    prime = 2
    while prime * prime <= number:
        while number % prime == 0:
            found.append(prime)
            number //= prime
        prime += 1
    return tuple(sorted([*found, number] if number > 1 else found, reverse=True))
