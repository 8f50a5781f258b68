"""Numbers that look random and are not: the same everywhere, and none of them twice where that is promised."""

from __future__ import annotations

from math import gcd

_MASK = (1 << 64) - 1


def scrambled(number: int) -> int:
    """A number below 2⁶⁴ that tells nothing of the one it is made of. Source: the finalizer of SplitMix64."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


def stride_of(count: int) -> int:
    """A step that comes by each number below count once in count steps, and seldom by neighbours in a row."""
    step = max(1, int(count * 0.618))
    while gcd(step, count) != 1:
        step += 1
    return step
