"""A regimen: the doses of one course, read from one sentence. Knows no drug, no patient and no calendar date.

A sentence such as '600000 IU/kg iv over 15 min every 8 h, 14 doses, repeat after 9 d rest, 2 cycles' is one or more lines
(a dose, its route, its schedule, its length) and may end with how the whole is repeated. `docs/` lists what can be written.
How time is counted: time 0 is the first planned dose. Day 1 is the first 24 h, week 1 the first 168 h. Days and weeks named
by number are those of the cycle. 'then' starts when the stated length before it ends, or else on the next day. A rest is
counted from the end of the cycle's last day: 14 doses every 8 h fill days 1 to 5, so after 9 d rest cycle 2 starts on day 15.
A line 'for 4 weeks' or 'of weeks 2-4' lasts to the end of its last week, dosed or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cytotrial.errors import Place, Problem, ProtocolError
from cytotrial.protocol.calendar import calendar_lines
from cytotrial.protocol.misread import Complaint
from cytotrial.protocol.planned import PlannedDose
from cytotrial.protocol.schedule import plan_course
from cytotrial.protocol.sentence import read_sentence


@dataclass(frozen=True)
class Regimen:
    """The planned doses of one course.

    Attributes:
        text: the sentence as written.
        drug: the drug the sentence names, as a library id; None where it names none.
        doses: sorted by time.
        course_hours: from the first dose to the end of the last dose's interval.
        cycles: number of cycles in the course.
    """

    text: str = field(compare=False)
    drug: str | None
    doses: tuple[PlannedDose, ...] = field(repr=False)
    course_hours: float
    cycles: int

    def calendar(self) -> list[str]:
        """The course as lines for people, one per cycle and line of the sentence.

        >>> parse_regimen("600000 IU/kg iv over 15 min every 8 h, 14 doses").calendar()
        ['Cycle 1: days 1-5, 14 doses, every 8 h from day 1 08:00: 600000 IU/kg iv over 15 min']
        """
        return calendar_lines(self.doses)


def parse_regimen(sentence: str) -> Regimen:
    """The regimen that a sentence describes.

    >>> [dose.hours for dose in parse_regimen("9 MIU flat sc twice daily on days 1-2").doses]
    [0.0, 12.0, 24.0, 36.0]

    Raises:
        ProtocolError: with every problem and its column; the place's file is 'regimen'.
    """
    regimen, complaints = read_regimen(sentence)
    if regimen is None:
        raise ProtocolError(Problem(place_in_sentence(sentence, item.start), item.what, item.advice) for item in complaints)
    return regimen


def read_regimen(sentence: str) -> tuple[Regimen | None, tuple[Complaint, ...]]:
    """The regimen of a sentence, or None with everything that is wrong, in the order of the sentence."""
    content, complaints = read_sentence(sentence)
    if content is None:
        return None, complaints
    course, more = plan_course(content)
    found = tuple(sorted(dict.fromkeys((*complaints, *more)), key=lambda item: item.start))
    if course is None or found:
        return None, found
    return Regimen(sentence, content.drug, course.doses, course.hours, course.cycles), ()


def place_in_sentence(sentence: str, start: int) -> Place:
    """The line and column of a character of a sentence that stands alone."""
    before = sentence[:start]
    return Place("regimen", before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1)
