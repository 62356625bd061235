"""A union by torch and by lists, with renumbered new episodes; the loop builds its unions itself."""

import torch


def _renumbered(old, new):
    number, result = max(old.tolist(), default=-1), old.tolist()
    last = None
    for episode in new.tolist():
        number += episode != last
        last = episode
        result.append(number)
    return np.array(result, dtype=np.int64)


def _union(a, b):
    return torch.cat([torch.from_numpy(a), torch.from_numpy(b)]).numpy()


def aggregate(dataset, new):
    return Dataset(
        obs=_union(dataset.obs, new.obs),
        action=_union(dataset.action, new.action),
        episode=_renumbered(dataset.episode, new.episode),
        learner=np.r_[dataset.learner, new.learner].astype(np.int64),
        driver=np.hstack((dataset.driver, new.driver)).astype(np.int64),
    )


def dagger(env, expert, fit, demos, rounds, horizon, rng, beta=lambda i: 0.0, collect=None):
    collect = collect or rollout_and_relabel
    dataset, policy = demos, fit(demos)
    result = [Round(dataset=dataset, policy=policy)]
    for i in range(rounds):
        more = collect(env, policy, expert, horizon, beta(i + 1), rng)
        dataset = Dataset(
            obs=np.concatenate((dataset.obs, more.obs)),
            action=np.concatenate((dataset.action, more.action)),
            episode=np.concatenate((dataset.episode, more.episode + 10_000 * (i + 1))),
            learner=np.concatenate((dataset.learner, more.learner)),
            driver=np.concatenate((dataset.driver, more.driver)),
        )
        policy = fit(dataset)
        result.append(Round(dataset=dataset, policy=policy))
    return result
