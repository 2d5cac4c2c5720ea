"""Values of the composed biology: drives combined, parameters and starts per patient, names resolved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy

from cytotrial.catalogue import load_library
from cytotrial.errors import ProtocolError
from cytotrial.model.biology import Biology
from cytotrial.model.composition import compose
from cytotrial.model.motion import quantities, rates_of_change
from cytotrial.model.system import symbol


@pytest.fixture
def biology(write_library: Callable[..., Path]) -> Biology:
    return compose(load_library(write_library()), drugs=["remedy"], disease="illness")


def test_private_names_are_flattened_and_ports_keep_theirs(biology: Biology) -> None:
    assert biology.system.states == ("warmth", "messenger", "illness__burden", "remedy__centre", "remedy__effect")
    assert biology.system.inputs == ("cooling", "remedy__infusion")
    assert biology.system.parameters[-1] == "weight"


def test_reactions_of_all_modules_on_a_shared_pool_add_up(biology: Biology) -> None:
    rate = dict(zip(biology.system.states, biology.system.derivatives, strict=True))["messenger"]
    release = symbol("remedy__release") * symbol("remedy__effect")
    make, lose = (
        symbol("body__k_messenger") * symbol("body__messenger_at_rest"),
        symbol("body__k_messenger") * symbol("messenger"),
    )
    assert sympy.simplify(rate - (release + make - lose)) == 0


def test_drives_combine_terms_by_sum_product_and_maximum(write_library: Callable[..., Path]) -> None:
    terms = ("to_peak := level", "to_peak := level\nto_warming := 3\nto_damping := 0.5")
    biology = compose(load_library(write_library({"drugs/remedy/remedy.ant": terms})), drugs=["remedy"], disease="illness")
    parameters = biology.parameter_values({"weight": np.array([70.0])})
    states = biology.initial_states(parameters)
    states[0, biology.system.states.index("remedy__centre")] = 1.2
    values = quantities(biology, parameters, states)
    assert values["peak"] == pytest.approx(0.2)
    assert values["damping"] == pytest.approx(0.5 / (1 + 0.2 / 0.1 - 1))
    assert values["warming"] == pytest.approx(3 + 0.0)


def test_an_undosed_drug_changes_nothing(write_library: Callable[..., Path]) -> None:
    library = load_library(write_library())
    for drugs in ([], ["remedy"]):
        biology = compose(library, drugs=drugs, disease="illness")
        parameters = biology.parameter_values({"weight": np.array([70.0])})
        rates = rates_of_change(biology, quantities(biology, parameters, biology.initial_states(parameters)))
        assert rates["warmth"] == pytest.approx(0.0, abs=1e-12)
        assert rates["messenger"] == pytest.approx(0.0, abs=1e-12)


def test_formulas_follow_covariates_and_draws(biology: Biology) -> None:
    values = biology.parameter_values(
        {"weight": np.array([50.0, 100.0])}, factors={"body.level_at_rest": np.array([0.1, 0.3])}, overrides={"span": 4.0}
    )
    table = dict(zip(biology.system.parameters, values.T, strict=True))
    assert table["body__volume"] == pytest.approx([3.0, 6.0])
    assert table["body__messenger_at_rest"] == pytest.approx([0.3, 1.8])
    assert table["body__span"] == pytest.approx([4.0, 4.0])
    assert biology.initial_states(values)[:, 1] == pytest.approx([0.3, 1.8])


def test_an_override_replaces_a_formula(biology: Biology) -> None:
    values = biology.parameter_values({"weight": np.array([70.0])}, overrides={"body.volume": 5.0})
    assert dict(zip(biology.system.parameters, values.T, strict=True))["body__messenger_at_rest"] == pytest.approx(0.5)


def test_a_start_may_read_a_drive(write_library: Callable[..., Path]) -> None:
    change = {"diseases/illness/module.yaml": ("initial: 0", "initial: 2 * damping")}
    biology = compose(load_library(write_library(change)), drugs=["remedy"], disease="illness")
    states = biology.initial_states(biology.parameter_values({"weight": np.array([70.0])}))
    assert states[0, biology.system.states.index("illness__burden")] == pytest.approx(2.0)


def test_a_limit_of_extinction_is_given_per_patient(write_library: Callable[..., Path]) -> None:
    change = {
        "diseases/illness/module.yaml": ("at_rest: false", "at_rest: false, extinct_below: floor, extinct: -9"),
        "diseases/illness/parameters.csv": "name,value,unit,status\ngrowth,0.001,1/h,assumed\nfloor,0.5,1,assumed\n",
    }
    biology = compose(load_library(write_library(change)), drugs=[], disease="illness")
    limits, value = biology.extinctions(biology.parameter_values({"weight": np.array([70.0, 80.0])}))["illness__burden"]
    assert limits == pytest.approx([0.5, 0.5])
    assert value == -9.0


def test_a_bare_name_is_resolved_where_one_module_has_it(biology: Biology) -> None:
    assert biology.resolve("clearance") == "remedy.clearance"
    assert biology.resolve("remedy.clearance") == "remedy.clearance"


def test_an_ambiguous_name_lists_the_full_names(biology: Biology) -> None:
    with pytest.raises(
        ProtocolError, match=r"'volume' is a parameter of several modules\.\n  Write body\.volume or remedy\.volume"
    ):
        biology.resolve("volume")


def test_an_unknown_parameter_names_the_nearest(biology: Biology) -> None:
    with pytest.raises(ProtocolError, match=r"unknown parameter 'clearence'\.\n  Did you mean 'clearance'\?"):
        biology.resolve("clearence")


def test_a_covariate_that_the_biology_reads_may_not_be_missing(biology: Biology) -> None:
    with pytest.raises(ProtocolError, match="covariate 'weight' is missing, and the biology reads it"):
        biology.parameter_values({})


def test_an_unknown_covariate_names_the_nearest(biology: Biology) -> None:
    with pytest.raises(ProtocolError, match=r"unknown covariate 'wieght'\.\n  Did you mean 'weight'\?"):
        biology.parameter_values({"wieght": np.array([70.0]), "weight": np.array([70.0])})


def test_a_start_that_is_not_finite_names_the_state(biology: Biology) -> None:
    values = biology.parameter_values({"weight": np.array([70.0, np.nan])})
    with pytest.raises(ProtocolError, match=r"initial value of 'messenger' is not a finite number for 1 of 2 patients"):
        biology.initial_states(values)


def test_symbols_and_files_give_the_same_rates(biology: Biology) -> None:
    generator = np.random.default_rng(7)
    parameters = biology.parameter_values({"weight": np.array([70.0])}) * generator.uniform(0.5, 2.0, (20, 16))
    states = generator.uniform(0.1, 3.0, (20, 5))
    inputs = generator.uniform(0.0, 1.0, (20, 2))
    rates = rates_of_change(biology, quantities(biology, parameters, states, inputs))
    system = biology.system
    names = [sympy.Symbol(name, real=True) for name in (*system.states, *system.parameters, *system.inputs)]
    compiled = sympy.lambdify(names, list(system.derivatives), modules="math")
    for patient in range(20):
        expected = compiled(*states[patient], *parameters[patient], *inputs[patient])
        assert [rates[name][patient] for name in system.states] == pytest.approx(expected, rel=1e-12)
