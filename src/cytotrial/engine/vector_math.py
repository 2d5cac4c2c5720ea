"""Our own exponential and logarithm over lanes, the same bits on every machine. Not for use from Python.

exp x = 2^k exp r with k = round(x / log 2), |r| <= log(2)/2, exp r = 1 + r + r^2 P(r) (error of the polynomial 4e-18).
log x = e log 2 + log m with m in sqrt(1/2)..sqrt(2), s = (m - 1)/(m + 1), log m = 2 s + s^3 Q(s^2) (error 1e-18 of it).
P and Q have the coefficients of least largest relative error on their intervals, found by Remez' exchange.

Each takes several vectors and goes through all of them step by step: one alone is a chain in which every operation waits for
the one before, while four keep the processor at work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cytotrial.engine.ir import Value, Writer

SIDE_BY_SIDE = 4

_EXP = (
    *(1.0, 1.0, 0.5000000000000011, 0.16666666666666413, 0.041666666666530267, 0.00833333333349427),
    *(0.0013888888943597126, 0.0001984126950691947, 2.4801493136784668e-05, 2.755758613960615e-06),
    *(2.7630233720381917e-07, 2.5000112791441703e-08),
)
_LOG = (
    *(0.6666666666666734, 0.39999999999414687, 0.28571428742385385, 0.22222198573425608, 0.18183564313072667),
    *(0.15314050897376696, 0.1479594614976823),
)
_ROUND = 6755399441055744.0  # 1.5 x 2^52: adding it rounds to a whole number that sits in the low bits
_ROUND_BITS = 0x4338000000000000
_FRACTION_BITS = 52
_LOG2_HIGH = math.ldexp(math.floor(math.ldexp(math.log(2), 32)), -32)  # few bits, so that its multiples are exact
_LOG2_LOW = 1.9082149292705877e-10  # log 2 - _LOG2_HIGH, which the doubles of `math` cannot give to full precision
_EXP_MOST = 709.782712893384  # above it the result is no longer a finite double
_EXP_LEAST = -708.0  # below it the result is nearly denormal, and is taken as 0
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_LEAST_NORMAL = 2.2250738585072014e-308


def exponentials(writer: Writer, values: Sequence[Value]) -> list[Value]:
    """The exponential of each vector."""
    shifted = [writer.fma(value, 1 / math.log(2), _ROUND) for value in values]
    whole = [number - _ROUND for number in shifted]
    rest = [writer.fma(number, -_LOG2_HIGH, value) for number, value in zip(whole, values, strict=True)]
    rest = [writer.fma(number, -_LOG2_LOW, value) for number, value in zip(whole, rest, strict=True)]
    # The whole number, moved up from the low bits, is added to the exponent. A result that overflows is replaced below.
    powers = [writer.shift("shl", writer.as_bits(number), _FRACTION_BITS) for number in shifted]
    series = _polynomials(writer, rest, _EXP)
    results = [writer.as_numbers(writer.as_bits(one) + power) for one, power in zip(series, powers, strict=True)]
    results = [writer.select(value < _EXP_LEAST, 0.0, result) for value, result in zip(values, results, strict=True)]
    return [writer.select(value > _EXP_MOST, math.inf, result) for value, result in zip(values, results, strict=True)]


def logarithms(writer: Writer, values: Sequence[Value]) -> list[Value]:
    """The natural logarithm of each vector; -inf at 0, NaN below."""
    small = [value < _LEAST_NORMAL for value in values]
    normal = [writer.select(tiny, value * math.ldexp(1, 54), value) for tiny, value in zip(small, values, strict=True)]
    bits = [writer.as_bits(value) for value in normal]
    exponents = [writer.shift("ashr", bit - _SQRT_HALF_BITS, _FRACTION_BITS) for bit in bits]
    above = [
        writer.as_numbers(bit - writer.shift("shl", exponent, _FRACTION_BITS)) - 1.0
        for bit, exponent in zip(bits, exponents, strict=True)
    ]
    powers = [
        writer.as_numbers(exponent + _ROUND_BITS) - _ROUND - writer.select(tiny, 54.0, 0.0, kind=writer.vector)
        for exponent, tiny in zip(exponents, small, strict=True)
    ]
    ratios = [part / (part + 2.0) for part in above]
    squares = [ratio * ratio for ratio in ratios]
    series = _polynomials(writer, squares, _LOG)
    # log m = 2 s + s R = f - s (f - R) with f = m - 1: no rounding error of s reaches the leading term.
    rests = [ratio * (part - one * square) for ratio, part, one, square in zip(ratios, above, series, squares, strict=True)]
    results = [
        writer.fma(power, _LOG2_HIGH, part - (rest - power * _LOG2_LOW))
        for power, part, rest in zip(powers, above, rests, strict=True)
    ]
    results = [writer.select(value < math.inf, result, value) for value, result in zip(values, results, strict=True)]
    results = [writer.select(value.equals(0.0), -math.inf, result) for value, result in zip(values, results, strict=True)]
    return [writer.select(value < 0.0, math.nan, result) for value, result in zip(values, results, strict=True)]


def _polynomials(writer: Writer, variables: Sequence[Value], coefficients: Sequence[float]) -> list[Value]:
    """The polynomial with these coefficients, lowest first, of each variable."""
    *others, highest = coefficients
    results = [writer.constant(writer.vector, highest) for _ in variables]
    for coefficient in reversed(others):
        results = [writer.fma(result, variable, coefficient) for result, variable in zip(results, variables, strict=True)]
    return results
