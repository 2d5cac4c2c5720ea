"""What a protocol asks, in words: patients, arms with their doses and rules, scans, criteria. It decides and checks nothing."""

from __future__ import annotations

from cytotrial.catalogue import UNMANAGED, Library
from cytotrial.naming import words
from cytotrial.protocol.protocol import Arm, Protocol, Treatment
from cytotrial.units import HOURS_PER_DAY, HOURS_PER_MONTH

CONDITIONS = {"always": "", "response_or_stable": " while in response or stable"}


def question_of(protocol: Protocol, library: Library) -> tuple[tuple[str, str], ...]:
    """The question as pairs of a name and a text, in the order they are read; an arm's name stands before its treatments."""
    disease = library.diseases[protocol.disease]
    population = disease.populations.populations[protocol.population]
    eligibility = disease.populations.eligibility.get(protocol.eligibility or "")
    criteria = [library.gradings[protocol.grading].title.en, *(library.responses[name].title.en for name in protocol.response)]
    facts = [
        ("disease", disease.file.title.en),
        ("population", population.title.en),
        *([("eligible", eligibility.title.en)] if eligibility else []),
        *((arm.name, _arm_text(arm, library)) for arm in protocol.arms),
        ("scans", str(protocol.file.scans)),
        ("criteria", "; ".join(criteria)),
        *([("deaths of other causes", library.life_tables[population.life_table].title.en)] if population.life_table else []),
        ("follow-up", f"{protocol.follow_up_hours / HOURS_PER_MONTH:.4g} months from the first planned dose"),
    ]
    changed = "; ".join(f"{name} = {value}" for name, value in protocol.set.items())
    return tuple(facts + ([("changed parameters", changed)] if changed else []))


def _arm_text(arm: Arm, library: Library) -> str:
    support = library.support.get(arm.support)
    care = f" Care: {support.title.en}." if support and arm.treatments else ""
    return " ".join(_treatment_text(treatment, library) for treatment in arm.treatments) + care or "Observed only."


def _treatment_text(treatment: Treatment, library: Library) -> str:
    drug, courses = library.drugs[treatment.drug], treatment.courses
    text = f"{drug.file.title.en}: {treatment.regimen.text}."
    if courses.max > 1:
        condition = CONDITIONS.get(courses.only_if, f" after {words(courses.only_if)}")
        rest = f"{courses.rest_hours / HOURS_PER_DAY:.4g} days from the last planned dose to the next course"
        text += f" At most {courses.max} courses{condition}; {rest}."
    rules = treatment.rules or UNMANAGED
    return f"{text} Doses decided by: {drug.rules[rules].title.en} [{rules}]."
