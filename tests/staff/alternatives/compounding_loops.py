"""Explicit loops over steps and environments; the closed form of the geometric series."""

import math


def disagreement(env, policy, expert, horizon, tolerance, seed=0):
    if hasattr(policy, "reset"):
        policy.reset(seed)
    obs, info = env.reset(seed=seed)
    table = []
    for _ in range(horizon):
        action, wanted = policy(obs), expert(info.get("state", obs))
        row = []
        for own, other in zip(action, wanted, strict=True):
            row.append(any(abs(float(a) - float(b)) > tolerance for a, b in zip(own, other, strict=True)))
        table.append(row)
        obs, _, _, _, info = env.step(action)
    return np.array(table)


def cost_by_horizon(costs, horizons):
    result = []
    for horizon in horizons:
        totals = [sum(float(c) for c in costs[:horizon, n]) for n in range(costs.shape[1])]
        result.append(sum(totals) / len(totals))
    return np.array(result)


def growth_exponent(horizons, cost):
    x, y = [math.log(h) for h in horizons], [math.log(c) for c in cost]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def tightrope_cost(error_rate, horizon, recoverable):
    if error_rate == 0:
        return 0
    if recoverable:
        return error_rate * horizon
    return horizon - (1 - error_rate) * (1 - (1 - error_rate) ** horizon) / error_rate
