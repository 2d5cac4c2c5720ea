"""Figures as Plotly JSON; `layout.meta.text` says in words what the figure shows. It draws nothing; a browser does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from cytotrial.results.adverse_events import ANY_TERM
from cytotrial.results.drawing import (
    BEYOND,
    RESPONSE_COLOURS,
    Figure,
    arm_colour,
    blank_layout,
    error_bars,
    month_ticks,
    months_text,
    note,
    panel_domain,
    risk_row,
    tint,
    without_nan,
)
from cytotrial.results.efficacy import EVENT_FREE, OBJECTIVE_RESPONSE, SURVIVAL_TITLES, best_responses, survival_curve
from cytotrial.results.proportions import exact_proportion
from cytotrial.results.tables import records

SLOT_COLOURS = {"given": "#4477AA", "reduced": "#66CCEE", "withheld": "#EE6677", "other": "#BBBBBB"}
SLOT_TITLES = {"given": "full dose", "reduced": "reduced", "withheld": "withheld", "other": "delayed, stopped or not reached"}
SURVIVAL_AXES = {"OS": "alive [%]", "PFS": "alive, free of progression [%]", "RFS": "alive, free of relapse [%]"}
TOXICITY_MARKS = {3: ("circle", "grade 3 or more"), 4: ("square", "grade 4 or more"), 5: ("x", "fatal")}
TERMS_SHOWN = 20
DOSE_STEPS, MOST_DOSE_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000), 8
GAPS_UP_TO = 60  # bars of a panel: more stand without gaps
RISK_TABLE_SHARE = 0.055  # of the figure's height, for each arm


def survival(table: pd.DataFrame, endpoint: str, *, arms: Sequence[str]) -> Figure:
    """Kaplan-Meier curves of 'OS' or 'PFS' with their bands and a table of the numbers at risk."""
    title = SURVIVAL_TITLES[endpoint].capitalize()
    curves = {arm: survival_curve(table[table["ARM"] == arm], endpoint) for arm in arms}
    last = max((float(curve.times[-1]) for curve in curves.values() if curve.n), default=1.0)
    ticks = month_ticks(last)
    data: list[Figure] = []
    words: list[str] = []
    for number, (arm, curve) in enumerate(curves.items()):
        colour = arm_colour(number)
        times = [0.0, *curve.times.tolist()]
        bands = [[100.0, *(100 * band).tolist()] for band in (curve.low, curve.high)]
        step_line = {"x": times, "mode": "lines", "legendgroup": arm, "hoverinfo": "skip", "showlegend": False}
        data.append({**step_line, "y": without_nan(bands[0]), "line": {"width": 0, "shape": "hv"}})
        data.append(
            {
                **step_line,
                "y": without_nan(bands[1]),
                "line": {"width": 0, "shape": "hv"},
                "fill": "tonexty",
                "fillcolor": tint(colour),
            }
        )
        line = {"color": colour, "width": 2, "shape": "hv"}
        hover = "%{x:.1f} months: %{y:.1f} %<extra>" + arm + "</extra>"
        curve_y = [100.0, *(100 * curve.survival).tolist()]
        data.append(
            {"x": times, "y": curve_y, "mode": "lines", "name": arm, "legendgroup": arm, "line": line, "hovertemplate": hover}
        )
        data.append(risk_row(arm, ticks, curve.number_at_risk(ticks), colour))
        median = curve.median()
        interval = f"{months_text(median.low)} to {months_text(median.high)}"
        words.append(f"{arm}: median {months_text(median.value)} (95 % interval {interval}), n = {curve.n}")
    layout = blank_layout(title, x="time since the first planned dose [months]", y=SURVIVAL_AXES[endpoint], words=words)
    share = RISK_TABLE_SHARE * len(arms)
    layout |= {"height": 500 + 28 * len(arms)}
    layout["margin"] |= {"b": 16}
    # Room on the left for the first number at risk, which is wider than its tick.
    layout["xaxis"] |= {"range": [-0.05 * last, BEYOND * last], "tickvals": ticks, "anchor": "y"}
    layout["yaxis"] |= {"range": [0, 102], "domain": [share + 0.21, 1]}
    layout["yaxis2"] = {"domain": [0, share], "type": "category", "autorange": "reversed", "showgrid": False, "zeroline": False}
    layout["yaxis2"] |= {"ticks": "", "automargin": True}
    layout["annotations"] = [note("number at risk", y=share + 0.015, x=-0.02)]
    return {"data": data, "layout": layout}


def waterfall(patients: pd.DataFrame, responses: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """The best change of tumour size of every patient with a scan, from the worst to the best, coloured by best response."""
    best = best_responses(patients, responses)
    later = responses[responses["TIME"] > 0]  # the scan before treatment is no change
    change = (100 * later.groupby(["ARM", "ID"])["CHANGE"].min()).dropna()
    data: list[Figure] = []
    words: list[str] = []
    layout = blank_layout("Best change of tumour size", x="patients, sorted", y="change from baseline [%]", words=words)
    for number, arm in enumerate(arms):
        inside = change[change.index.get_level_values(0) == arm].sort_values(ascending=False)
        codes = best.reindex(inside.index).to_numpy()
        values = inside.clip(upper=100.0).to_numpy(dtype=float)
        suffix = "" if number == 0 else str(number + 1)
        for code, colour in RESPONSE_COLOURS.items():
            chosen = codes == code
            # A trace without bars stays, so that every panel has the same legend.
            data.append(
                {
                    "type": "bar",
                    "x": (np.flatnonzero(chosen) + 1).tolist(),
                    "y": values[chosen].tolist(),
                    "name": code,
                    "legendgroup": code,
                    "showlegend": number == 0,
                    "marker": {"color": colour, "line": {"width": 0}},
                    "xaxis": f"x{suffix}",
                    "yaxis": "y",
                    "hovertemplate": "%{y:.0f} %<extra>" + code + "</extra>",
                }
            )
        layout[f"xaxis{suffix}"] = {
            **layout["xaxis"],
            **panel_domain(number, len(arms)),
            "anchor": "y",
            "title": {"text": f"{arm}: patients, sorted"},
            "showticklabels": False,
            "ticks": "",
        }
        shrunk = int((values < 0).sum())
        words.append(f"{arm}: {len(values)} patients with a scan after the first; the tumour shrank at some time in {shrunk}")
    layout |= {"bargap": 0, "barmode": "overlay"}
    layout["yaxis"] |= {"range": [-102, 102], "zeroline": True}
    layout["annotations"] = [note("growth beyond +100 % is cut", y=1.0, x=1.0)]
    return {"data": data, "layout": layout}


def doses(by_slot: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """For each planned slot, the share of patients who started the cycle and got the full dose, a reduced one, or none."""
    data: list[Figure] = []
    words: list[str] = []
    treated = [arm for arm in arms if (by_slot["arm"] == arm).any()]
    layout = blank_layout("Doses planned and given", x="", y="patients who started the cycle [%]", words=words)
    for number, arm in enumerate(treated):
        part = by_slot[by_slot["arm"] == arm]
        several = part["drug"].nunique() > 1
        labels = [
            (f"{row['drug']} " if several else "") + f"course {row['course']}, cycle {row['cycle']}, dose {row['dose']}"
            for row in records(part)
        ]
        suffix = "" if number == 0 else str(number + 1)
        for kind, colour in SLOT_COLOURS.items():
            share = 100 * part[kind].to_numpy(dtype=float) / part["patients"].to_numpy(dtype=float)
            data.append(
                {
                    "type": "bar",
                    "x": list(range(1, len(part) + 1)),
                    "y": share.tolist(),
                    "customdata": labels,
                    "name": SLOT_TITLES[kind],
                    "legendgroup": kind,
                    "showlegend": number == 0,
                    "marker": {"color": colour},
                    "xaxis": f"x{suffix}",
                    "hovertemplate": "%{customdata}: %{y:.0f} %<extra>" + SLOT_TITLES[kind] + "</extra>",
                }
            )
        starts = _cycle_starts(part, several=several)
        if len(starts) == 1:  # one long cycle: its doses are numbered
            step = next(step for step in DOSE_STEPS if len(part) <= MOST_DOSE_TICKS * step)
            starts += [(dose, f"dose {dose}") for dose in range(step, len(part) + 1, step) if dose > 1]
        axis = {"tickvals": [start for start, _ in starts], "ticktext": [name for _, name in starts]}
        axis |= {"title": {"text": f"{arm}: planned doses, by course.cycle"}}
        layout[f"xaxis{suffix}"] = {**layout["xaxis"], **panel_domain(number, len(treated)), **axis, "anchor": "y"}
        given = float((part["given"] + part["reduced"]).sum() / part["patients"].sum())
        words.append(f"{arm}: {100 * given:.0f} % of the planned doses of begun cycles were given")
    # Gaps between many bars are drawn unevenly, as stripes.
    most = max((int((by_slot["arm"] == arm).sum()) for arm in treated), default=0)
    layout |= {"barmode": "stack", "bargap": 0.05 if most <= GAPS_UP_TO else 0}
    layout["yaxis"] |= {"range": [0, 100]}
    return {"data": data, "layout": layout}


def adverse_events(
    table: pd.DataFrame, *, arms: Sequence[str], not_measured: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Figure:
    """The terms that most patients had, grade 1 to 2 and grade 3 or more apart; `table` as `adverse_events()` returns it.

    Terms that an arm could not tell, by `not_measured`, say so in place of a bar.
    """
    named = table[table["term"] != ANY_TERM]
    ranked = named.groupby("term")[["grade_3_or_more_percent", "any_grade_percent"]].max()
    ranked = ranked.sort_values(["any_grade_percent", "grade_3_or_more_percent"], ascending=False)
    terms = [str(term) for term in ranked.index[:TERMS_SHOWN]]
    data: list[Figure] = []
    words: list[str] = []
    title = "Adverse events" + (
        f" (the {TERMS_SHOWN} most frequent of {len(ranked)} terms)" if len(ranked) > TERMS_SHOWN else ""
    )
    layout = blank_layout(title, x="patients [%]", y="", words=words)
    for number, arm in enumerate(arms):
        rows = named[named["arm"] == arm].set_index("term").reindex(terms)
        severe = rows["grade_3_or_more_percent"].fillna(0).to_numpy(dtype=float)
        mild = rows["any_grade_percent"].fillna(0).to_numpy(dtype=float) - severe
        suffix = "" if number == 0 else str(number + 1)
        for name, values, colour in (("grade 3 or more", severe, "#BB3344"), ("grade 1 to 2", mild, "#F2B8B5")):
            bar = {"type": "bar", "orientation": "h", "y": terms, "x": values.tolist(), "name": name, "legendgroup": name}
            hover = "%{y}: %{x:.0f} %<extra>" + name + "</extra>"
            data.append(
                {**bar, "showlegend": number == 0, "marker": {"color": colour}, "xaxis": f"x{suffix}", "hovertemplate": hover}
            )
        unknown = [term for term in terms if term in not_measured.get(arm, ()) and term not in set(rows.dropna().index)]
        data.append(
            {
                "x": [1.0] * len(unknown),
                "y": unknown,
                "text": ["not measured"] * len(unknown),
                "mode": "text",
                "textposition": "middle right",
                "textfont": {"size": 10, "color": "#5c6670"},
                "hoverinfo": "skip",
                "showlegend": False,
                "xaxis": f"x{suffix}",
            }
        )
        axis = {"title": {"text": f"{arm}: patients [%]"}, "range": [0, 100], "anchor": "y"}
        layout[f"xaxis{suffix}"] = {**layout["xaxis"], **panel_domain(number, len(arms)), **axis}
        whole = table[(table["arm"] == arm) & (table["term"] == ANY_TERM)]
        share = float(whole["grade_3_or_more_percent"].iloc[0])
        words.append(f"{arm}: {share:.0f} % of patients had an adverse event of grade 3 or more")
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "type": "category", "showgrid": False}
    layout |= {"barmode": "stack", "height": 170 + 24 * max(len(terms), 4)}
    return {"data": data, "layout": layout}


def benefit_risk(efficacy: pd.DataFrame, events: pd.DataFrame, given: pd.DataFrame, *, arms: Sequence[str]) -> Figure:
    """Benefit against toxicity: for each arm its adverse events of grade 3 or more, of grade 4 or more, and fatal ones.

    The benefit is `benefit_endpoint`, which is not None. One grade alone tells nothing where everybody has it.
    """
    benefit = str(benefit_endpoint(efficacy))
    data: list[Figure] = []
    words: list[str] = []
    for number, arm in enumerate(arms):
        response = efficacy[(efficacy["arm"] == arm) & (efficacy["endpoint"] == benefit)].iloc[0]
        whole = events[(events["arm"] == arm) & (events["term"] == ANY_TERM)].iloc[0]
        mine = given[given["arm"] == arm]
        share = float(np.average(mine["given_percent"], weights=mine["patients"])) if len(mine) else 0.0
        y = 100 * float(response["value"])
        told: list[str] = []
        for grade, (symbol, name) in TOXICITY_MARKS.items():
            count = sum(int(whole[f"grade_{worse}"]) for worse in range(grade, 6))
            found = exact_proportion(count, int(whole["patients"]))
            x, low, high = (100 * value for value in (found.value, found.low, found.high))
            mark = {
                "x": [x],
                "y": [y],
                "error_x": error_bars(x, low, high),
                "mode": "markers",
                "name": f"{arm}: {name}" if len(arms) > 1 else name,
                "marker": {"color": arm_colour(number), "size": 11, "symbol": symbol},
                "hovertemplate": benefit + " %{y:.0f} %, " + name + " %{x:.0f} %<extra>" + arm + "</extra>",
            }
            if not told:
                mark["error_y"] = error_bars(y, 100 * float(response["low"]), 100 * float(response["high"]))
            data.append(mark)
            told.append(f"{name} {x:.0f} %")
        words.append(f"{arm}: {benefit} {y:.0f} %; {', '.join(told)}; {share:.0f} % of the doses of begun cycles were given")
    layout = blank_layout(
        "Benefit and risk", x="patients with an adverse event of that grade [%]", y=f"{benefit} [%]", words=words
    )
    top = max(
        (100 * float(value) for value in efficacy.loc[efficacy["endpoint"] == benefit, "high"].dropna()),
        default=10.0,
    )
    layout["xaxis"] |= {"range": [-2, 102]}
    layout["yaxis"] |= {"range": [0, min(102, 1.15 * top)]}
    layout["showlegend"] = True
    return {"data": data, "layout": layout}


def benefit_endpoint(efficacy: pd.DataFrame) -> str | None:
    """The row of `efficacy` that stands for benefit: objective response, or where nothing could respond the share free of
    progression or relapse at the last landmark that every arm has. None where there is none.
    """
    if (efficacy["endpoint"] == OBJECTIVE_RESPONSE).any():
        return OBJECTIVE_RESPONSE
    arms = efficacy["arm"].nunique()
    free = tuple(SURVIVAL_TITLES[code] for code in EVENT_FREE)
    shares = efficacy[(efficacy["unit"] == "1") & efficacy["endpoint"].str.startswith(free)]
    known = [str(name) for name, part in shares.groupby("endpoint", sort=False) if part["arm"].nunique() == arms]
    return known[-1] if known else None


def _cycle_starts(part: pd.DataFrame, *, several: bool) -> list[tuple[int, str]]:
    """The position and name of the first slot of each cycle."""
    keys = [(row["drug"], row["course"], row["cycle"]) for row in records(part)]
    firsts = [number for number, key in enumerate(keys) if number == 0 or key != keys[number - 1]]
    return [
        (number + 1, (f"{keys[number][0]} " if several else "") + f"C{keys[number][1]}.{keys[number][2]}") for number in firsts
    ]
