"""The clinic at visits made by hand, over a toy biology: what it sees, it grades, decides on and writes down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cytotrial.catalogue import load_library
from cytotrial.clinic import Clinic, Orders, apply
from cytotrial.course import Course, ready_treatment
from cytotrial.engine import compile_model
from cytotrial.model.composition import compose
from cytotrial.observe.observe import Interval, Occasion
from cytotrial.population.draw import Patients
from cytotrial.protocol.resolving import read_protocol
from cytotrial.standards import Standards
from cytotrial.units import HOURS_PER_MONTH

PATIENTS = 3
EVERYBODY = np.ones(PATIENTS, dtype=bool)
WEEK = 168.0

# The toy's laboratory value stands for the size of a tumour: it is looked at like one.
CHANGES = {
    "diseases/illness/disease.yaml": ("tumour_size: thermometer", "tumour_size: messenger_level"),
    "monitoring/standard.yaml": (
        "schedules:",
        "schedules:\n  scans: {measure: [messenger_level], when: at each scan}",
    ),
}


@dataclass
class Bench:
    """A course and its clinic, and visits made by hand."""

    course: Course
    clinic: Clinic

    def visit(
        self, time: float, *, fever: tuple[float, ...], size: tuple[float, ...], scan: bool = False, present=EVERYBODY
    ) -> Orders:
        """What the clinic orders at a visit where this is true."""
        times = np.full(PATIENTS, time)
        due = np.any([given.agenda.due(times, present) for given in self.course.given], axis=0)
        first = EVERYBODY & (time == 0)
        self.course.visit = replace(
            self.course.visit,
            occasion=Occasion(times, present, due, present & (scan | first), first),
            truth={"thermometer": np.array(fever), "messenger_level": np.array(size)},
            interval=Interval(np.full(PATIENTS, WEEK)),
        )
        chart = self.clinic.observe(self.course)
        self.grades = self.clinic.grade(chart)
        return self.clinic.manage(chart, self.grades)


@pytest.fixture
def bench(write_library, tmp_path: Path):
    """A clinic of a protocol with another course rule, two doses a course, a week apart."""

    def make(*, only_if: str = "always", changes=None, other_death=None) -> Bench:
        root = write_library({**CHANGES, **(changes or {})})
        library = load_library(root)
        written = (root / "protocols" / "trial.yaml").read_text(encoding="utf-8")
        courses = (
            f'regimen: "1 MIU flat iv over 15 min every 7 d, 2 doses", courses: {{max: 2, rest: 3 weeks, only_if: {only_if}}}'
        )
        path = tmp_path / "protocol.yaml"
        path.write_text(written.replace("regimen: weekly", courses), encoding="utf-8")
        protocol = read_protocol(path, library)
        biology = compose(library, drugs=protocol.drugs, disease=protocol.disease)
        covariates = {"weight": np.full(PATIENTS, 70.0), "height": np.full(PATIENTS, 175.0)}
        parameters = biology.parameter_values({"weight": covariates["weight"]})
        patients = Patients(np.arange(11, 11 + PATIENTS), covariates, {}, parameters, biology.initial_states(parameters))
        (arm,) = protocol.arms
        (treatment,) = arm.treatments
        given = ready_treatment(treatment, library.drugs[treatment.drug], patients, ())
        standards = Standards.of(library, protocol, arm, biology)
        times = {"scans": np.array([]), "after_last_dose": np.array([]), "end": 52 * WEEK}
        model = compile_model(biology.system, cache_folder=tmp_path)
        settings = {"seed": 1, "threads": 1, "recorded": 0, "other_death": other_death}
        course = Course(model, biology, patients, given=[given], **times, **settings)
        return Bench(course, Clinic(standards, course, seed=1, arm=arm.name))

    return make


def decisions(bench: Bench) -> list[list[object]]:
    table = bench.clinic.tables()["decisions"]
    return table.sort_values(["TIME", "ID"])[["ID", "TIME", "ACTION", "CRITERIA"]].to_numpy().tolist()


def test_what_is_seen_is_graded_of_those_present_and_unknown_of_the_others(bench):
    ward = bench()
    ward.visit(0.0, fever=(37.0, 38.5, 37.0), size=(100, 100, 100))
    assert ward.grades["fever"].tolist() == [0, 1, 0]
    ward.visit(WEEK, fever=(39.0, 39.0, 39.0), size=(100, 100, 100), present=np.array([True, False, False]))
    assert ward.grades["fever"].tolist() == [1, -1, -1]


def test_a_rule_withholds_from_whom_it_concerns_and_every_decision_is_written_down(bench):
    ward = bench()
    orders = ward.visit(0.0, fever=(37.0, 41.0, 37.0), size=(100, 100, 100))
    (decided,) = orders.doses
    assert decided.decision.due.all()
    assert decided.decision.fraction.tolist() == [1.0, 0.0, 1.0]
    assert [decided.given.agenda.words.text(number) for number in decided.reasons] == ["", "hot", ""]
    assert decisions(ward) == [[11, 0.0, "give", ""], [12, 0.0, "withhold", "hot"], [13, 0.0, "give", ""]]
    findings = ward.clinic.tables()["findings"]
    assert findings[["ID", "CRITERION", "MET"]].to_numpy().tolist() == [[12, "hot", 1]]


def test_a_visit_without_a_dose_due_decides_nothing(bench):
    ward = bench()
    apply(ward.course, ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3))
    orders = ward.visit(24.0, fever=(41.0,) * 3, size=(100,) * 3)
    assert not orders.doses[0].decision.due.any()
    assert {time for _, time, *_ in decisions(ward)} == {0.0}


def test_what_is_ordered_is_carried_out_given_or_recorded_as_lost(bench):
    ward = bench()
    apply(ward.course, ward.visit(0.0, fever=(37.0, 41.0, 37.0), size=(100,) * 3))
    doses = ward.course.given[0].agenda.table().sort_values("ID")
    assert doses[["ID", "ACTION", "REASON"]].to_numpy().tolist() == [
        [11, "give", ""],
        [12, "withhold", "hot"],
        [13, "give", ""],
    ]
    assert doses["GIVEN"].tolist() == pytest.approx([4.0, 0.0, 4.0])
    assert ward.course.given[0].agenda.slot.tolist() == [1, 1, 1]


def test_progression_at_a_scan_ends_treatment_and_follow_up(bench):
    ward = bench()
    apply(ward.course, ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3))
    orders = ward.visit(WEEK, fever=(37.0,) * 3, size=(100, 200, 50), scan=True)
    assert orders.progressed.tolist() == [False, True, False]
    assert orders.off_study.tolist() == [False, True, False]
    apply(ward.course, orders)
    lost = ward.course.given[0].agenda.table().query("ID == 12 and TIME > 0")
    assert lost[["ACTION", "REASON"]].to_numpy().tolist() == [["stop drug", "progression at the scan"]]
    responses = ward.clinic.tables()["responses"]
    assert responses.query("TIME > 0").sort_values("ID")["OVERALL"].tolist() == ["SD", "PD", "PR"]


def test_time_to_progression_is_that_of_the_scan_and_the_others_are_censored_at_their_last(bench):
    ward = bench()
    ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3)
    ward.visit(WEEK, fever=(37.0,) * 3, size=(100, 200, 50), scan=True)
    survival = ward.clinic.tables()["survival"]
    assert survival["PARAMCD"].tolist() == ["PFS"] * PATIENTS
    assert survival["CNSR"].tolist() == [1, 0, 1]
    assert survival["AVAL"].tolist() == pytest.approx([WEEK / HOURS_PER_MONTH] * PATIENTS)
    assert survival["EVNTDESC"].tolist() == ["last scan without progression", "progression", "last scan without progression"]


@pytest.mark.parametrize(
    ("only_if", "goes_on"),
    [
        ("always", [True, True, False]),
        ("response_or_stable", [True, True, False]),
        ("shrinkage", [True, False, False]),
        ("response", [True, False, False]),
    ],
)
def test_a_further_course_begins_for_those_whose_last_scan_allows_it(bench, only_if, goes_on):
    ward = bench(only_if=only_if)
    for time in (0.0, WEEK):
        apply(ward.course, ward.visit(time, fever=(37.0,) * 3, size=(100,) * 3))
    agenda = ward.course.given[0].agenda
    assert agenda.at_gate.all()
    orders = ward.visit(4 * WEEK, fever=(37.0,) * 3, size=(50, 100, 200), scan=True)
    (starts,), (ends,) = orders.next_course.values(), orders.no_further_course.values()
    assert starts.tolist() == goes_on
    assert ends.tolist() == [not goes for goes in goes_on]
    assert agenda.course.tolist() == [1 + goes for goes in goes_on]
    assert agenda.is_closed.tolist() == [not goes for goes in goes_on]


def test_an_episode_in_the_tables_is_of_the_course_and_cycle_it_began_in(bench):
    ward = bench()
    apply(ward.course, ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3))
    ward.visit(24.0, fever=(37.0, 39.0, 37.0), size=(100,) * 3)
    # The toy's thermometer is read before doses alone: the fever is seen at the second dose.
    ward.visit(WEEK, fever=(37.0, 39.0, 37.0), size=(100,) * 3)
    events = ward.clinic.tables()["adverse_events"]
    assert events[["ID", "TERM", "GRADE", "ASTTM", "COURSE"]].to_numpy().tolist() == [[12, "Fever", 1, WEEK, 1]]


LOWER = {
    "drugs/remedy/rules/careful.yaml": (
        "policy:\n  - {when: any absolute, then: withhold}\ncases:\n"
        "  - {case: heat withholds, charts: [{thermometer: 40 degC}, {thermometer: 37 degC}], expect: [withhold, give]}\n",
        "levels: [{id: half, fraction: 0.5}]\npolicy: [{when: any absolute, then: reduce to half}]\n",
    )
}


def test_a_dose_at_a_level_that_was_lowered_earlier_says_for_what(bench):
    ward = bench(changes=LOWER)
    apply(ward.course, ward.visit(0.0, fever=(37.0, 41.0, 37.0), size=(100,) * 3))
    apply(ward.course, ward.visit(WEEK, fever=(37.0,) * 3, size=(100,) * 3))
    doses = ward.course.given[0].agenda.table().sort_values(["TIME", "ID"])
    assert doses[["ID", "ACTION", "REASON"]].to_numpy().tolist() == [
        [11, "give", ""],
        [12, "reduce", "hot"],
        [13, "give", ""],
        [11, "give", ""],
        [12, "reduce", "earlier hot"],
        [13, "give", ""],
    ]


AFTER = {
    "diseases/illness/population.yaml": (
        "    covariates:",
        "    after_progression: {median: 1 h, status: assumed}\n    covariates:",
    )
}


def test_a_death_of_another_cause_is_an_event_of_both_endpoints_unless_progression_or_disease_comes_first(bench):
    end = 52 * WEEK
    ward = bench(changes=AFTER, other_death=np.array([10 * WEEK, 20 * WEEK, 2 * end]))
    ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3)
    ward.visit(WEEK, fever=(37.0,) * 3, size=(100, 200, 50), scan=True)
    survival = ward.clinic.tables()["survival"]
    free, overall = (survival[survival["PARAMCD"] == code] for code in ("PFS", "OS"))
    assert free["CNSR"].tolist() == [0, 0, 1]
    assert free["AVAL"].tolist() == pytest.approx([10 * WEEK / HOURS_PER_MONTH, WEEK / HOURS_PER_MONTH, WEEK / HOURS_PER_MONTH])
    assert free["EVNTDESC"].tolist() == ["death of another cause", "progression", "last scan without progression"]
    assert free["CAUSE"].fillna("").tolist() == ["other", "", ""]
    assert overall["CNSR"].tolist() == [0, 0, 1]
    assert overall["AVAL"].iloc[0] == pytest.approx(10 * WEEK / HOURS_PER_MONTH)
    assert WEEK < overall["AVAL"].iloc[1] * HOURS_PER_MONTH < WEEK + 24
    assert overall["EVNTDESC"].tolist() == [
        "death of another cause",
        "death after progression",
        "alive at the end of follow-up",
    ]
    assert overall["CAUSE"].fillna("").tolist() == ["other", "disease", ""]
    assert ward.clinic.tables()["adverse_events"].empty


def test_who_has_progressed_may_still_die_of_another_cause_before_the_disease(bench):
    long = {
        "diseases/illness/population.yaml": (
            AFTER["diseases/illness/population.yaml"][0],
            AFTER["diseases/illness/population.yaml"][1].replace("1 h", "999 years"),
        )
    }
    ward = bench(changes=long, other_death=np.full(PATIENTS, 20 * WEEK))
    ward.visit(0.0, fever=(37.0,) * 3, size=(100,) * 3)
    ward.visit(WEEK, fever=(37.0,) * 3, size=(200,) * 3, scan=True)
    overall = ward.clinic.tables()["survival"].query("PARAMCD == 'OS'")
    assert overall["CAUSE"].tolist() == ["other"] * PATIENTS
    assert overall["AVAL"].tolist() == pytest.approx([20 * WEEK / HOURS_PER_MONTH] * PATIENTS)


def test_the_tables_part_by_part_are_the_tables(bench):
    ward = bench()
    ward.visit(0.0, fever=(39.5, 37.0, 37.0), size=(100, 100, 100))
    ward.visit(WEEK, fever=(37.0, 37.0, 37.0), size=(100, 100, 100))
    whole = ward.clinic.tables()
    parts = list(ward.clinic.parts())
    assert sum(len(frame) for _, frame in parts) == sum(len(frame) for frame in whole.values())
    for name in whole:
        rows = [row for table, frame in parts if table == name for row in frame.astype(object).fillna("").to_numpy().tolist()]
        assert rows == whole[name].astype(object).fillna("").to_numpy().tolist(), name
