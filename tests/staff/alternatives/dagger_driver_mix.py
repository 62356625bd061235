"""The gate asks for the labels and tosses the coins; NaN marks the states without an intervention."""


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    seed, labels = int(rng.integers(2**32)), []

    class Mixture:
        def reset(self, seed):
            getattr(policy, "reset", int)(seed)

        def __call__(self, obs):
            return policy(obs)

    def gate(obs, state, had):
        labels.append(expert(state))
        return rng.binomial(1, beta, size=len(obs)).astype(bool)

    steps = rollout(env, Mixture(), horizon, seed, expert=expert, gate=gate)
    return Dataset.from_rollout(steps, np.stack(labels))


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    steps = rollout(env, policy, horizon, seed, expert, gate)
    mark = np.where(steps.expert_drove, 0.0, np.nan)
    return Dataset.from_rollout(steps, expert(steps.state), keep=~np.isnan(mark))
