"""Protocol files: what they become, and every mistake at its place."""

import numpy as np
import pytest

from cytotrial.errors import ProtocolError
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.protocol import (
    dose_amount,
    find_protocol,
    parse_regimen,
    protocol_from_arguments,
    read_protocol,
    resolve_protocol,
    with_overrides,
)
from cytotrial.reading import parse_yaml

HEAD = """schema: protocol/1
title: {en: A trial, fr: Un essai}
disease: tumour_a
population: {name: trials, size: 10}
"""
ONE_ARM = """arms:
  - name: One
    treatments:
      - drug: kine_alfa
        regimen: high
        rules: label
        courses: {max: 3, rest: 7 weeks, only_if: response_or_stable}
"""


def resolve(text, library):
    return resolve_protocol(parse_yaml(text, ProtocolFile, file="a.yaml"), library, name="a", source_text=text)


def problems(text, library):
    with pytest.raises(ProtocolError, match="nothing was simulated") as caught:
        resolve(text, library)
    return [str(problem) for problem in caught.value.problems]


def test_protocol_is_resolved_with_all_durations_in_hours(library):
    protocol = resolve(HEAD + ONE_ARM + "follow_up: 1 year\n", library)
    (arm,) = protocol.arms
    (treatment,) = arm.treatments
    assert protocol.follow_up_hours == 8766
    assert (protocol.patients, protocol.population, protocol.seed, protocol.design) == (10, "trials", 1, "twins")
    assert (treatment.courses.max, treatment.courses.rest_hours, treatment.courses.only_if) == (3, 1176, "response_or_stable")
    assert (treatment.regimen_name, len(treatment.regimen.doses), treatment.support) == ("high", 14, "standard")
    assert protocol.drugs == ("kine_alfa",)


def test_observation_arm_has_no_treatment(library):
    protocol = resolve(HEAD + "arms: [{name: Observation}]\n", library)
    assert protocol.arms[0].treatments == ()
    assert protocol.drugs == ()


def test_support_of_a_treatment_stands_before_the_arms(library):
    arm = "arms: [{name: A, support: none, treatments: [{drug: kine_alfa, regimen: high, support: standard}]}]\n"
    assert resolve(HEAD + arm, library).arms[0].treatments[0].support == "standard"


def test_all_problems_are_reported_at_once_with_line_column_and_nearest_name(library):
    text = """schema: protocol/1
title: {en: A trial, fr: Un essai}
disease: tumour_a
population: {name: trial, size: 10}
eligibility: usuall
arms:
  - name: One
    treatments:
      - drug: kine_alfaa
        regimen: 600000 IU iv over 15 min every 8 h, 14 doses
  - name: one
    treatments:
      - drug: kine_alfa
        regimen: hihg
        rules: lable
      - drug: kine_alfa
        regimen: "kine_beta 9 MIU flat sc daily for 5 dayz"
    support: standart
scans: every 8 wks then every 3 months
grading: ctcae_v4
response: recist_11
follow_up: 200 years
compare_with: [study1999, study1998]
set: {x: 16 L/q, "1bad": 3}
"""
    assert problems(text, library) == [
        "a.yaml:4:20: population.name: unknown population of tumour_a 'trial'.\n  Did you mean 'trials'?",
        "a.yaml:5:14: eligibility: unknown eligibility of tumour_a 'usuall'.\n  Did you mean 'usual'?",
        "a.yaml:9:15: arms[0].treatments[0].drug: unknown drug 'kine_alfaa'.\n"
        "  Did you mean 'kine_alfa'? `cytotrial show drugs` lists all drugs.",
        "a.yaml:10:18: arms[0].treatments[0].regimen: '600000 IU' every 8 h has no body-size unit and no 'flat'.\n"
        "  Expected for example '600000 IU/kg', or '42 MIU flat'.",
        "a.yaml:11:11: arms[1].name: two arms are called 'One'.\n  Give each arm its own name.",
        "a.yaml:14:18: arms[1].treatments[0].regimen: unknown regimen 'hihg' of kine_alfa.\n"
        "  Did you mean 'high'? `cytotrial show kine_alfa` lists its regimens; a sentence works too.",
        "a.yaml:15:16: arms[1].treatments[0].rules: unknown rule profile of kine_alfa 'lable'.\n  Did you mean 'label'?",
        "a.yaml:16:15: arms[1].treatments[1].drug: 'kine_alfa' is given twice in arm 'one'.\n"
        "  Write one regimen of several parts with 'then' instead.",
        "a.yaml:17:53: arms[1].treatments[1].regimen: unknown unit of time 'dayz' in '5 dayz'.\n  Did you mean 'days'?",
        "a.yaml:18:14: arms[1].support: unknown supportive-care set 'standart'.\n  Did you mean 'standard'?",
        "a.yaml:19:8: scans: 'every 3 months' is never reached: the scans before it have no end.\n"
        "  Write for example 'every 8 weeks until 1 year then every 3 months'.",
        "a.yaml:20:10: grading: unknown grading 'ctcae_v4'.\n  Did you mean 'ctcae_v5'?",
        "a.yaml:21:11: response: unknown response criteria 'recist_11'.\n  Did you mean 'recist_1_1'?",
        "a.yaml:22:12: follow_up: '200 years' is longer than 100 years.\n  Expected for example '36 months'.",
        "a.yaml:23:27: compare_with[1]: unknown study 'study1998'.\n  Did you mean 'study1999'?",
        "a.yaml:24:10: set.x: 'L/q' is not a unit I know.\n  Expected a number with its unit, such as '16 L/h'.",
        "a.yaml:24:26: set.1bad: '1bad' is not a parameter's name.\n  Expected 'module.name', or 'name'.",
    ]


@pytest.mark.parametrize(
    ("drug", "regimen", "message"),
    [
        ("kine_alfa", "3 MIU flat im daily for 5 days", "kine_alfa has no route 'im'.\n  Its routes are iv, sc."),
        (
            "kine_beta",
            "3 MIU flat sc daily for 5 days",
            "kine_beta is not measured in IU.\n  Its doses are written in mg or nmol.",
        ),
        ("kine_beta", "3 mg flat iv bolus single dose", "kine_beta cannot be given at once by this route."),
        ("kine_alfa", "20 MIU/kg sc single dose", "'20 MIU/kg sc' is above the largest dose of kine_alfa, 10 MIU/kg."),
        ("kine_alfa", "50 mg/kg sc single dose", "above the largest dose of kine_alfa"),
        ("kine_alfa", "2000 MIU flat sc single dose", "above the largest dose of kine_alfa"),
        ("kine_alfa", "kine_beta 3 mg flat sc single dose", "the sentence gives 'kine_beta', the treatment 'kine_alfa'."),
        ("kine_alfa", "kine_gama 3 mg flat sc single dose", "the sentence gives an unknown drug 'kine_gama'."),
        ("kine_alfa", "broken", "regimen 'broken' of kine_alfa at its column 1: unknown unit 'foo'"),
    ],
)
def test_regimen_that_the_drug_does_not_allow_is_explained(library, drug, regimen, message):
    arm = f'arms: [{{name: A, treatments: [{{drug: {drug}, regimen: "{regimen}"}}]}}]\n'
    (found,) = problems(HEAD + arm, library)
    assert message in found


def test_dose_within_the_largest_is_accepted_in_any_unit(library):
    arm = 'arms: [{name: A, treatments: [{drug: kine_alfa, regimen: "60 MIU flat sc single dose"}]}]\n'
    assert len(resolve(HEAD + arm, library).arms[0].treatments[0].regimen.doses) == 1


def test_regimen_that_names_its_own_drug_is_accepted(library):
    arm = 'arms: [{name: A, treatments: [{drug: kine_alfa, regimen: "Kine alfa 3 MIU flat sc single dose"}]}]\n'
    assert resolve(HEAD + arm, library).arms[0].treatments[0].drug == "kine_alfa"


def test_further_courses_need_a_rest_and_scans_to_decide_by(library):
    text = HEAD + ONE_ARM.replace("rest: 7 weeks, ", "") + "scans: none\n"
    rest, scans = problems(text, library)
    assert "a further course would start before the last dose" in rest
    assert "'response_or_stable' needs scans, and there are none." in scans


def test_column_of_a_folded_sentence_is_the_start_of_its_value(library):
    arm = ONE_ARM.replace("regimen: high", "regimen: >-\n          3 MIU flat sc\n          daily for 5 dayz")
    (found,) = problems(HEAD + arm, library)
    assert found.startswith("a.yaml:9:18: arms[0].treatments[0].regimen: unknown unit of time 'dayz'")


def test_sixty_arms_are_refused_with_the_limit(library):
    arms = "arms:\n" + "".join(f"  - name: Arm {index}\n" for index in range(60))
    with pytest.raises(ProtocolError, match=r"arms: 'arms' has 60 entries\.\n  Expected at most 50\."):
        resolve(HEAD + arms, library)


def test_fifty_arms_are_read(library):
    arms = "arms:\n" + "".join(
        f"  - {{name: Arm {index}, treatments: [{{drug: kine_alfa, regimen: high}}]}}\n" for index in range(50)
    )
    assert len(resolve(HEAD + arms, library).arms) == 50


def test_duplicate_key_is_an_error_with_its_line(tmp_path, library):
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + "disease: other\n" + ONE_ARM)
    with pytest.raises(ProtocolError, match=r"p\.yaml:5:1: found duplicate key 'disease'\."):
        read_protocol(path, library)


def test_empty_file_is_an_error(tmp_path, library):
    path = tmp_path / "p.yaml"
    path.write_text("")
    with pytest.raises(ProtocolError, match=r"the file is empty\.\n  Expected it to start with `schema: protocol/1`"):
        read_protocol(path, library)


def test_protocol_without_arms_is_an_error(library):
    with pytest.raises(ProtocolError, match=r"'arms' has 0 entries\.\n  Expected at least 1\."):
        resolve(HEAD + "arms: []\n", library)


def test_a_protocol_is_found_by_path_or_shipped_name(tmp_path, library):
    path = tmp_path / "high_dose.yaml"
    path.write_text(HEAD + ONE_ARM)
    library.protocols["high_dose"] = path
    assert find_protocol("high_dose", library) == path
    assert find_protocol(str(path), library) == path
    assert read_protocol(path, library).name == "high_dose"


def test_unknown_protocol_names_the_nearest_shipped_one(library):
    library.protocols["high_dose"] = None
    with pytest.raises(ProtocolError, match=r"no file is called 'high_dosee'\.\n  Did you mean 'high_dose'\?"):
        find_protocol("high_dosee", library)
    with pytest.raises(ProtocolError, match=r"high_dos\.yaml: no such file\.\n  Did you mean 'high_dose'\?"):
        find_protocol("high_dos.yaml", library)


def test_protocol_written_as_yaml_reads_back_the_same(library):
    protocol = resolve(HEAD + ONE_ARM + 'set: {clearance: "16 L/h", other.rate: 2.5}\n', library)
    again = resolve(protocol.to_yaml(), library)
    assert again == protocol
    assert again.content_hash == protocol.content_hash
    assert again.to_yaml() == protocol.to_yaml()


def test_content_hash_ignores_comments_and_spelling_but_not_meaning(library):
    protocol = resolve(HEAD + ONE_ARM, library)
    spelled = ONE_ARM.replace("regimen: high", 'regimen: "0.6 MIU/kg iv over 15 min q8h, 14 doses"')
    assert resolve("# a comment\n" + HEAD + spelled, library).content_hash == protocol.content_hash
    fewer = ONE_ARM.replace("regimen: high", 'regimen: "0.6 MIU/kg iv over 15 min q8h, 13 doses"')
    assert resolve(HEAD + fewer, library).content_hash != protocol.content_hash


def test_overrides_change_patients_seed_and_parameters_and_nothing_else(library):
    protocol = resolve(HEAD + ONE_ARM + "set: {a: 1 L, b: 2 L}\n", library)
    changed = with_overrides(protocol, patients=5, seed=9, set={"b": "3 L"})
    assert (changed.patients, changed.seed, changed.set) == (5, 9, {"a": "1 L", "b": "3 L"})
    assert changed.arms == protocol.arms
    assert resolve(changed.source_text, library) == changed
    assert changed.content_hash != protocol.content_hash
    assert with_overrides(protocol) == protocol


def test_wrong_overrides_are_all_reported(library):
    protocol = resolve(HEAD + ONE_ARM, library)
    with pytest.raises(
        ProtocolError, match=r"patients: 0 is not possible[\s\S]*seed: -1 is not[\s\S]*set\.a: 'x'[\s\S]*3 problems"
    ):
        with_overrides(protocol, patients=0, seed=-1, set={"a": "x"})


def test_arguments_make_the_protocol_that_the_file_makes(library):
    protocol = protocol_from_arguments(
        "kine_alfa 600000 IU/kg iv over 15 min every 8 h, 14 doses", library,
        disease="tumour_a", patients=np.int64(10), rules="label", seed=1,
    )  # fmt: skip
    assert (protocol.population, protocol.patients, protocol.arms[0].name) == ("trials", 10, "kine_alfa")
    assert (
        protocol.arms[0].treatments[0].regimen.doses == parse_regimen("600000 IU/kg iv over 15 min every 8 h, 14 doses").doses
    )
    assert resolve(protocol.to_yaml(), library) == resolve(protocol.source_text, library)


def test_arguments_take_a_named_regimen(library):
    protocol = protocol_from_arguments("kine_alfa.high", library, disease="tumour_a", courses={"max": 2, "rest": "7 weeks"})
    assert protocol.arms[0].treatments[0].regimen_name == "high"
    assert protocol.arms[0].treatments[0].courses.max == 2


def test_wrong_arguments_are_reported_by_their_names(library):
    with pytest.raises(ProtocolError, match=r"disease: unknown disease 'tumor_a'\.\n  Did you mean 'tumour_a'\?") as caught:
        protocol_from_arguments("kine_alfa.hihg", library, disease="tumor_a", rules="lable")
    assert [problem.place.path for problem in caught.value.problems] == ["disease", "regimen", "rules"]


def test_arguments_out_of_range_are_reported_by_their_names(library):
    with pytest.raises(ProtocolError, match="patients: the value should be greater than or equal to 1; found 0"):
        protocol_from_arguments("kine_alfa.high", library, disease="tumour_a", patients=0)


def test_sentence_without_drug_asks_for_one(library):
    with pytest.raises(ProtocolError, match="the sentence names no drug"):
        protocol_from_arguments("3 MIU flat sc single dose", library, disease="tumour_a")


def test_dose_is_an_amount_for_each_body(library):
    drug = library.drugs["kine_alfa"].file
    weight, height = np.array([80.0, 45.0]), np.array([180.0, 180.0])

    def amount(sentence):
        return dose_amount(parse_regimen(sentence).doses[0], drug, weight=weight, height=height)

    assert amount("600000 IU/kg iv bolus single dose") == pytest.approx([192.0, 108.0], rel=1e-12)
    assert amount("1 MIU/m2 sc single dose") == pytest.approx([8.0, 6.0], rel=1e-12)
    assert amount("2 mg flat sc single dose") == pytest.approx([130.0, 130.0], rel=1e-12)
    assert amount("5 nmol flat sc single dose") == pytest.approx([5.0, 5.0], rel=1e-12)


def test_arguments_name_the_studies_to_compare_with(library):
    with pytest.raises(ProtocolError, match="nobody1999"):
        protocol_from_arguments("kine_alfa.high", library, disease="tumour_a", compare_with=["nobody1999"])
