"""What an arm is watched, graded and decided by: the plans, criteria and rules of a protocol, made ready. It sees nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cytotrial.catalogue import Disease, Library
from cytotrial.formats.drug import DrugFile
from cytotrial.formats.population import AfterProgression
from cytotrial.manage.rules import RuleProfile
from cytotrial.model.biology import Biology
from cytotrial.observe.arrays import FloatArray
from cytotrial.observe.conditions import leaves
from cytotrial.observe.criteria import Assessor, plan_for, ready_assessor
from cytotrial.observe.grading import Grader
from cytotrial.observe.plan import MonitoringPlan
from cytotrial.protocol.protocol import Arm, Protocol
from cytotrial.units import hours


@dataclass(frozen=True)
class Standards:
    """What every chunk of an arm is seen and graded by; made once per arm. The first of `assessors` is what decisions go by."""

    plan: MonitoringPlan
    after_last_dose: FloatArray
    grader: Grader
    assessors: tuple[Assessor, ...]
    profiles: Mapping[str, RuleProfile]
    followed_terms: frozenset[str]
    disease: Disease
    after_progression: AfterProgression | None

    @classmethod
    def of(cls, library: Library, protocol: Protocol, arm: Arm, biology: Biology) -> Standards:
        """The plan, grading, response criteria and rules that a protocol names for an arm.

        Raises:
            ProtocolError: response criteria ask about what this composition of the biology does not show.
        """
        # All arms are watched by what any of them needs: what one arm's visits do not measure it could not be compared in.
        named = sorted({library.drugs[drug].file.monitoring for drug in protocol.drugs}) or [
            DrugFile.model_fields["monitoring"].default
        ]
        files = [library.monitoring[name] for name in named]
        observables = {**library.interface.observables, **biology.observables}
        plans = [MonitoringPlan.from_file(file, observables, available=biology.observables.keys()) for file in files]
        plan = reduce(MonitoringPlan.beside, plans)
        assessors = tuple(ready_assessor(library.responses[name], name=name) for name in protocol.response)
        plan = plan_for(plan, library.responses, assessors, observables=biology.observables)
        grader = Grader.from_file(library.gradings[protocol.grading], plan)
        profiles = {
            treatment.drug: RuleProfile.from_file(
                library.drugs[treatment.drug].rules[treatment.rules],
                name=treatment.rules,
                plan=plan,
                profiles=library.drugs[treatment.drug].rules,
                terms=grader.terms.keys(),
            )
            for treatment in arm.treatments
        }
        after = np.array(sorted({hours(text) for file in files for text in file.after_last_dose}))
        disease = library.diseases[protocol.disease]
        population = disease.populations.populations[protocol.population]
        followed = frozenset(_followed_terms(grader, profiles.values()))
        return cls(plan, after, grader, assessors, profiles, followed, disease, population.after_progression)


def _followed_terms(grader: Grader, profiles: Iterable[RuleProfile]) -> Iterator[str]:
    """The terms that a condition asks about earlier grades of: the grades of all others count at their own visit alone."""
    graded = [condition for term in grader.terms.values() for _, condition in term.grades]
    asked = [condition for profile in profiles for rule in profile.criteria for condition in (rule.when, rule.until)]
    for condition in (*graded, *asked):
        for leaf in leaves(condition) if condition else ():
            if leaf.grade is not None and (leaf.consecutive is not None or leaf.for_at_least is not None):
                yield leaf.grade
