"""Wrong regimen sentences: each mistake in words a reader understands, with its column."""

import re

import pytest

from cytotrial.errors import ProtocolError
from cytotrial.protocol import parse_regimen
from cytotrial.protocol.misread import EXPECTED
from cytotrial.protocol.sentence import _parser

WRONG = {
    "600000 IU iv over 15 min every 8 h, 14 doses": (
        1,
        "'600000 IU' every 8 h has no body-size unit and no 'flat'.\n  Expected for example '600000 IU/kg', or '42 MIU flat'.",
    ),
    "600000 iv bolus daily for 5 days": (1, "the dose '600000' has no unit."),
    "5 foo/kg iv bolus daily for 5 days": (1, "unknown unit 'foo' of the dose '5 foo/kg'."),
    "5 units flat sc daily for 5 days": (1, "Units differ between makers and eras"),
    "0 IU/kg iv bolus daily for 5 days": (1, "the dose '0 IU/kg' is not above zero."),
    "-5 IU/kg iv bolus daily for 5 days": (1, "the dose '-5 IU/kg' is not above zero."),
    "1e400 IU/kg iv bolus daily for 5 days": (1, "'1e400 IU/kg' is not a finite number."),
    "inf IU/kg iv bolus daily for 5 days": (1, "'inf IU/kg' is not a finite number."),
    "nan IU/kg iv bolus daily for 5 days": (1, "'nan IU/kg' is not a finite number."),
    "600000 MIU/kg iv bolus daily for 5 days": (1, "too large for any medicine"),
    "600,00 IU/kg iv bolus daily for 5 days": (1, "'600,00' is not a number I can read."),
    "5 IU/kg/lb iv bolus daily for 5 days": (1, "'/lb' is not possible"),
    "600 IU/kg iv over 9 h every 8 h, 14 doses": (14, "the infusion 'over 9 h' is longer than the 8 h to the next dose."),
    "600 IU/kg iv over 15 every 8 h, 14 doses": (19, "the duration '15' has no unit."),
    "600 IU/kg iv bolus every 8, 14 doses": (26, "the duration '8' has no unit."),
    "9 MIU flat sc daily for 5 dayz": (25, "unknown unit of time 'dayz' in '5 dayz'.\n  Did you mean 'days'?"),
    "9 MIU flat sc daily for 0 days": (25, "the duration '0 days' is not above zero."),
    "9 MIU flat sc daily for 900 years": (25, "longer than 100 years"),
    "9 MIU flat sc every 8 h": (1, "'9 MIU' every 8 h never ends."),
    "9 MIU flat sc weekly": (1, "'9 MIU' weekly never ends."),
    "9 MIU/day flat iv continuous": (1, "never ends"),
    "9 MIU flat sc every 1 min for 300 days": (1, "is 432000 doses."),
    "9 MIU flat sc daily for 90 years, repeat after 1 d rest, 2 cycles": (1, "At most 20000 doses of a course can be planned."),
    "9 MIU flat sc daily for 5 years, repeat after 1 d rest, 20 cycles": (34, "At most 20000 doses of a course"),
    "9 MIU flat sc over 15 min daily for 5 days": (15, "'sc' is an injection; 'over 15 min' does not go with it."),
    "9 MIU flat iv daily for 5 days": (12, "it is not said how 'iv' is given."),
    "9 MIU flat daily for 5 days": (1, "'9 MIU' has no route."),
    "9 MIU flat iv bolus over 1 h daily for 5 days": (21, "'over 1 h' contradicts 'bolus'."),
    "9 MIU/kg flat sc daily for 5 days": (10, "'flat' contradicts '9 MIU/kg'."),
    "9 MIU flat sc im daily for 5 days": (15, "'im' comes after 'sc'."),
    "9 MIU flat sc": (1, "'9 MIU' has no schedule."),
    "9 MIU flat sc daily every 8 h for 2 days": (21, "'every 8 h' and 'daily' do not go together."),
    "9 MIU flat sc daily for 5 days 3 doses": (32, "'3 doses' and 'for 5 days' do not go together."),
    "9 MIU flat sc daily, 1.5 doses": (22, "'1.5 doses' is not possible."),
    "9 MIU flat sc daily, 0 doses": (22, "'0 doses' is not possible."),
    "18 MIU/m2/day iv bolus daily for 5 days": (1, "'18 MIU/m2/day' is a rate, and rates are for continuous"),
    "18 MIU/m2 iv continuous for 5 days": (1, "Expected for example '18 MIU/m2/day'."),
    "9 MIU flat sc daily for 5 days, 3 MIU flat sc daily for 5 days": (33, "two doses of one drug at the same time, on day 1"),
    "9 MIU flat iv over 5 h daily for 3 days, 3 MIU flat iv bolus on days 1-3": (42, "two doses of one drug at the same time"),
    "9 MIU flat iv over 20 h on days 1-2, 3 MIU flat iv over 1 h every 9 h, 2 doses": (38, "at the same time"),
    "9 MIU flat sc 9 times a week for 5 weeks": (15, "a week has 7 days."),
    "9 MIU flat sc on days 0-5": (23, "there is no day 0."),
    "9 MIU flat sc on days 5-1": (23, "'5-1' runs backwards."),
    "9 MIU flat sc on days 1, 1": (23, "day 1 is named twice"),
    "9 MIU flat sc on days 3-5": (1, "the first dose is on day 3"),
    "9 MIU flat sc on days 1-9 of weeks 1-3": (15, "a week has no day 9."),
    "9 MIU flat sc on days 1-5 for 4 weeks": (15, "for example 'on days 1-5 of weeks 1-4'"),
    "9 MIU flat sc every 7 h on days 1-5": (15, "'every 7 h' does not fit into days."),
    "9 MIU flat sc on days 1-5, then 3 MIU flat sc on days 4-9": (33, "starts before the line before 'then' has ended."),
    "9 MIU flat sc every month for 5 months": (15, "'every month' is not a whole number of days."),
    "9 MIU flat sc daily for 5 days, 2 cycles": (33, "'2 cycles' stands alone."),
    "9 MIU flat sc daily for 5 days, repeat after 9 d rest": (33, "does not say how many cycles."),
    "9 MIU flat sc daily for 5 days, repeat, 2 cycles": (33, "the rest between cycles is missing."),
    "9 MIU flat sc daily for 5 days, repeat every 3 d, 2 cycles": (33, "the next cycle would start before this one has ended."),
    "9 MIU flat sc weekley for 5 days": (15, "'weekley' is not understood here.\n  Did you mean 'weekly'?"),
    "9 MIU flat sc daily for 5 days please": (32, "'please' is not understood here."),
    "9 MIU flat sc daily for": (24, "the sentence ends too early.\n  Expected a length such as 'for 5 days'"),
    "9 MIU flat sc daily for 5 days then": (36, "the sentence ends too early.\n  Expected a dose such as"),
    "something": (10, "the sentence ends too early.\n  Expected a dose such as"),
    "": (1, "the regimen is empty."),
    "@@@": (1, "'@@@' cannot start a regimen."),
    "9 MIU flat sc daily for 5 days, " * 200: (1, "longer than 5000 characters"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", WRONG)
def test_wrong_sentence_is_explained_at_its_column(sentence):
    column, message = WRONG[sentence]
    with pytest.raises(ProtocolError, match=re.escape(message)) as caught:
        parse_regimen(sentence)
    assert column in {problem.place.column for problem in caught.value.problems}


def test_all_problems_of_a_sentence_are_reported_at_once():
    with pytest.raises(ProtocolError, match="3 problems; nothing was simulated") as caught:
        parse_regimen("18 MIU sc over 15 min daily for 5 days, then 9 MIU flat iv daily for 5 days")
    assert [problem.place.column for problem in caught.value.problems] == [1, 11, 57]


def test_every_word_of_the_grammar_has_a_name_for_people():
    terminals = {terminal.name for terminal in _parser().terminals if not terminal.name.startswith("__")}
    assert terminals - set(EXPECTED) == set()


def test_no_message_names_a_terminal_of_the_grammar():
    for sentence in (
        "9 MIU flat sc daily for",
        "x",
        "9 MIU flat sc on",
        "9 MIU flat sc daily for 5 days repeat after",
        "9 MIU ?",
    ):
        with pytest.raises(ProtocolError, match="Expected") as caught:
            parse_regimen(sentence)
        assert not re.search(r"\b(DURATION|AMOUNT|NUMBERS|DAYS|END|__\w+)\b", str(caught.value))


def test_long_nonsense_is_refused_quickly():
    with pytest.raises(ProtocolError, match="problem"):
        parse_regimen("a " * 2_000 + "!")
