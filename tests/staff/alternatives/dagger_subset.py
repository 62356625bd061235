"""Interventions as pieces: one dataset for every stretch that the expert drove, joined."""


def intervention_rollout(env, policy, expert, gate, horizon, seed=0, learners=1):
    steps = rollout(env, policy, horizon, seed=seed, gate=gate, expert=expert)
    kept = steps.expert_drove & steps.running
    joined = Dataset.from_rollout(steps, steps.action, keep=np.zeros_like(kept), learners=learners)
    for n in range(kept.shape[1]):
        edges = np.flatnonzero(np.diff(np.r_[0, kept[:, n].astype(int), 0]))
        for first, end in edges.reshape(-1, 2):
            stretch = np.zeros_like(kept)
            stretch[first:end, n] = True
            joined = aggregate(joined, Dataset.from_rollout(steps, expert(steps.state), stretch, learners))
    return joined
