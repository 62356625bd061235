"""The gate asks for the labels and tosses the coins; labels that are not NaN mark the interventions."""


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    seed, labels = int(rng.integers(2**32)), []

    class Mixture:
        def __call__(self, obs):
            return policy(obs)

    def gate(obs, state, had):
        labels.append(expert(state))
        return rng.binomial(1, beta, size=len(obs)).astype(bool)

    steps = rollout(env, Mixture(), horizon, seed, expert=expert, gate=gate)
    return Dataset.from_rollout(steps, np.stack(labels))


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    steps = rollout(env, policy, horizon, seed, expert, gate)
    labels = np.where(steps.expert_drove[..., None], expert(steps.state), np.float32(np.nan))
    return Dataset.from_rollout(steps, labels, keep=~np.isnan(labels).any(axis=-1))
