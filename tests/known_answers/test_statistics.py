"""Proportions and survival against numbers computed elsewhere.

Reference values: lifelines 0.30.3 (Kaplan-Meier with log-log bands, median interval, log-rank) and statsmodels 0.15.0
(Clopper-Pearson, Newcombe's difference, Cox with Efron's ties), computed once.
Data: remission times [weeks] of 42 children with leukaemia,
6-mercaptopurine against placebo (Freireich 1963, as in Cox and Oakes 1984, table 1.1); its log-rank chi-square is 16.79 in
the textbooks.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cytotrial.results.cox import cox
from cytotrial.results.paired import Ends, paired_hazard_ratio, paired_mean, separate_means
from cytotrial.results.proportions import difference_of_proportions, exact_proportion, paired_difference
from cytotrial.results.survival import kaplan_meier, log_rank

TREATED_WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
TREATED_RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO_WEEKS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
# log white cell counts of the same children, treated then placebo (Kleinbaum, Survival Analysis, 1996).
LOG_WHITE_CELLS = [
    *(
        2.31,
        4.06,
        3.28,
        3.20,
        4.43,
        2.80,
        2.70,
        2.96,
        2.60,
        2.88,
        3.60,
        2.16,
        2.05,
        2.01,
        2.32,
        2.57,
        1.78,
        2.20,
        2.53,
        1.47,
        1.45,
    ),
    *(
        2.80,
        5.00,
        4.91,
        4.48,
        4.01,
        4.36,
        2.42,
        3.49,
        3.97,
        3.52,
        3.05,
        2.32,
        3.26,
        3.49,
        2.12,
        1.50,
        3.06,
        2.30,
        2.95,
        2.73,
        1.97,
    ),
]
TREATED_CENSORED = [not relapse for relapse in TREATED_RELAPSE]
NO_CENSORING = [False] * 21


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (36, 255, 0.10087688907, 0.19005357214),
        (0, 20, 0.0, 0.16843347098),
        (20, 20, 0.83156652902, 1.0),
        (1, 10, 0.00252857854, 0.44501611703),
        (8, 10, 0.44390453769, 0.97478927367),
        (0, 1, 0.0, 0.975),
        (1, 1, 0.025, 1.0),
    ],
)
def test_exact_interval_agrees_with_clopper_and_pearson(count: int, n: int, low: float, high: float) -> None:
    estimate = exact_proportion(count, n)
    assert (estimate.value, estimate.n) == (count / n, n)
    assert estimate.low == pytest.approx(low, abs=1e-10)
    assert estimate.high == pytest.approx(high, abs=1e-10)


def test_a_share_of_nobody_is_not_a_number() -> None:
    assert math.isnan(exact_proportion(0, 0).value)


def test_a_count_above_n_is_refused() -> None:
    with pytest.raises(ValueError, match="count 11 is not between 0 and n = 10"):
        exact_proportion(11, 10)


def test_two_sample_difference_agrees_with_newcombe() -> None:
    estimate = difference_of_proportions(56, 70, other_count=48, other_n=80)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.2, 0.05243147240, 0.33387265404), abs=1e-10)


def test_paired_interval_covers_the_true_difference_about_95_times_in_100() -> None:
    # Exact coverage: every table of 20 pairs, weighted by its probability. Newcombe found 0.92 to 0.98 over such settings.
    cells = (0.30, 0.18, 0.06, 0.46)
    tables = [(a, b, c, 20 - a - b - c) for a, b, c in itertools.product(range(21), repeat=3) if a + b + c <= 20]
    weights = stats.multinomial.pmf(np.array(tables), 20, cells)
    estimates = [paired_difference(*table) for table in tables]
    covered = sum(weight for weight, found in zip(weights, estimates, strict=True) if found.low <= 0.12 <= found.high)
    assert 0.93 < covered < 0.98


def test_pairing_narrows_the_interval_when_twins_agree() -> None:
    paired = paired_difference(40, 12, 2, 46)
    separate = difference_of_proportions(52, 100, other_count=42, other_n=100)
    assert paired.value == pytest.approx(separate.value)
    assert paired.high - paired.low < 0.7 * (separate.high - separate.low)


def test_kaplan_meier_agrees_with_the_published_leukaemia_curve() -> None:
    curve = kaplan_meier(TREATED_WEEKS, TREATED_CENSORED)
    rows = {  # week: survival, low, high, number at risk
        6: (0.857143, 0.619718, 0.951552, 21),
        7: (0.806723, 0.563147, 0.922809, 17),
        10: (0.752941, 0.503200, 0.889362, 15),
        13: (0.690196, 0.431610, 0.849066, 12),
        16: (0.627451, 0.367511, 0.804912, 11),
        22: (0.537815, 0.267779, 0.746791, 7),
        23: (0.448179, 0.188052, 0.680143, 6),
    }
    for week, (survival, low, high, at_risk) in rows.items():
        found = curve.at(week)
        assert (found.value, found.low, found.high) == pytest.approx((survival, low, high), abs=1e-6)
        assert curve.number_at_risk([week]) == [at_risk]


def test_median_and_its_interval_agree_with_brookmeyer_and_crowley() -> None:
    treated = kaplan_meier(TREATED_WEEKS, TREATED_CENSORED).median()
    assert (treated.value, treated.low) == (23, 13)
    assert math.isnan(treated.high)
    placebo = kaplan_meier(PLACEBO_WEEKS, NO_CENSORING).median()
    assert (placebo.value, placebo.low, placebo.high) == (8, 4, 11)


def test_log_rank_agrees_with_the_textbook() -> None:
    test = log_rank([*TREATED_WEEKS, *PLACEBO_WEEKS], [*TREATED_CENSORED, *NO_CENSORING], [True] * 21 + [False] * 21)
    assert test.chi_square == pytest.approx(16.792940989, abs=1e-8)
    assert test.p_value == pytest.approx(4.168809109e-05, rel=1e-8)
    assert test.hazard_ratio.high < 1  # fewer relapses with treatment: Peto (9 - 19.25) / 6.257 gives 0.19
    assert test.hazard_ratio.value == pytest.approx(math.exp((9 - 19.2505) / 6.25696), rel=1e-4)


def test_log_rank_agrees_with_scipy_on_censored_data_with_ties() -> None:
    random = np.random.default_rng(5)
    times, censored = random.integers(1, 12, 80).astype(float), random.random(80) < 0.3
    is_first = np.arange(80) < 35
    ours = log_rank(times, censored, is_first)
    samples = [stats.CensoredData.right_censored(times[group], censored[group]) for group in (is_first, ~is_first)]
    assert ours.p_value == pytest.approx(stats.logrank(*samples).pvalue, rel=1e-9)


def test_nobody_with_an_event_gives_survival_of_one_and_no_median() -> None:
    curve = kaplan_meier([3.0, 5.0], [True, True])
    assert curve.at(4).value == 1
    assert math.isnan(curve.median().value)
    assert math.isnan(log_rank([3.0, 5.0], [True, True], [True, False]).p_value)


def test_survival_after_the_last_censoring_is_unknown_but_after_the_last_death_it_is_zero() -> None:
    assert math.isnan(kaplan_meier([3.0, 5.0], [False, True]).at(6).value)
    assert kaplan_meier([3.0, 5.0], [True, False]).at(6).value == 0


def test_one_patient_who_dies_has_that_time_as_median() -> None:
    curve = kaplan_meier([7.0], [False])
    assert curve.median().value == 7
    assert curve.number_at_risk([0, 7, 8]) == [1, 1, 0]


def test_a_curve_that_rests_on_one_half_has_the_middle_of_the_rest_as_median() -> None:
    assert kaplan_meier([1.0, 2.0, 4.0, 9.0], [False] * 4).median().value == 3


def test_kaplan_meier_agrees_with_an_established_package_where_everybody_has_an_event() -> None:
    curve = kaplan_meier(TREATED_WEEKS, NO_CENSORING)
    # lifelines with every child of the treated arm taken to relapse; three relapse together at 6 weeks.
    for week, expected in (
        (6, (0.8095238095, 0.5689050599, 0.9238888286)),
        (10, (0.6190476190, 0.3808435916, 0.7880123842)),
        (32, (0.0952380952, 0.0162592602, 0.2612499820)),
    ):
        found = curve.at(week)
        assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-8)
    assert curve.median().value == 16


def test_one_patient_who_is_censored_has_no_median_and_is_alive_until_then() -> None:
    curve = kaplan_meier([7.0], [True])
    assert curve.at(6).value == 1
    assert math.isnan(curve.median().value)


def test_log_rank_agrees_with_an_established_package_where_everybody_has_an_event_and_with_one_patient_in_a_group() -> None:
    everybody = log_rank(ALL_WEEKS, [False] * 42, [True] * 21 + [False] * 21)
    assert (everybody.chi_square, everybody.p_value) == pytest.approx((8.969504865456, 0.002745229821270), rel=1e-9)
    one = log_rank([5.0, 3.0, 4.0, 8.0], [False, False, False, True], [True, False, False, False])
    assert (one.chi_square, one.p_value) == pytest.approx((0.010526315789474, 0.918282161027470), rel=1e-9)


def test_log_rank_of_one_patient_and_of_nobody_cannot_be_told() -> None:
    assert math.isnan(log_rank([5.0], [False], [True]).p_value)
    assert math.isnan(log_rank([], [], []).p_value)


def test_no_patient_at_all_is_an_unknown_curve() -> None:
    curve = kaplan_meier([], [])
    assert curve.n == 0
    assert math.isnan(curve.at(1).value)
    assert math.isnan(curve.median().value)
    assert curve.number_at_risk([0, 3]) == [0, 0]


def test_a_missing_survival_time_is_refused() -> None:
    with pytest.raises(ValueError, match="missing, infinite or negative"):
        kaplan_meier([1.0, math.nan], [False, False])


ALL_WEEKS = [*TREATED_WEEKS, *PLACEBO_WEEKS]
ALL_CENSORED = [*TREATED_CENSORED, *NO_CENSORING]


def test_cox_agrees_with_established_packages_on_tied_data() -> None:
    fit = cox(ALL_WEEKS, ALL_CENSORED, [1.0] * 21 + [0.0] * 21)
    # statsmodels PHReg(ties="efron") and lifelines CoxPHFitter agree; R's coxph prints 1.5721 (0.4124) for placebo.
    assert (fit.coefficient, fit.standard_error) == pytest.approx((-1.57212515, 0.41239672), abs=1e-7)
    assert (fit.events, fit.n) == (30, 42)
    ratio = fit.hazard_ratio
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.207604, 0.092513, 0.465873), abs=1e-5)
    assert fit.p_value == pytest.approx(2 * stats.norm.sf(1.57212515 / 0.41239672), rel=1e-5)


def test_cox_of_a_measured_covariate_agrees_with_established_packages() -> None:
    fit = cox(ALL_WEEKS, ALL_CENSORED, LOG_WHITE_CELLS)
    assert (fit.coefficient, fit.standard_error) == pytest.approx((1.62345065, 0.29668644), abs=1e-7)


def test_cox_agrees_with_an_established_package_where_everybody_has_an_event_and_with_one_patient_in_a_group() -> None:
    everybody = cox(ALL_WEEKS, [False] * 42, [1.0] * 21 + [0.0] * 21)
    assert (everybody.coefficient, everybody.standard_error) == pytest.approx((-1.00363476, 0.34282915), abs=1e-7)
    one = cox([5.0, 3.0, 4.0, 8.0], [False, False, False, True], [1.0, 0.0, 0.0, 0.0])
    assert (one.coefficient, one.standard_error) == pytest.approx((-0.1285322, 1.25352951), abs=1e-6)


def test_cox_does_not_depend_on_the_order_of_patients_nor_on_the_origin_of_the_covariate() -> None:
    order = np.random.default_rng(3).permutation(42)
    shuffled = cox(*(np.asarray(part, float)[order] for part in (ALL_WEEKS, ALL_CENSORED, LOG_WHITE_CELLS)))
    moved = cox(ALL_WEEKS, ALL_CENSORED, np.asarray(LOG_WHITE_CELLS) + 500)
    assert shuffled.coefficient == pytest.approx(1.62345065, abs=1e-7)
    assert moved.coefficient == pytest.approx(1.62345065, abs=1e-7)


@pytest.mark.parametrize(
    ("times", "censored", "groups"),
    [
        ([3.0, 5.0], [True, True], [0, 1]),
        ([7.0], [False], [1]),
        ([1.0, 2.0], [False, False], [1, 1]),
        ([1.0, 2.0, 3.0, 4.0], [False, False, True, True], [1, 1, 0, 0]),
        ([], [], []),
    ],
    ids=["no event", "one patient", "one group", "all events in one group", "nobody"],
)
def test_cox_says_nothing_where_nothing_can_be_told(times: list[float], censored: list[bool], groups: list[float]) -> None:
    fit = cox(times, censored, groups)
    assert math.isnan(fit.coefficient)
    assert math.isnan(fit.hazard_ratio.value)


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of one length"):
        cox([1.0, 2.0], [False], [1.0, 0.0])


def test_all_events_at_one_time_leave_no_difference_in_hazard() -> None:
    # Every risk set is everybody: Efron's likelihood is symmetric about 0 for balanced groups.
    assert cox([2.0] * 4, [False] * 4, [1.0, 1.0, 0.0, 0.0]).coefficient == pytest.approx(0.0, abs=1e-12)


def test_pairs_give_the_ratio_of_cox_with_a_narrower_interval_than_separate_groups() -> None:
    random = np.random.default_rng(7)
    frailty = random.gamma(0.5, size=300)
    times = [random.exponential(1, 300) / (frailty * rate) for rate in (0.6, 1.0)]
    ends = [Ends.of(np.minimum(time, 20.0), time > 20.0) for time in times]
    paired = paired_hazard_ratio(*ends)
    both = [np.concatenate([getattr(end, name) for end in ends]) for name in ("time", "is_censored")]
    separate = cox(*both, np.repeat([1.0, 0.0], 300)).hazard_ratio
    assert paired.value == pytest.approx(separate.value)
    assert math.log(paired.high / paired.low) < 0.95 * math.log(separate.high / separate.low)
    assert paired.low < separate.value < paired.high


def test_pairs_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="these have 2 and 1 patients"):
        paired_hazard_ratio(Ends.of([1.0, 2.0], [False, False]), Ends.of([1.0], [False]))


@pytest.mark.parametrize("pairs", [(0, 0, 0, 50), (50, 0, 0, 0)], ids=["nobody", "everybody"])
def test_pairs_that_all_agree_differ_by_nothing_within_the_score_interval_of_none(pairs: tuple[int, int, int, int]) -> None:
    # Wilson's upper limit of 0 of n is z^2 / (n + z^2); without a correlation to be told it stands on both sides.
    square = stats.norm.ppf(0.975) ** 2
    found = paired_difference(*pairs)
    assert (found.value, found.low, found.high) == pytest.approx((0.0, -square / (50 + square), square / (50 + square)))


def test_one_pair_and_no_pair_give_what_can_be_told_of_them() -> None:
    one = paired_difference(0, 1, 0, 0)
    assert one.value == 1
    assert -1 <= one.low < one.high <= 1 + 1e-12
    assert math.isnan(paired_difference(0, 0, 0, 0).value)
    assert paired_mean([3.0], [1.0]).value == 2
    assert math.isnan(paired_mean([3.0], [1.0]).low)
    assert math.isnan(paired_mean([], []).value)


@pytest.mark.parametrize(
    ("times", "censored"), [([3.0, 5.0], [True, True]), ([4.0], [True]), ([], [])], ids=["no event", "one pair", "no pair"]
)
def test_pairs_without_an_event_give_no_hazard_ratio(times: list[float], censored: list[bool]) -> None:
    assert math.isnan(paired_hazard_ratio(Ends.of(times, censored), Ends.of(times, censored)).value)


def test_pairs_in_which_everybody_has_an_event_at_the_twins_time_have_a_ratio_of_one() -> None:
    ends = Ends.of([2.0, 2.0, 5.0, 7.0, 9.0], [False] * 5)
    found = paired_hazard_ratio(ends, ends)
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_differences_of_means_agree_with_scipy() -> None:
    x, y = np.array([5.0, 7.0, 8.0, 12.0]), np.array([4.0, 7.0, 6.0, 9.0])
    pairs = stats.ttest_rel(x, y).confidence_interval()
    assert (paired_mean(x, y).low, paired_mean(x, y).high) == pytest.approx((pairs.low, pairs.high))
    welch = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (separate_means(x, y).low, separate_means(x, y).high) == pytest.approx((welch.low, welch.high))
