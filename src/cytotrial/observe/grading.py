"""Adverse-event grades from what was seen, by a version of a grading system. It knows no term: the terms are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cytotrial.errors import LibraryError, Place, Problem
from cytotrial.formats.clinic import GradedTerm, GradingFile
from cytotrial.formats.conditions import Condition
from cytotrial.observe.arrays import CodeArray, IntArray
from cytotrial.observe.comparisons import Comparisons
from cytotrial.observe.conditions import (
    TRUE,
    UNKNOWN,
    Known,
    Question,
    Seen,
    check_condition,
    leaves,
    question,
    without,
)
from cytotrial.observe.plan import MonitoringPlan

HIGHEST_GRADE = 4  # grade 5 is death, which is an outcome of its own


@dataclass(frozen=True)
class Term:
    """A term with the grades this composition can tell, highest first; `questions` are their conditions, ready to be asked."""

    id: str
    name: str
    system_organ_class: str
    grades: tuple[tuple[int, Condition], ...]
    questions: tuple[tuple[np.int8, Question], ...] = ()


@dataclass(frozen=True)
class Grades(Mapping[str, CodeArray]):
    """The grades of a round by term, (patients,) each: 0 none, 1 to 4, -1 unknown. `codes` (terms, patients) holds them all.

    >>> grades = Grades({"fever": 0, "nausea": 1}, np.array([[0, 1], [2, -1]], dtype=np.int8))
    >>> grades["nausea"].tolist(), grades.of(np.array([1]))["fever"].tolist()
    ([2, -1], [1])
    """

    places: Mapping[str, int]
    codes: CodeArray

    def __getitem__(self, term: str) -> CodeArray:
        code: CodeArray = self.codes[self.places[term]]
        return code

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def of(self, rows: IntArray) -> Grades:
        """The grades of the patients at these positions."""
        return Grades(self.places, self.codes[:, rows])

    def among(self, patients: int, rows: IntArray) -> Grades:
        """The grades of patients who stand at these positions among others, of whom nothing is known."""
        codes = np.full((len(self.places), patients), UNKNOWN)
        codes[:, rows] = self.codes
        return Grades(self.places, codes)


@dataclass(frozen=True)
class Grader:
    """A grading system made ready for one composition. `ungraded` names terms that it cannot tell at all."""

    version: str
    terms: Mapping[str, Term]
    ungraded: tuple[str, ...]
    comparisons: Comparisons = field(default_factory=Comparisons)

    @classmethod
    def from_file(cls, file: GradingFile, plan: MonitoringPlan, *, place: Callable[..., Place] | None = None) -> Grader:
        """The grader of a file for the findings of a plan. Grades that need a finding the plan lacks are left out.

        Raises:
            LibraryError: bounds in a unit of another dimension than the finding's, or a grade of an unknown or later term.
        """
        located = place or (lambda *keys: Place(path=".".join(str(key) for key in keys)))
        problems: list[Problem] = []
        terms: dict[str, Term] = {}
        comparisons = Comparisons()
        ungraded = []
        earlier: list[str] = []
        for key, written in file.terms.items():
            problems += _check_term(key, written, plan, earlier, located)
            earlier.append(key)

            def lacks(leaf: Condition) -> bool:
                return (leaf.finding is not None and leaf.finding not in plan.findings) or (
                    leaf.grade is not None and leaf.grade not in terms
                )

            pruned = {grade: without(condition, lacks) for grade, condition in written.grades.items()}
            known = tuple((grade, found) for grade, found in sorted(pruned.items(), reverse=True) if found is not None)
            if known:
                questions = tuple((np.int8(grade), question(condition, plan, comparisons)) for grade, condition in known)
                terms[key] = Term(key, written.term, written.system_organ_class, known, questions)
            else:
                ungraded.append(key)
        if problems:
            raise LibraryError(problems)
        return cls(file.version, terms, tuple(ungraded), comparisons)

    def grade(self, history: Seen) -> Grades:
        """The grade of each term now.

        The highest grade whose condition is true counts, even where a higher one is unknown; 0 needs every grade to be false.
        """
        places = {term: place for place, term in enumerate(self.terms)}
        grades = Grades(places, np.full((len(self.terms), history.patients), UNKNOWN))
        known = Known(grades, compared=self.comparisons.made(history))
        for together in self._in_turn:
            terms = [self.terms[term] for term in together]
            grades.codes[[places[term] for term in together]] = _highest(terms, history, known)
        return grades

    @cached_property
    def _in_turn(self) -> list[list[str]]:
        """The terms that can be graded together, and after them, one by one, those that look at the grades of others."""
        looking = [key for key, term in self.terms.items() if any(leaf.grade for _, one in term.grades for leaf in leaves(one))]
        together = [key for key in self.terms if key not in looking]
        return [*([together] if together else []), *([key] for key in looking)]


def _highest(terms: Sequence[Term], history: Seen, known: Known) -> CodeArray:
    """The grades of terms, (terms, patients)."""
    answers = np.zeros((HIGHEST_GRADE, len(terms), history.patients), dtype=np.int8)
    for place, term in enumerate(terms):
        for grade, ask in term.questions:
            answers[grade - 1, place] = ask(history, known)
    codes: CodeArray = np.zeros(answers.shape[1:], dtype=np.int8)
    for number, holds in enumerate(answers == TRUE):
        # The highest comes last, and stays.
        np.copyto(codes, np.int8(number + 1), where=holds)
    codes[(answers == UNKNOWN).any(axis=0) & (codes == 0)] = UNKNOWN
    return codes


def _check_term(
    key: str, written: GradedTerm, plan: MonitoringPlan, earlier: list[str], place: Callable[..., Place]
) -> list[Problem]:
    problems = []
    for grade, condition in written.grades.items():
        where = place("terms", key, "grades", grade)
        if not 1 <= grade <= HIGHEST_GRADE:
            problems.append(Problem(where, f"there is no grade {grade} to find.", f"Expected 1 to {HIGHEST_GRADE}."))
        problems += check_condition(condition, plan, terms=[*earlier, "none"], place=where)
    return problems


__all__ = ["Grader", "Grades", "Term"]
