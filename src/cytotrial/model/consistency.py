"""Checks of a composed draft: units, circles, missing rules, powers, unused symbols. Each is short and reports all it finds.

Names were checked while the modules were put together; numbers of patients are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from cytotrial.errors import Problem
from cytotrial.model.finding import Finding, Level
from cytotrial.model.order import evaluation_order, uses
from cytotrial.model.parts import JOINT, Draft
from cytotrial.model.syntax import Call, Expression, Name, Number
from cytotrial.model.unit_algebra import PURE, AnyUnit, Condition, Found, Unit, UnitChecker, constant, unit_of

Check = Callable[[Draft], Iterator[Problem]]


def inspect(draft: Draft, *, checks: Sequence[tuple[Check, Level]]) -> list[Finding]:
    """Everything that `checks` find in a draft, in their order."""
    return [Finding(problem, check.__name__, level) for check, level in checks for problem in check(draft)]


def written(name: str) -> str:
    """A flattened name as users write it: module.name, or the port's name."""
    return name.replace(JOINT, ".", 1)


def equations(draft: Draft) -> Iterator[Expression]:
    """Every expression of the equations of motion and of what is observed."""
    for group in (draft.definitions, draft.rates, draft.reactions):
        for part in group.values():
            yield part.expression


def tables(draft: Draft) -> Iterator[Expression]:
    """Every formula of a parameter table or an initial value."""
    yield from draft.formulas().values()
    yield from draft.initial_formulas().values()
    yield from (limit for limit in draft.extinctions().values() if not isinstance(limit, float))


def state_without_rule(draft: Draft) -> Iterator[Problem]:
    """A state whose owner wrote no rate rule would stand still silently."""
    for name, state in draft.states.items():
        if state.kind == "state" and name not in draft.rates:
            short = name.split(JOINT)[-1]
            yield Problem(
                state.place, f"state '{short}' has no rate rule.", f"Write \"{short}' = ...\" in module '{state.module}'."
            )


def pool_without_reaction(draft: Draft) -> Iterator[Problem]:
    """A pool that no reaction changes is a constant."""
    changed = {pool for reaction in draft.reactions.values() for pool, _ in reaction.changes}
    for name, state in draft.states.items():
        if state.kind == "pool" and name not in changed:
            yield Problem(state.place, f"no reaction changes pool '{name.split(JOINT)[-1]}'.")


def circular_definitions(draft: Draft) -> Iterator[Problem]:
    """Variables that need each other cannot be evaluated."""
    parts = draft.definitions
    for circle in evaluation_order({name: part.expression for name, part in parts.items()})[1]:
        # A drive's place is in interface.yaml: the circle is better told at a statement that closes it.
        first = next((name for name in circle if parts[name].kind != "drive"), circle[0])
        yield Problem(parts[first].place, f"circular definition: {_chain(circle)}.", "Break the circle with a state.")


def circular_tables(draft: Draft) -> Iterator[Problem]:
    """Formulas of parameters or initial values that need each other."""
    for circle in evaluation_order(draft.formulas())[1]:
        yield Problem(draft.parameters[circle[0]].place, f"circular formula: {_chain(circle)}.")
    for circle in evaluation_order(draft.start_formulas())[1]:
        first = next((name for name in circle if name in draft.states), None)
        if first is not None:  # a circle of definitions alone is reported as such
            yield Problem(draft.states[first].place, f"circular initial value: {_chain(circle)}.")


def starts_that_read_steady_ones(draft: Draft) -> Iterator[Problem]:
    """Steady states are sought with all others held at their starts, so these must be known before."""
    steady = set(draft.steady())
    formulas = draft.start_formulas()
    for name, part in draft.states.items():
        if steady and name in formulas and not part.is_steady:
            for read in sorted(_reads(name, formulas) & steady):
                what = f"the initial value of '{written(name)}' reads '{written(read)}', which starts at its steady state."
                yield Problem(part.place, what, "Say `initial: steady` here too, or read parameters and other starts.")


def _reads(name: str, formulas: Mapping[str, Expression]) -> set[str]:
    """Every name that a formula reads, itself or by way of others of `formulas`."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = uses([formulas[waiting.pop()]]) - found
        found |= new
        waiting += new & formulas.keys()
    return found


def _chain(circle: tuple[str, ...]) -> str:
    return " -> ".join(written(name) for name in circle)


def units_that_do_not_fit(draft: Draft) -> Iterator[Problem]:
    """Every expression against the unit it must have, size included."""
    problems: list[Problem] = []
    infer_units(draft, problems.append)
    yield from dict.fromkeys(problems)


def infer_units(draft: Draft, report: Callable[[Problem], None]) -> dict[str, Unit]:
    """The unit of every symbol, declared or inferred; what does not fit is reported and left out."""
    units: dict[str, Found] = {name: _declared(draft, name) for name in _all_names(draft)}
    checker = UnitChecker(units, report, draft.literals)
    _check_definitions(draft, checker, units)
    per_hour = unit_of("1/h")
    for rate in draft.rates.values():
        unit = draft.states[rate.state].unit
        checker.check(rate.expression, unit_of(unit).times(per_hour), f"the rate of '{written(rate.state)}' in {unit}")
    for reaction in draft.reactions.values():
        checker.check(reaction.expression, unit_of("nmol/h"), "a reaction")
    for name, parameter in draft.parameters.items():
        if parameter.formula is not None:
            checker.check(parameter.formula, unit_of(parameter.row.unit), f"parameter '{written(name)}'")
    for name, state in draft.states.items():
        for what, formula in (
            ("the guess" if state.is_steady else "the initial value", state.initial),
            ("the limit of extinction", state.extinct_below),
        ):
            if formula is not None and not isinstance(formula, float):
                checker.check(formula, unit_of(state.unit), f"{what} of '{written(name)}'")
    return {name: unit for name, unit in units.items() if isinstance(unit, Unit)}


def _all_names(draft: Draft) -> Iterator[str]:
    for group in (draft.states, draft.inputs, draft.parameters, draft.interface.covariates, draft.definitions):
        yield from group


def _declared(draft: Draft, name: str) -> Found:
    text = draft.unit_text(name)
    return unit_of(text) if text is not None else None


def _check_definitions(draft: Draft, checker: UnitChecker, units: dict[str, Found]) -> None:
    expressions = {name: part.expression for name, part in draft.definitions.items()}
    for name in evaluation_order(expressions)[0]:
        part = draft.definitions[name]
        if part.unit is not None:
            checker.check(part.expression, unit_of(part.unit), f"'{written(name)}'")
            continue
        found = checker.find(part.expression)
        if isinstance(found, (Condition, AnyUnit)):
            checker.check(part.expression, PURE, f"'{written(name)}'")
            found = PURE
        units[name] = found


def products_of_units(draft: Draft) -> Iterator[Problem]:
    """Terms of a drive that are multiplied must be pure numbers."""
    for name, drive in draft.interface.drives.items():
        if drive.combine == "product" and not unit_of(drive.unit).is_pure:
            advice = "Expected the unit '1', or combine: sum."
            yield Problem(draft.definitions[name].place, f"drive '{name}' multiplies terms of unit {drive.unit}.", advice)


def powers_of_negatives(draft: Draft) -> Iterator[Problem]:
    """A power with a fractional or named exponent needs a base that cannot be negative."""
    for expression in (*equations(draft), *tables(draft)):
        for call in _calls(expression):
            if call.function == "^" and not _is_whole(call.arguments[1]) and not _not_negative(call.arguments[0], draft):
                what = "the base of a power with a fractional or named exponent might be negative."
                yield Problem(call.place, what, "Write max(base, 0)^exponent.")
            elif call.function == "sqrt" and not _not_negative(call.arguments[0], draft):
                yield Problem(call.place, "the argument of sqrt might be negative.", "Write sqrt(max(argument, 0)).")


def _calls(expression: Expression) -> Iterator[Call]:
    if isinstance(expression, Call):
        yield expression
        for argument in expression.arguments:
            yield from _calls(argument)


def _is_whole(exponent: Expression) -> bool:
    value = constant(exponent)
    return value is not None and value.is_integer()


def _not_negative(expression: Expression, draft: Draft, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is zero or more whatever happens, as far as its form tells."""
    if isinstance(expression, Number):
        return expression.value >= 0
    if isinstance(expression, Name):
        return _symbol_not_negative(expression.name, draft, seen)
    parts = [_not_negative(argument, draft, seen) for argument in expression.arguments]
    if expression.function == "^":
        return parts[0] or (_is_whole(expression.arguments[1]) and (constant(expression.arguments[1]) or 0) % 2 == 0)
    rules = {"exp": True, "abs": True, "sqrt": True, "max": any(parts), "piecewise": all(parts[0::2])}
    return rules.get(expression.function, expression.function in ("+", "*", "/", "min") and all(parts))


def _symbol_not_negative(name: str, draft: Draft, seen: frozenset[str]) -> bool:
    if name in draft.parameters:
        row = draft.parameters[name].row
        return (row.low if row.low is not None else 0) >= 0 and (isinstance(row.value, str) or row.value >= 0)
    if name in draft.states:
        return draft.states[name].kind == "pool"
    if name in draft.definitions and name not in seen:
        return _not_negative(draft.definitions[name].expression, draft, seen | {name})
    return name in draft.interface.covariates


def powers_of_pools(draft: Draft) -> Iterator[Problem]:
    """A pool may be a hair below zero while it is integrated; a fractional power of it is then not a number."""
    guarded = Draft(draft.interface, draft.modules, parameters=draft.parameters, definitions=draft.definitions)
    for expression in equations(draft):
        for call in _calls(expression):
            if call.function == "^" and not _is_whole(call.arguments[1]):
                base = call.arguments[0]
                if _not_negative(base, draft) and not _not_negative(base, guarded):
                    yield Problem(call.place, "a pool may fall a hair below zero numerically.", "Write max(base, 0)^exponent.")


def unused_parameters(draft: Draft) -> Iterator[Problem]:
    """A row that no equation reads is a leftover, or a misspelt use."""
    used = uses((*equations(draft), *tables(draft)))
    for name, parameter in draft.parameters.items():
        if name not in used:
            yield Problem(parameter.place, f"parameter '{parameter.row.name}' is not used.", "Remove the row, or use it.")


def unused_variables(draft: Draft) -> Iterator[Problem]:
    """A local variable that nothing reads."""
    used = uses(equations(draft))
    for name, part in draft.definitions.items():
        if part.kind == "local" and name not in used:
            yield Problem(part.place, f"variable '{written(name)}' is not used.", "Remove it, or use it.")


def unused_inputs(draft: Draft) -> Iterator[Problem]:
    """Something given from outside that no equation receives."""
    used = uses(equations(draft))
    for name, part in draft.inputs.items():
        if part.module and name not in used:
            yield Problem(part.place, f"input '{written(name)}' is not used.", "Use it in a reaction, or remove it.")


def observable_without_definition(draft: Draft) -> Iterator[Problem]:
    """A module's own observable that the module does not define is measured by nobody."""
    for name, place in draft.observable_places.items():
        if name not in draft.definitions:
            yield Problem(place, f"observable '{name}' is declared, but not defined.", f"Write '{name} := ...' in the module.")


CHECKS: tuple[tuple[Check, Level], ...] = (
    (state_without_rule, "error"),
    (observable_without_definition, "error"),
    (circular_definitions, "error"),
    (circular_tables, "error"),
    (starts_that_read_steady_ones, "error"),
    (units_that_do_not_fit, "error"),
    (products_of_units, "error"),
    (powers_of_negatives, "error"),
    (powers_of_pools, "warning"),
    (pool_without_reaction, "warning"),
    (unused_parameters, "warning"),
    (unused_variables, "warning"),
    (unused_inputs, "warning"),
)

PRESENT_CHECKS = tuple(item for item in CHECKS if item[0] in (circular_definitions, circular_tables, units_that_do_not_fit))
"""The checks that make sense when some statements could not be read."""

__all__ = ["CHECKS", "PRESENT_CHECKS", "equations", "infer_units", "inspect", "tables", "written"]
