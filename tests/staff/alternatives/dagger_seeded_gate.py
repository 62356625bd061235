"""Coins with a stream of their own, which the rollout's seed resets; the decisions of a gate are written down."""


class Coins:
    def __init__(self, beta):
        self.beta = beta

    def reset(self, seed):
        self.rng = np.random.default_rng([seed, 7])

    def __call__(self, obs, state, expert_drives):
        return self.rng.uniform(size=expert_drives.shape) < self.beta


class Notes:
    def __init__(self, gate):
        self.gate, self.decisions = gate, []

    def reset(self, seed):
        if hasattr(self.gate, "reset"):
            self.gate.reset(seed)

    def __call__(self, *told):
        self.decisions.append(self.gate(*told))
        return self.decisions[-1]


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    steps = rollout(env, policy, horizon, int(rng.integers(2**20)), expert, Coins(beta))
    by_step = [expert(state) for state in steps.state]
    return Dataset.from_rollout(steps, np.stack(by_step))


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    notes = Notes(gate)
    steps = rollout(env, policy, horizon, seed, expert, notes)
    return Dataset.from_rollout(steps, expert(steps.state), np.array(notes.decisions))
