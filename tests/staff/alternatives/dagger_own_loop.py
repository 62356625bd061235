"""Both rollouts with their own loop, labels taken while driving, the dataset built field by field."""


def _dataset(rows, env):
    """Rows (env, episode, obs, action), in the order of the environments."""
    rows = sorted(rows, key=lambda row: row[0])  # stable: the steps stay in order
    names = {}
    for n, episode, *_ in rows:
        names.setdefault((n, episode), len(names))
    space = env.single_action_space
    kind = np.float32 if space.shape else np.int64
    return Dataset(
        obs=np.array([row[2] for row in rows], dtype=np.float32).reshape(-1, *env.single_observation_space.shape),
        action=np.array([row[3] for row in rows], dtype=kind).reshape(-1, *space.shape),
        episode=np.array([names[row[0], row[1]] for row in rows], dtype=np.int64),
        learner=np.array([_learner(env, row[0]) for row in rows], dtype=np.int64),
        driver=np.zeros(len(rows), dtype=np.int64),
    )


def _learner(env, n):
    return env.learner[n] if hasattr(env, "learner") else 0


def _reset(seed, *parts):
    for part in parts:
        if hasattr(part, "reset"):
            part.reset(seed)


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    seed = int(rng.integers(1_000_000))
    obs, info = env.reset(seed=seed)
    _reset(seed, policy)
    alive = np.ones(env.num_envs, dtype=bool)
    rows = []
    for _ in range(horizon):
        if not alive.any():
            break
        label, own = expert(info.get("state", obs)), policy(obs)
        action = own.copy()
        for n in range(env.num_envs):
            if rng.uniform() < beta:
                action[n] = label[n]
            if alive[n]:
                rows.append((n, 0, obs[n], label[n]))
        obs, _, terminated, truncated, info = env.step(action)
        alive = alive & ~(terminated | truncated)
    return _dataset(rows, env)


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    _reset(seed, gate, policy)
    obs, info = env.reset(seed=seed)
    had, alive, rows = np.zeros(env.num_envs, dtype=bool), np.ones(env.num_envs, dtype=bool), []
    count = np.zeros(env.num_envs, dtype=int)  # of interventions
    for _ in range(horizon):
        state = info.get("state", obs)
        has = gate(obs, state, had)
        count += has & ~had
        action = policy(obs).copy()
        action[has] = expert(state)[has]
        rows += [(n, count[n], obs[n], action[n]) for n in np.flatnonzero(has & alive)]
        obs, _, terminated, truncated, info = env.step(action)
        alive, had = alive & ~(terminated | truncated), has
        if not alive.any():
            break
    return _dataset(rows, env)
