"""Our own exponential and logarithm over lanes, the same bits on every machine. Not for use from Python.

exp x = 2^k exp r with k = round(x / log 2), |r| <= log(2)/2, Taylor series to r^13 (remainder 4e-18).
log x = e log 2 + log m with m in sqrt(1/2)..sqrt(2), s = (m - 1)/(m + 1), series of 2 atanh s to s^19 (remainder 5e-17 of it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cytotrial.engine.ir import Module, Value, Writer

_EXP_TERMS = 13
_LOG_TERMS = 9
_ROUND = 6755399441055744.0  # 1.5 x 2^52: adding it rounds to a whole number that sits in the low bits
_ROUND_BITS = 0x4338000000000000
_LOG2_HIGH = math.ldexp(math.floor(math.ldexp(math.log(2), 32)), -32)  # few bits, so that its multiples are exact
_LOG2_LOW = 1.9082149292705877e-10  # log 2 - _LOG2_HIGH, which the doubles of `math` cannot give to full precision
_EXP_MOST = 709.782712893384  # above it the result is no longer a finite double
_EXP_LEAST = -708.0  # below it the result is nearly denormal, and is taken as 0
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_LEAST_NORMAL = 2.2250738585072014e-308


def write_vector_math(module: Module) -> None:
    """Add `vector_exp` and `vector_log` to the module."""
    vector = f"<{module.lanes} x double>"
    with module.function("vector_exp", (vector,), result=vector, inline=True) as (writer, (value,)):
        writer.result = _exp(writer, value)
    with module.function("vector_log", (vector,), result=vector, inline=True) as (writer, (value,)):
        writer.result = _log(writer, value)


def _exp(writer: Writer, value: Value) -> Value:
    shifted = writer.fma(value, 1 / math.log(2), _ROUND)
    whole = shifted - _ROUND
    rest = writer.fma(whole, -_LOG2_LOW, writer.fma(whole, -_LOG2_HIGH, value))
    series = _polynomial(writer, rest, [1 / math.factorial(term) for term in range(_EXP_TERMS + 1)])
    # Half the power of two, then doubled: the largest results need 2^1024, which is no double.
    half_power = writer.as_numbers(writer.shift("shl", writer.as_bits(shifted) + 1022, 52))
    result = series * half_power * 2.0
    result = writer.select(value < _EXP_LEAST, 0.0, result)
    return writer.select(value > _EXP_MOST, math.inf, result)


def _log(writer: Writer, value: Value) -> Value:
    small = value < _LEAST_NORMAL
    normal = writer.select(small, value * math.ldexp(1, 54), value)
    bits = writer.as_bits(normal)
    exponent = writer.shift("ashr", bits - _SQRT_HALF_BITS, 52)
    mantissa = writer.as_numbers(bits - writer.shift("shl", exponent, 52))
    power = writer.as_numbers(exponent + _ROUND_BITS) - _ROUND
    power = power - writer.select(small, 54.0, 0.0, kind=writer.vector)
    above = mantissa - 1.0
    ratio = above / (above + 2.0)
    square = ratio * ratio
    series = _polynomial(writer, square, [2 / (2 * term + 1) for term in range(1, _LOG_TERMS + 1)])
    # log m = 2 s + s R = f - s (f - R) with f = m - 1: no rounding error of s reaches the leading term.
    remainder = ratio * (above - series * square)
    result = writer.fma(power, _LOG2_HIGH, above - (remainder - power * _LOG2_LOW))
    result = writer.select(value < math.inf, result, value)
    result = writer.select(value.equals(0.0), -math.inf, result)
    return writer.select(value < 0.0, math.nan, result)


def _polynomial(writer: Writer, variable: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, lowest first, by Estrin's scheme: less to wait for than in Horner's."""
    terms: list[Value | float] = list(coefficients)
    power = variable
    while len(terms) > 1:
        pairs = [_pair(writer, power, terms[index : index + 2]) for index in range(0, len(terms), 2)]
        terms, power = list(pairs), power * power
    return terms[0] if isinstance(terms[0], Value) else writer.constant(writer.vector, terms[0])


def _pair(writer: Writer, power: Value, terms: Sequence[Value | float]) -> Value | float:
    return terms[0] if len(terms) == 1 else writer.fma(power, terms[1], terms[0])
