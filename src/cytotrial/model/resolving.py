"""Replaces the bare names of one module by flattened ones, in equations, tables and starts. It declares nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cytotrial.errors import Place, Problem, did_you_mean
from cytotrial.model.declaring import TERM, Namespace, instead, with_article
from cytotrial.model.parts import JOINT, RatePart, ReactionPart, StatePart, flattened
from cytotrial.model.statements import Statement
from cytotrial.model.syntax import Call, Expression, Name


def resolve(names: Namespace) -> None:
    """Resolves every statement of a module; all modules have declared their names before."""
    _Resolving(names).everything()


@dataclass(frozen=True)
class _Resolving:
    names: Namespace

    def everything(self) -> None:
        """Replaces bare names by flattened ones, everywhere in the module."""
        names = self.names
        module, draft = names.module.id, names.draft
        for statement in names.statements:
            if statement.kind == "rate":
                self._resolve_rate(statement)
            elif statement.kind == "reaction":
                self._resolve_reaction(statement)
        for id_, part in draft.definitions.items():
            if part.module == module:
                draft.definitions[id_] = replace(part, expression=self._resolved(part.expression, self._meaning))
        for id_, parameter in draft.parameters.items():
            if parameter.module == module and parameter.formula is not None:
                draft.parameters[id_] = replace(parameter, formula=self._resolved(parameter.formula, self._meaning_in_table))
        for id_, state in draft.states.items():
            if state.module == module:
                draft.states[id_] = self._resolved_state(state)

    def _resolved_state(self, state: StatePart) -> StatePart:
        initial, limit = state.initial, state.extinct_below
        if not isinstance(initial, float):
            initial = self._resolved(initial, self._meaning)
        if limit is not None and not isinstance(limit, float):
            limit = self._resolved(limit, self._meaning_in_table)
        return replace(state, initial=initial, extinct_below=limit)

    def _resolve_rate(self, statement: Statement) -> None:
        names = self.names
        name, place = statement.target, statement.place
        id_ = name if name in names.ports else flattened(names.module.id, name)
        state = names.draft.states.get(id_)
        if name in names.ports and (state is None or state.module != names.module.id):
            owner = f"module '{state.module}' owns it" if state else "this module does not own it"
            what = f"'{name}' is shared: {owner}, and only the owner writes its rate rule."
            advice = "Add a reaction." if names.ports[name] == "pool" else "Act on it through a drive that the owner reads."
            names.report(Problem(place, what, advice))
        elif state is None:
            own = [
                part.id.removeprefix(names.module.id + JOINT)
                for part in names.draft.states.values()
                if part.module == names.module.id
            ]
            advice = did_you_mean(name, own, see="States are declared in module.yaml.")
            names.report(Problem(place, f"'{name}' has a rate rule but is no declared state.", advice))
        elif state.kind == "pool":
            names.report(Problem(place, f"'{name}' is a pool, which only reactions change.", instead(name, "pool")))
        elif id_ in names.draft.rates:
            names.report(
                Problem(place, f"'{name}' has a rate rule already, at {names.draft.rates[id_].place}.", "Each state has one.")
            )
        else:
            expression = self._resolved(statement.expression, self._meaning)
            names.draft.rates[id_] = RatePart(id_, names.module.id, expression, place)

    def _resolve_reaction(self, statement: Statement) -> None:
        names = self.names
        id_ = flattened(names.module.id, statement.target)
        name_taken = names.draft.reactions.get(id_)
        if name_taken:
            names.report(Problem(statement.place, f"reaction '{statement.target}' is defined already, at {name_taken.place}."))
            return
        if statement.target in names.private or statement.target in names.ports:
            names.report(
                Problem(statement.place, f"'{statement.target}' names a reaction and something else.", "Choose another name.")
            )
        changes = []
        for participant, sign in [
            *((item, -1.0) for item in statement.reactants),
            *((item, 1.0) for item in statement.products),
        ]:
            pool = participant.pool if participant.pool in names.ports else flattened(names.module.id, participant.pool)
            part = names.draft.states.get(pool)
            if part is None:
                names.report(self._no_pool(participant.pool, participant.place))
            elif part.kind != "pool":
                what = f"'{participant.pool}' is a state, which only its owner's rate rule changes; reactions are for pools."
                names.report(Problem(participant.place, what))
            else:
                changes.append((pool, sign * participant.stoichiometry))
        expression = self._resolved(statement.expression, self._meaning)
        names.draft.reactions[id_] = ReactionPart(id_, names.module.id, tuple(changes), expression, statement.place)

    def _no_pool(self, name: str, place: Place) -> Problem:
        names = self.names
        if names.ports.get(name) == "pool":
            return Problem(
                place, f"pool '{name}' has no owner in this composition.", "One module lists it under states: in module.yaml."
            )
        if name in names.ports:
            return Problem(place, f"'{name}' is {with_article(names.ports[name])}, not a pool.")
        pools = [part.id.split(JOINT)[-1] for part in names.draft.states.values() if part.kind == "pool"]
        return Problem(place, f"'{name}' is no pool.", did_you_mean(name, pools, see="Pools are declared in module.yaml."))

    def _resolved(self, expression: Expression, meaning: Callable[[Name], str]) -> Expression:
        if isinstance(expression, Name):
            return Name(meaning(expression), expression.place)
        if isinstance(expression, Call):
            arguments = tuple(self._resolved(argument, meaning) for argument in expression.arguments)
            return Call(expression.function, arguments, expression.place)
        return expression

    def _meaning(self, use: Name) -> str:
        """The flattened name of a bare one in equations."""
        names = self.names
        name = use.name
        if name in names.private:
            return flattened(names.module.id, name)
        kind = "observable" if name in names.own_observables else names.ports.get(name)
        if kind in ("pool", "state") and name not in names.draft.states:
            advice = "One module lists it under states: in module.yaml."
            names.report(Problem(use.place, f"{kind} '{name}' has no owner in this composition.", advice))
        elif kind == "observable" and name not in names.draft.definitions:
            names.report(Problem(use.place, f"observable '{name}' is defined by no module of this composition."))
        elif kind is None and name not in names.refused:
            names.report(self._unknown(use, [*names.private, *names.own_observables, *names.ports]))
        return name

    def _meaning_in_table(self, use: Name) -> str:
        names = self.names
        rows = names.module.table.lines
        if use.name in rows:
            return flattened(names.module.id, use.name)
        if use.name not in names.draft.interface.covariates:
            problem = self._unknown(use, [*rows, *names.draft.interface.covariates])
            names.report(
                replace(problem, advice=f"{problem.advice} A formula reads the module's parameters and covariates.".strip())
            )
        return use.name

    def _unknown(self, use: Name, known: Sequence[str]) -> Problem:
        names = self.names
        name = use.name
        if JOINT in name:
            return Problem(use.place, f"'{name}' is private to a module.", "Modules meet only at the ports of interface.yaml.")
        if name.startswith(TERM):
            return Problem(use.place, f"'{name}' is a term and cannot be read.", f"Read the drive '{name.removeprefix(TERM)}'.")
        advice = did_you_mean(name, known)
        return Problem(use.place, f"'{name}' is not defined in module '{names.module.id}' and is no port.", advice)
