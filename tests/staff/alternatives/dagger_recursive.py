"""The loop as a recursion, with a generator for each round; a union by a large shift."""

from dataclasses import asdict, replace


def aggregate(dataset, new):
    old, fresh = asdict(dataset), asdict(new)
    fresh["episode"] = fresh["episode"] + (1 + old["episode"].max(initial=0)) * 1000
    return Dataset(**{name: np.append(old[name], fresh[name], axis=0) for name in old})


def dagger(env, expert, fit, demos, rounds, horizon, rng, beta=lambda i: 0.0, collect=None):
    if rounds == 0:
        return [Round(demos, fit(replace(demos)))]
    way = rollout_and_relabel if collect is None else collect
    before = dagger(env, expert, fit, demos, rounds - 1, horizon, rng, beta, collect)
    (own,) = rng.spawn(1)
    new = way(env, before[-1].policy, expert, horizon, beta(rounds), own)
    union = aggregate(before[-1].dataset, new)
    return [*before, Round(policy=fit(union), dataset=union)]
