"""Sizes of tiles that divide, and what they are made of."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def divisors_of(n: int) -> npt.NDArray[np.int64]:
    """Return the divisors of n in order.

    >>> divisors_of(12).tolist()
    [1, 2, 3, 4, 6, 12]
    """
    low = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return np.array(sorted({*low, *(n // d for d in low)}), dtype=np.int64)


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
