"""The engine's own program, step, driver and all, written as C++: what a compiler makes of it is the speed to aim at.

It translates the text that the engine hands to LLVM, instruction by instruction, so both do the same work in the same order.
Not a general reader of LLVM assembly: it knows what `cytotrial.engine.ir` writes.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable

_DEFINE = re.compile(r"define (internal )?(.+?) @(\w+)\((.*)\) nounwind noinline \{")
_LABEL = re.compile(r"(\w+):$")
_RESULT = re.compile(r"  (%\w+) = (.*)")
_OPERATORS = {
    **{"fadd": "+", "fsub": "-", "fmul": "*", "fdiv": "/", "add": "+", "sub": "-", "mul": "*"},
    **{"and": "&", "or": "|", "xor": "^", "shl": "<<", "ashr": ">>"},
}
_RELATIONS = {
    **{"olt": "<", "ole": "<=", "ogt": ">", "oge": ">=", "oeq": "==", "une": "!="},
    **{"slt": "<", "sle": "<=", "sgt": ">", "sge": ">=", "eq": "==", "ne": "!="},
}
_HEAD = """\
#include <cmath>
#include <cstdint>
#include <limits>
#define LANES {lanes}
typedef double V __attribute__((vector_size(8 * LANES)));
typedef int64_t I __attribute__((vector_size(8 * LANES)));
static inline V all(double x) {{ return V{{}} + x; }}
static inline I every(int64_t x) {{ return I{{}} + x; }}
// Written out, because the built-in would be taken lane by lane; the compiler may fuse it, and other sums, as it likes.
static inline V fma_(V a, V b, V c) {{ return a * b + c; }}
static inline V sqrt_(V a) {{ V r; for (int i = 0; i < LANES; i++) r[i] = __builtin_sqrt(a[i]); return r; }}
static inline V fabs_(V a) {{ return (V)((I)a & every(0x7fffffffffffffffLL)); }}
static inline V put_(V a, double x, int i) {{ a[i] = x; return a; }}
#include "flushing.h"
"""


def cpp_of(text: str, *, lanes: int) -> str:
    """The C++ of one LLVM module of the engine. Raises ValueError for an instruction it does not know, with its line."""
    parts, body, head = [_HEAD.format(lanes=lanes)], list[str](), ""
    for line in text.splitlines():
        if line.startswith("declare"):
            continue
        if found := _DEFINE.match(line):
            head, body = _head(found), []
        elif line == "}":
            parts.append(_function(head, body))
        else:
            body.append(line)
    return "\n".join(parts)


def _head(found: re.Match[str]) -> str:
    internal, kind, name, arguments = found.groups()
    listed = ", ".join(f"{_type(one)} {two[1:]}" for one, two in _arguments(arguments))
    linkage = "static " if internal else 'extern "C" '
    return f"{linkage}__attribute__((noinline)) {_type(kind)} {name}({listed})"


def _function(head: str, body: list[str]) -> str:
    """With jumps, every name is declared first: a jump may not cross a declaration."""
    jumps = any(_LABEL.match(line) for line in body)
    declared, written = [], []
    for line in body:
        if found := _LABEL.match(line):
            written.append(f"{found.group(1)}:;")
        elif found := _RESULT.match(line):
            name, kind, value = found.group(1)[1:], *_value(found.group(2))
            if jumps:
                declared.append(f"{kind} {name};")
                written.append(f"{name} = {value};")
            else:
                written.append(f"const {kind} {name} = {value};")
        else:
            written.append(_statement(line.strip()))
    return "\n".join([f"{head} {{", *declared, *written, "}"])


def _value(text: str) -> tuple[str, str]:
    """The C++ type and expression of one instruction with a result."""
    operation, rest = text.split(" ", 1)
    rule = _VALUES.get(operation)
    if operation in _OPERATORS:
        kind, left, right = _two(rest)
        return _type(kind), f"({left} {_OPERATORS[operation]} {right})"
    if rule is None:
        raise ValueError(f"no C++ for the instruction '{text}'; add it to benchmarks/engine/cpp.py.")
    return rule(rest)


def _two(rest: str) -> tuple[str, str, str]:
    kind, rest = _kind(rest)
    left, right = _split(rest)
    return kind, _operand(kind, left), _operand(kind, right)


def _compare(rest: str) -> tuple[str, str]:
    relation, rest = rest.split(" ", 1)
    kind, left, right = _two(rest)
    return ("I" if kind.startswith("<") else "bool"), f"({left} {_RELATIONS[relation]} {right})"


def _select(rest: str) -> tuple[str, str]:
    (one, condition), (kind, yes), (_, no) = _arguments(rest)
    return _type(kind), f"({_operand(one, condition)} ? {_operand(kind, yes)} : {_operand(kind, no)})"


def _call(rest: str) -> tuple[str, str]:
    kind, name, arguments = re.match(r"(.+?) @([\w.]+)\((.*)\)$", rest).groups()  # type: ignore[union-attr]
    own = {"llvm.fma.f64": "__builtin_fma"}.get(name) or (f"{name.split('.')[1]}_" if name.startswith("llvm.") else name)
    return _type(kind), f"{own}({', '.join(_operand(one, two) for one, two in _arguments(arguments))})"


def _bitcast(rest: str) -> tuple[str, str]:
    source, target = rest.split(" to ")
    kind, name = _kind(source)
    return _type(target), f"(({_type(target)}){_operand(kind, name)})"


def _address(rest: str) -> tuple[str, str]:
    kind, rest = _kind(rest, comma=True)
    (_, base), (_, index) = _arguments(rest)
    return "char*", f"(char*)(({_type(kind)}*){_operand('ptr', base)} + {_operand('i64', index)})"


def _load(rest: str) -> tuple[str, str]:
    volatile = rest.startswith("volatile ")
    kind, rest = _kind(rest.removeprefix("volatile "), comma=True)
    place = rest.split(",")[0].removeprefix("ptr ")
    return _type(kind), f"*({'volatile ' if volatile else ''}{_type(kind)}*){_operand('ptr', place)}"


def _alloca(rest: str) -> tuple[str, str]:
    kind, *more = _split(rest)
    count = next((part.removeprefix("i64 ") for part in more if part.startswith("i64 ")), "1")
    return "char*", f"(char*)__builtin_alloca(sizeof({_type(kind)}) * {count})"


def _insert(rest: str) -> tuple[str, str]:
    (kind, vector), (_, number), (_, lane) = _arguments(rest)
    return _type(kind), f"put_({'V{}' if vector == 'poison' else vector[1:]}, {_operand('double', number)}, {lane})"


def _shuffle(rest: str) -> tuple[str, str]:
    (kind, vector), _, (_, mask) = _arguments(rest)
    if mask != "zeroinitializer":
        raise ValueError(f"no C++ for the shuffle '{rest}'; add it to benchmarks/engine/cpp.py.")
    return _type(kind), f"all({vector[1:]}[0])"


def _extract(rest: str) -> tuple[str, str]:
    (kind, vector), (_, lane) = _arguments(rest)
    return "double", f"{_operand(kind, vector)}[{lane}]"


def _atomic(rest: str) -> tuple[str, str]:
    _, (_, place), (_, addend) = ("", *_arguments(rest.removeprefix("add ").removesuffix(" monotonic")))
    return "int64_t", f"__atomic_fetch_add((int64_t*){place[1:]}, {addend}, __ATOMIC_RELAXED)"


def _negate(rest: str) -> tuple[str, str]:
    kind, name = _kind(rest)
    return _type(kind), f"(-{_operand(kind, name)})"


_VALUES: dict[str, Callable[[str], tuple[str, str]]] = {
    **{"fcmp": _compare, "icmp": _compare, "select": _select, "call": _call, "bitcast": _bitcast},
    **{"insertelement": _insert, "extractelement": _extract, "shufflevector": _shuffle},
    **{"getelementptr": _address, "load": _load, "alloca": _alloca, "atomicrmw": _atomic, "fneg": _negate},
}


def _statement(line: str) -> str:
    operation, _, rest = line.partition(" ")
    if operation == "store":
        (kind, value), (_, place) = _arguments(rest.split(", align")[0])
        return f"*({_type(kind)}*){_operand('ptr', place)} = {_operand(kind, value)};"
    if operation == "br" and rest.startswith("label"):
        return f"goto {rest.removeprefix('label %')};"
    if operation == "br":
        condition, yes, no = (part.split("%")[1] for part in rest.split(", "))
        return f"if ({condition}) goto {yes}; else goto {no};"
    if operation == "ret":
        return "return;" if rest == "void" else f"return {_operand(*_kind(rest))};"
    if operation == "call":
        return f"{_call(rest)[1]};"
    raise ValueError(f"no C++ for the instruction '{line}'; add it to benchmarks/engine/cpp.py.")


def _kind(text: str, *, comma: bool = False) -> tuple[str, str]:
    """The type at the head of a text, and the rest."""
    end = text.index(">") + 1 if text.startswith("<") else re.match(r"\w+", text).end()  # type: ignore[union-attr]
    return text[:end], text[end:].removeprefix("," if comma else "").strip()


def _split(text: str) -> list[str]:
    """Parts between commas that stand outside < >."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()] if text.strip() else []


def _arguments(text: str) -> list[tuple[str, str]]:
    return [_kind(part) for part in _split(text)]


def _type(kind: str) -> str:
    if kind.startswith("<"):
        return "V" if "double" in kind else "I"
    return {"double": "double", "i64": "int64_t", "i1": "bool", "ptr": "char*", "void": "void"}[kind]


def _operand(kind: str, text: str) -> str:
    """A name or a number. All lanes of a written vector are equal."""
    if text.startswith("%"):
        return text[1:]
    if kind.startswith("<"):
        inner, number = _kind(_split(text[1:-1])[0])
        return f"{'all' if inner == 'double' else 'every'}({_operand(inner, number)})"
    if kind == "i1":
        return str(int(text) != 0).lower()
    return _double(text) if kind == "double" else f"{text}LL"


def _double(text: str) -> str:
    number = struct.unpack("<d", struct.pack("<Q", int(text, 16)))[0]
    if math.isnan(number):
        return "std::numeric_limits<double>::quiet_NaN()"
    if number in (float("inf"), float("-inf")):
        return f"({'-' if number < 0 else ''}std::numeric_limits<double>::infinity())"
    return f"({number.hex()})"
