"""The sparse Jacobian of a three-address program, written as further values of the same program. No numbers are computed here.

Each value's derivative is held in terms of what it was made from. A value that depends on more than one thing becomes a
thing itself, so that a long chain is differentiated once; at the outputs these are expanded, latest first: preaccumulation
with reverse mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cytotrial.engine.program import MOVING, RELATIONS, Program, needed

Gradient = dict[int, int]
"""Value -> the derivative with respect to that value."""


def differentiate(program: Program, outputs: Sequence[int]) -> dict[tuple[int, int], int]:
    """The entries (output, state) of the Jacobian that are not identically zero, in order of output and state.

    Piecewise functions are differentiated branch by branch. Where a power between 0 and 1 is infinitely steep, at 0, its
    derivative is taken as 0: the step stays possible and error control keeps it short.
    """
    gradients: dict[int, Gradient] = {}
    things: dict[int, Gradient] = {}
    for index in needed(program, outputs):
        if program.levels[index] < MOVING:
            continue
        gradient = _gradient(program, index, gradients)
        if len(gradient) > 1:
            things[index] = gradient
            gradient = {index: program.number(1.0)}
        gradients[index] = gradient
    entries = {}
    for row, output in enumerate(outputs):
        for state, value in sorted(_expand(program, gradients.get(output, {}), things).items()):
            if program.value_of(value) != 0.0:
                entries[row, int(program.instructions[state].constant)] = value
    return entries


def _expand(program: Program, gradient: Gradient, things: dict[int, Gradient]) -> Gradient:
    total = dict(gradient)
    while inner := [index for index in total if index in things]:
        latest = max(inner)
        weight = total.pop(latest)
        for index, value in things[latest].items():
            _accumulate(program, total, index, program.multiply(weight, value))
    return total


def _accumulate(program: Program, total: Gradient, index: int, value: int) -> None:
    total[index] = program.add(total[index], value) if index in total else value


def _gradient(program: Program, index: int, gradients: dict[int, Gradient]) -> Gradient:
    instruction = program.instructions[index]
    if instruction.operation == "state":
        return {index: program.number(1.0)}
    if instruction.operation in ("input", *RELATIONS, "and", "or", "not"):
        return {}
    if index in program.powers:
        base, exponent = program.powers[index]
        parts = [(base, _power_slope(program, base, exponent)), (exponent, None)]
        if program.levels[exponent] == MOVING:
            parts[1] = (exponent, _exponent_slope(program, index, base))
    elif instruction.operation == "select":
        return _select_gradient(program, index, gradients)
    else:
        slopes = _SLOPES[instruction.operation](program, index, *instruction.arguments)
        parts = list(zip(instruction.arguments, slopes, strict=True))
    total: Gradient = {}
    for argument, slope in parts:
        if slope is not None:
            for thing, value in gradients.get(argument, {}).items():
                _accumulate(program, total, thing, program.multiply(slope, value))
    return total


def _select_gradient(program: Program, index: int, gradients: dict[int, Gradient]) -> Gradient:
    condition, if_true, if_false = program.instructions[index].arguments
    zero = program.number(0.0)
    one, other = gradients.get(if_true, {}), gradients.get(if_false, {})
    return {thing: program.select(condition, one.get(thing, zero), other.get(thing, zero)) for thing in sorted({*one, *other})}


def _power_slope(program: Program, base: int, exponent: int) -> int:
    number = program.value_of(exponent)
    zero, one = program.number(0.0), program.number(1.0)
    slope = program.multiply(exponent, program.power(base, program.subtract(exponent, one)))
    if number is not None and (number >= 1 or number <= 0):
        return slope
    steep = program.compare("equal", base, zero)
    if number is None:
        steep = program.both(
            steep, program.both(program.compare("less", exponent, one), program.compare("less", zero, exponent))
        )
    else:
        slope = program.multiply(exponent, program.multiply(program.power(base, exponent), program.reciprocal(base)))
    return program.select(steep, zero, slope)


def _exponent_slope(program: Program, index: int, base: int) -> int:
    zero = program.number(0.0)
    return program.select(program.compare("equal", base, zero), zero, program.multiply(index, program.log(base)))


def _sqrt_slope(program: Program, index: int, argument: int) -> tuple[int, ...]:
    zero = program.number(0.0)
    slope = program.multiply(program.number(0.5), program.reciprocal(index))
    return (program.select(program.compare("equal", argument, zero), zero, slope),)


_SLOPES: dict[str, Callable[..., tuple[int, ...]]] = {
    "add": lambda program, _index, _left, _right: (program.number(1.0), program.number(1.0)),
    "subtract": lambda program, _index, _left, _right: (program.number(1.0), program.number(-1.0)),
    "multiply": lambda _program, _index, left, right: (right, left),
    "negate": lambda program, _index, _value: (program.number(-1.0),),
    "reciprocal": lambda program, index, _value: (program.negate(program.multiply(index, index)),),
    "exp": lambda _program, index, _value: (index,),
    "log": lambda program, _index, value: (program.reciprocal(value),),
    "sqrt": _sqrt_slope,
}
