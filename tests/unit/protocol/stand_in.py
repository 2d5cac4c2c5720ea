"""A small library that protocols of the tests are read against."""

from types import SimpleNamespace

from cytotrial.formats.drug import DrugFile

_SOURCE = {"ref": "none"}


def _drug(routes, strengths, regimens, rules, *, largest=None):
    text = {"en": "x", "fr": "x"}
    file = DrugFile.model_validate({
        "schema": "drug/1", "title": text, "inn": "x", "largest_dose": largest, "routes": routes,
        "strengths": [{"per": unit, "amount": amount, "source": _SOURCE} for unit, amount in strengths.items()],
    })  # fmt: skip
    named = {name: SimpleNamespace(sentence=sentence) for name, sentence in regimens.items()}
    return SimpleNamespace(file=file, regimens=named, rules=dict.fromkeys([*rules, "unmanaged"]))


def small_library(protocols=None):
    populations = SimpleNamespace(populations={"trials": None, "registry": None}, eligibility={"usual": None})
    disease = SimpleNamespace(
        populations=populations,
        file=SimpleNamespace(default_population="trials", title=SimpleNamespace(en="Tumour", fr="Tumeur")),
    )
    routes = {"iv": {"infusion": "infusion", "bolus": "central"}, "sc": {"bolus": "depot"}}
    regimens = {"high": "600000 IU/kg iv over 15 min every 8 h, 14 doses", "broken": "5 foo flat sc single dose"}
    return SimpleNamespace(
        drugs={
            "kine_alfa": _drug(routes, {"IU": "4e-6 nmol", "mg": "65 nmol"}, regimens, ["label"], largest="10 MIU/kg"),
            "kine_beta": _drug({"iv": {"infusion": "infusion"}, "sc": {"bolus": "depot"}}, {"mg": "50 nmol"}, {}, []),
        },
        diseases={"tumour_a": disease},
        gradings={"ctcae_v5": None},
        responses={"recist_1_1": None},
        support={"standard": None, "none": None},
        evidence={"study1999": None},
        protocols=protocols or {},
    )
