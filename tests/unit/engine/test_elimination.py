"""The plan of the factorisation, carried out with numbers."""

from __future__ import annotations

import numpy as np

from cytotrial.engine.elimination import plan_elimination


def solve(matrix, right):
    size = len(matrix)
    plan = plan_elimination([(int(row), int(column)) for row, column in np.argwhere(matrix)], size)
    packed = np.zeros(len(plan.slots))
    for (row, column), slot in plan.slots.items():
        packed[slot] = matrix[row, column]
    for operation, target, left, other in plan.factor:
        if operation == "invert":
            packed[target] = 1 / packed[target]
        elif operation == "scale":
            packed[target] *= packed[left]
        else:
            packed[target] -= packed[left] * packed[other]
    side = right.copy()
    for operation, target, slot, other in plan.solve:
        side[target] = side[target] * packed[slot] if operation == "scale" else side[target] - packed[slot] * side[other]
    return side


def test_the_plan_solves_a_random_sparse_matrix():
    random = np.random.default_rng(3)
    matrix = np.where(random.random((25, 25)) < 0.1, random.standard_normal((25, 25)), 0) + 10 * np.eye(25)
    right = random.standard_normal(25)
    np.testing.assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-12)


def test_an_arrow_matrix_makes_no_fill_whichever_way_it_points():
    pattern = [(0, index) for index in range(9)] + [(index, 0) for index in range(9)]
    assert len(plan_elimination(pattern, 9).slots) == 9 + 2 * 8
