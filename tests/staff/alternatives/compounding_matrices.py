"""An infinity norm, a matrix product, covariances and the geometric series with expm1 and log1p."""


def disagreement(env, policy, expert, horizon, tolerance, seed=0):
    steps = rollout(
        env, policy, horizon, seed=seed, expert=expert, gate=lambda obs, state, had: np.zeros(len(obs), bool)
    )
    difference = steps.action.astype(np.float64) - expert(steps.state)
    return np.linalg.norm(difference, ord=np.inf, axis=-1) > tolerance


def cost_by_horizon(costs, horizons):
    sums = np.tri(len(costs)) @ np.asarray(costs, dtype=np.float64)  # (T, N)
    return np.array([np.average(sums[h - 1]) for h in horizons])


def growth_exponent(horizons, cost):
    covariance = np.cov(np.log10(horizons), np.log10(cost))
    return covariance[0, 1] / covariance[0, 0]


def tightrope_cost(error_rate, horizon, recoverable):
    if recoverable:
        return np.float64(error_rate) * horizon
    if error_rate in (0, 1):
        return float(error_rate * horizon)
    stay = np.log1p(-error_rate)
    return float(-np.expm1(np.arange(1, horizon + 1) * stay).sum())
