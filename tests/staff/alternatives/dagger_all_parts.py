"""The loop keeps a list of everything collected and joins it again in each round."""

from functools import reduce


def dagger(env, expert, fit, demos, rounds, horizon, rng, beta=lambda i: 0.0, collect=None):
    if collect is None:
        collect = rollout_and_relabel
    parts, history, i = [demos], [], 0
    while True:
        dataset = reduce(aggregate, parts)
        policy = fit(dataset)
        history.append(Round(dataset, policy))
        i += 1
        if i > rounds:
            return tuple(history)
        parts.append(collect(env, policy, expert, horizon, beta(i), rng))
