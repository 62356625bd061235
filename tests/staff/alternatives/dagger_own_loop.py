"""Both rollouts with their own loop, labels taken while driving, the dataset built field by field."""


def _dataset(rows, learner):
    """Rows (env, episode, obs, action), in the order of the environments."""
    rows = sorted(rows, key=lambda row: row[0])  # stable: the steps stay in order
    if not rows:
        empty = np.zeros((0, 2), dtype=np.float32)
        nothing = np.zeros(0, dtype=np.int64)
        return Dataset(obs=empty, action=empty.copy(), episode=nothing, learner=nothing, driver=nothing)
    names = {}
    for env, episode, *_ in rows:
        names.setdefault((env, episode), len(names))
    return Dataset(
        obs=np.array([row[2] for row in rows], dtype=np.float32),
        action=np.array([row[3] for row in rows], dtype=np.float32),
        episode=np.array([names[row[0], row[1]] for row in rows], dtype=np.int64),
        learner=np.array([learner[row[0]] for row in rows], dtype=np.int64),
        driver=np.zeros(len(rows), dtype=np.int64),
    )


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    obs, info = env.reset(seed=int(rng.integers(1_000_000)))
    alive = np.ones(env.num_envs, dtype=bool)
    rows = []
    for _ in range(horizon):
        if not alive.any():
            break
        label, own = expert(info["state"]), policy(obs)
        action = own.copy()
        for n in range(env.num_envs):
            if rng.uniform() < beta:
                action[n] = label[n]
            if alive[n]:
                rows.append((n, 0, obs[n], label[n]))
        obs, _, terminated, _, info = env.step(action)
        alive = alive & ~terminated
    return _dataset(rows, env.learner)


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    if hasattr(gate, "reset"):
        gate.reset(seed)
    obs, info = env.reset(seed=seed)
    had, alive, rows = np.zeros(env.num_envs, dtype=bool), np.ones(env.num_envs, dtype=bool), []
    count = np.zeros(env.num_envs, dtype=int)  # of interventions
    for _ in range(horizon):
        has = gate(obs, info["state"], had)
        count += has & ~had
        action = np.where(has[:, None], expert(info["state"]), policy(obs))
        rows += [(n, count[n], obs[n], action[n]) for n in np.flatnonzero(has & alive)]
        obs, _, terminated, _, info = env.step(action)
        alive, had = alive & ~terminated, has
    return _dataset(rows, env.learner)
