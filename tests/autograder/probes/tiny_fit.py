"""Heads as the homework uses them: cloned from a few demonstrations by `hw1.bc.fit`, in chunks of actions."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder.probes.base import Arrays, Close, Homework, stand_in
from tests.autograder.probes.draws import global_stream
from tests.autograder.probes.tensors import float32

LEARNERS = 2
EPISODES = 3  # of each learner


def draw_demos(rng: np.random.Generator) -> Arrays:
    """Episodes of two learners, each near an observation of its own, from which the action follows."""
    obs_dim, action_dim, length = (int(x) for x in rng.permutation([2, 3, 5]))
    episodes = EPISODES * LEARNERS
    obs = 1.5 * rng.normal(size=(episodes, 1, obs_dim)) + 0.2 * rng.normal(size=(episodes, length, obs_dim))
    action = np.tanh(obs @ rng.normal(size=(obs_dim, action_dim)))
    return float32(
        obs=obs.reshape(-1, obs_dim),
        action=action.reshape(-1, action_dim),
        episode=np.repeat(np.arange(episodes), length),
        learner=np.repeat(np.arange(LEARNERS), EPISODES * length),
        chunk=rng.integers(2, 4),
        bins=rng.integers(4, 8),
        seed=rng.integers(2**31),
    )


@contextmanager
def heads_in_policies(hw1: Homework) -> Iterator[None]:
    """Policies have the student's heads, also where the homework under test is not the imported one."""
    before = hw1.policy.heads
    hw1.policy.heads = hw1.heads
    try:
        yield
    finally:
        hw1.policy.heads = before


def fitted(
    hw1: Homework,
    inputs: Arrays,
    steps: int = 8,
    batch_size: int = 8,
    learning_rate: float = 0.02,
    reload=False,
    **options,
) -> tuple[list[nn.Module], list[Tensor], list[Tensor]]:
    """Each learner's policy, with its features and scaled chunks of the learner's own samples.

    `steps`: gradient steps; `reload`: save and load the policies; `options`: those of the policy.
    """
    names = ("obs", "action", "episode", "learner")
    dataset = hw1.demos.Dataset(**{name: inputs[name] for name in names}, driver=np.zeros_like(inputs["episode"]))
    config = hw1.policy.PolicyConfig(hidden=(12,), chunk=int(inputs["chunk"]), history=2, **options)
    train = hw1.training.TrainConfig(steps, batch_size, learning_rate, seed=int(inputs["seed"]))
    # The fingerprint of a run reads the files of losses and heads, which may be missing or broken.
    without_files = stand_in(hw1, user="training", owner="checkpoint", fingerprint=lambda *given: "")
    with heads_in_policies(hw1), without_files:
        policies = [members[0] for members in hw1.bc.fit(dataset, config, train).policy.networks]
        if reload:
            policies = [saved(hw1, policy) for policy in policies]
    back, ahead = dataset.windows(config.history, config.chunk)
    features, actions = [], []
    for learner, policy in enumerate(policies):
        own = dataset.learner == learner
        action = torch.from_numpy(dataset.action[ahead[own]])
        with torch.no_grad():
            features.append(policy.features(torch.from_numpy(dataset.obs[back[own]])))
        actions.append(((action - policy.action_centre) / policy.action_width).flatten(1))
    return policies, features, actions


def saved(hw1: Homework, policy: nn.Module) -> nn.Module:
    """A new policy with the weights of `policy`, which has been used, as if it had been saved and loaded."""
    with torch.no_grad(), global_stream(0):
        with suppress(Exception):  # other probes tell what is wrong
            features = policy.features(torch.zeros(2, policy.config.history, policy.obs_dim))
            policy.head.sample(features)
            policy.head.mode(features)
        again = hw1.policy.PolicyNetwork(policy.config, policy.obs_dim, policy.action_dim)
    again.load_state_dict(policy.state_dict())
    return again


# --- training that draws noise ---------------------------------------------------------------------------------------
def pulling_mse(pred: Tensor, action: Tensor) -> Tensor:
    """In place of exercise 1.1: the same gradient by the prediction, but another value. So a loss that calls it trains
    like one that writes the squared error out."""
    apart = pred - action
    return (2 * apart.detach() * apart).sum() / len(pred)


def imitation(hw1: Homework, inputs: Arrays, head: str, **options) -> Arrays:
    """How well trained policies imitate, on average over the learners."""
    with stand_in(hw1, user="heads", owner="losses", mse_loss=pulling_mse):
        fits = fitted(hw1, inputs, steps=40, batch_size=32, learning_rate=0.03, head=head, **options)
    found = []
    with torch.no_grad():
        for policy, features, action in zip(*fits, strict=True):
            mode, size = policy.head.mode(features), (action**2).mean()
            drawn = policy.head.sample(features.repeat(SAMPLES, 1), torch.Generator().manual_seed(1))
            spread = drawn.reshape(SAMPLES, -1).std(dim=0).mean()
            found.append(torch.stack([((mode - action) ** 2).mean() / size, (mode * action).mean() / size, spread]))
    return dict(zip(IMITATION, torch.stack(found).mean(dim=0), strict=True))


SAMPLES = 50
# The draws of right answers may come in any order, so their policies differ a little. For 40 demonstrations with 4
# orders each the standard deviations of the three numbers were 0.014, 0.03 and 0.02. Right answers differ by more than
# this, at least 9 standard errors, in less than 1 of 10^8 grades, even where the order matters 1.6 times as much.
IMITATION = {
    "squared error of the trained mode, as a share of the actions' squares": Close(rtol=0, atol=0.2),
    "slope of the trained mode against the actions": Close(rtol=0, atol=0.4),
    "standard deviation of the trained samples": Close(rtol=0, atol=0.3),
}
