"""Interventions in pieces: one dataset for every stretch where the expert drove, then their union."""


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    steps = rollout(env, policy, horizon, seed=seed, gate=gate, expert=expert)
    kept = steps.expert_drove & steps.running
    joined = Dataset.from_rollout(steps, steps.action, keep=np.zeros_like(kept))
    for n in range(kept.shape[1]):
        edges = np.flatnonzero(np.diff(np.r_[0, kept[:, n].astype(int), 0]))
        for first, end in edges.reshape(-1, 2):
            stretch = np.zeros_like(kept)
            stretch[first:end, n] = True
            joined = aggregate(joined, Dataset.from_rollout(steps, expert(steps.state), stretch))
    return joined
