"""What the lowering refuses, and how it says so."""

from __future__ import annotations

import pytest
import sympy

from cytotrial.engine.lowering import lower
from cytotrial.errors import InputError


def test_an_unknown_name_is_reported_with_its_equation_and_the_nearest_name(write_system):
    system = write_system({"drug": "-clearance*drug + sympy_free"}, parameters="clearance sympy_free")
    broken = type(system)(**{**vars(system), "parameters": ("clearance", "sympy_fre")})
    with pytest.raises(
        InputError, match=r"(?s)d\(drug\)/dt: 'sympy_free' is no state, parameter or input.*Did you mean 'sympy_fre'"
    ):
        lower(broken)


def test_a_function_without_compiled_form_is_named_with_the_list_of_those_that_have_one(write_system):
    system = write_system({"x": "-x"}, observables={"y": "gamma(x)"})
    with pytest.raises(InputError, match=r"(?s)observable 'y': gamma has no compiled form.*Expected only: Abs, Add"):
        lower(system)


def test_all_problems_are_reported_at_once(write_system):
    system = write_system({"x": "gamma(x)", "y": "erf(y)"})
    with pytest.raises(InputError, match="2 problems"):
        lower(system)


def test_a_complex_number_is_refused(write_system):
    system = write_system({"x": "-x"})
    broken = type(system)(**{**vars(system), "derivatives": (sympy.I * 2,)})
    with pytest.raises(InputError, match="has no compiled form"):
        lower(broken)
