"""All coins are tossed before the rollout, with their own generator that comes from rng, and in another shape."""


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    seeds, coins = rng.spawn(2)
    table = iter((coins.random((env.num_envs, horizon), dtype=np.float32) < np.float32(beta)).T)
    seed = int(seeds.integers(0, 2**31))
    steps = rollout(env, policy, horizon, seed, expert, gate=lambda obs, state, had: next(table).copy())
    labels = np.concatenate([expert(state[None]) for state in steps.state])
    return Dataset.from_rollout(steps, labels, steps.running)
