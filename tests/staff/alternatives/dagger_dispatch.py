"""A table of ways to collect; coins from the waiting times between heads; interventions cut out with itertools."""

from itertools import accumulate, groupby


def dagger(env, expert, fit, demos, rounds, horizon, rng, beta=lambda i: 0.0, collect=None):
    way = COLLECT.get(collect, collect)

    def advance(last, i):
        dataset = aggregate(last.dataset, way(env, last.policy, expert, horizon, beta(i), rng))
        return Round(dataset, fit(dataset))

    return list(accumulate(range(1, rounds + 1), advance, initial=Round(demos, fit(demos))))


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    coins, next_head = np.zeros(horizon * env.num_envs, dtype=bool), -1
    while beta > 0 and (next_head := next_head + int(rng.geometric(beta))) < len(coins):
        coins[next_head] = True
    table = iter(coins.reshape(horizon, env.num_envs))
    seed = int.from_bytes(rng.bytes(4), "little") // 2
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=lambda *seen: next(table))
    return Dataset.from_rollout(steps, expert(steps.state))


COLLECT = {None: rollout_and_relabel, "coins": rollout_and_relabel}


def intervention_rollout(env, policy, expert, gate, horizon, seed=0):
    steps = rollout(env, policy, horizon, seed, expert=expert, gate=gate)
    rows, number = [], 0
    for n, column in enumerate((steps.expert_drove & steps.running).T.tolist()):
        for drove, stretch in groupby(range(horizon), key=column.__getitem__):
            rows += [(t, n, number) for t in stretch if drove]
            number += drove
    step, place, episode = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Dataset(steps.obs[step, place], steps.action[step, place], episode, steps.learner[place], 0 * place)
