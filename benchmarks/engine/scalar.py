"""The equations as scalar C++ for peers written in C: rates, sparse Jacobian, and the factors made for its pattern.

They come from the engine's own lowering, with what all patients share written as numbers: no peer is given worse code than
the project uses. Not the vectors of the project itself: those are in `cpp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cytotrial.engine.assembly import read_by_steps
from cytotrial.engine.elimination import plan_elimination
from cytotrial.engine.jacobian import differentiate
from cytotrial.engine.lowering import lower
from cytotrial.engine.program import PARAMETER, RELATIONS, Instruction, Program, needed
from cytotrial.model.system import OdeSystem

_LEAVES = {"state": "y", "parameter": "p", "input": "u"}
_TEXTS = {
    **{"add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "negate": "-{0}", "reciprocal": "1.0 / {0}"},
    **{"exp": "std::exp({0})", "log": "std::log({0})", "sqrt": "std::sqrt({0})"},
    **{"less": "{0} < {1}", "less_equal": "{0} <= {1}", "equal": "{0} == {1}"},
    **{"and": "{0} && {1}", "or": "{0} || {1}", "not": "!{0}", "select": "{0} ? {1} : {2}"},
}
_CONDITIONS = {"less", "less_equal", "equal", "and", "or", "not"}


def scalar_code(system: OdeSystem, *, shared: Mapping[int, float]) -> str:
    """C++ of one system: `constants(p, c)`, `rates(y, c, u, out)`, `jacobian(y, c, u, out)`, `form(j, gamma, w)` for
    w = 1 - gamma j, `factorise(w)`, `solve(w, b)`, and where the entries of the Jacobian stand.

    Parameters that are `shared` are written as numbers; the others are numbered anew in their order.
    """
    lowered = lower(system)
    slopes = differentiate(lowered.program, lowered.derivatives)
    entries, states = list(slopes), len(system.states)
    program, outputs = specialise(lowered.program, [*lowered.derivatives, *slopes.values()], shared=shared)
    derivatives, jacobian = outputs[:states], outputs[states:]
    constants = read_by_steps(program, outputs, level=PARAMETER)
    stored = {value: place for place, value in enumerate(constants)}
    plan = plan_elimination(entries, states)
    sizes = {
        **{"STATES": states, "PARAMETERS": len(system.parameters) - len(shared), "INPUTS": len(system.inputs)},
        **{"CONSTANTS": len(constants), "ENTRIES": len(entries), "SLOTS": len(plan.slots)},
    }
    parts = [f"#define {name} {size}" for name, size in sizes.items()]
    parts += [_function("constants", "const double*p,double*out", program, outputs=constants, stored={})]
    for name, outputs in (("rates", derivatives), ("jacobian", jacobian)):
        signature = "const double*__restrict y,const double*__restrict c,const double*__restrict u,double*__restrict out"
        parts.append(_function(name, signature, program, outputs=outputs, stored=stored))
    for name, place in (("JACOBIAN_ROW", 0), ("JACOBIAN_COLUMN", 1)):
        parts.append(f"static const int {name}[] = {{{', '.join(str(entry[place]) for entry in entries)}}};")
    parts += [_form(entries, plan.slots), _factorise(plan.factor, filled=_filled(entries, plan.slots)), _solve(plan.solve)]
    return "\n".join(parts)


def specialise(program: Program, outputs: Iterable[int], *, shared: Mapping[int, float]) -> tuple[Program, list[int]]:
    """The same outputs in a new program in which these parameters are numbers and the others are numbered without gaps."""
    outputs = list(outputs)
    new, known, number = Program(), dict[int, int](), dict[int, int]()
    rules: dict[str, Callable[..., int]] = {
        **{"add": new.add, "subtract": new.subtract, "multiply": new.multiply, "negate": new.negate},
        **{"reciprocal": new.reciprocal, "exp": new.exp, "log": new.log, "sqrt": new.sqrt, "select": new.select},
        **{"and": new.both, "or": new.either, "not": new.negation},
    }
    for instruction in program.instructions:
        if instruction.operation == "parameter" and int(instruction.constant) not in shared:
            number[int(instruction.constant)] = len(number)
    for index in needed(program, outputs):
        instruction = program.instructions[index]
        operation, place = instruction.operation, int(instruction.constant) if instruction.operation in _LEAVES else 0
        arguments = [known[argument] for argument in instruction.arguments]
        if operation == "number":
            known[index] = new.number(instruction.constant)
        elif operation == "parameter":
            known[index] = new.number(shared[place]) if place in shared else new.leaf("parameter", number[place])
        elif operation in _LEAVES:
            known[index] = new.leaf(operation, place)
        elif operation in RELATIONS:
            known[index] = new.compare(operation, *arguments)
        else:
            known[index] = rules[operation](*arguments)
    return new, [known[index] for index in outputs]


def _function(name: str, signature: str, program: Program, *, outputs: Iterable[int], stored: Mapping[int, int]) -> str:
    outputs = list(outputs)
    pending, found = list(outputs), set[int]()
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            if index not in stored:
                pending.extend(program.instructions[index].arguments)
    lines = [f"static void {name}({signature}) {{"]
    for index in sorted(found):
        instruction = program.instructions[index]
        kind = "bool" if instruction.operation in _CONDITIONS else "double"
        text = f"c[{stored[index]}]" if index in stored else _text(instruction)
        lines.append(f"const {kind} v{index} = {text};")
    lines += [f"out[{place}] = v{index};" for place, index in enumerate(outputs)]
    return "\n".join([*lines, "}"])


def _text(instruction: Instruction) -> str:
    operation = instruction.operation
    if operation == "number":
        return repr(instruction.constant).replace("inf", "INFINITY").replace("nan", "NAN")
    if operation in _LEAVES:
        return f"{_LEAVES[operation]}[{int(instruction.constant)}]"
    return _TEXTS[operation].format(*(f"v{argument}" for argument in instruction.arguments))


def _form(entries: list[tuple[int, int]], slots: Mapping[tuple[int, int], int]) -> str:
    lines = ["static void form(const double*__restrict j, double gamma, double*__restrict w) {"]
    known = {entry: place for place, entry in enumerate(entries)}
    for entry, slot in slots.items():
        one = "1.0" if entry[0] == entry[1] else "0.0"
        lines.append(f"w[{slot}] = {one}{f' - gamma * j[{known[entry]}]' if entry in known else ''};")
    return "\n".join([*lines, "}"])


def _filled(entries: list[tuple[int, int]], slots: Mapping[tuple[int, int], int]) -> set[int]:
    """Slots that hold something before the elimination."""
    return {slots[entry] for entry in entries} | {slot for (row, column), slot in slots.items() if row == column}


def _factorise(operations: Iterable[tuple[str, int, int, int]], *, filled: set[int]) -> str:
    lines = ["static void factorise(double*__restrict w) {"]
    known = set(filled)
    for operation, target, left, right in operations:
        if operation == "invert":
            lines.append(f"w[{target}] = 1.0 / w[{target}];")
        elif operation == "scale":
            lines.append(f"w[{target}] *= w[{left}];")
        elif target in known:
            lines.append(f"w[{target}] -= w[{left}] * w[{right}];")
        else:
            lines.append(f"w[{target}] = -(w[{left}] * w[{right}]);")
            known.add(target)
    return "\n".join([*lines, "}"])


def _solve(operations: Iterable[tuple[str, int, int, int]]) -> str:
    lines = ["static void solve(const double*__restrict w, double*__restrict b) {"]
    for operation, target, slot, other in operations:
        lines.append(f"b[{target}] *= w[{slot}];" if operation == "scale" else f"b[{target}] -= w[{slot}] * b[{other}];")
    return "\n".join([*lines, "}"])
