"""What the probes of part 4 share: datasets as arrays, and facts about a dataset that comes from a rollout.

Many rollouts are right, so a probe answers with the dataset, the seed, and the actions that the environment received.
The judge replays them in its own environment and compares facts, such as whether every label is the expert's.
"""

from dataclasses import fields

import numpy as np

from hw1.demos import Dataset
from tests.autograder.probes.base import Arrays, Close
from tests.autograder.probes.world import Replay, equal

FIELDS = [field.name for field in fields(Dataset)]
DTYPES = {name: Close(dtype=True) for name in FIELDS}


# --- arrays by name --------------------------------------------------------------------------------------------------
def contents(data: Dataset, prefix: str = "") -> dict:
    return {prefix + field: np.array(getattr(data, field)) for field in FIELDS}


def prefixed(prefix: str, arrays: dict) -> dict:
    return {prefix + name: array for name, array in arrays.items()}


def without_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Those whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def as_arrays(facts: dict) -> Arrays:
    return {name: np.asarray(value) for name, value in facts.items()}


# --- facts -----------------------------------------------------------------------------------------------------------
class Samples:
    """A dataset that should come from a replayed rollout. Raises ValueError if its arrays have wrong shapes.

    found `[M]` bool: whether the observation was seen in the rollout; step, env: where, for those that were found.
    """

    def __init__(self, replay: Replay, data: Arrays):
        self.replay, self.label = replay, data["action"]
        obs, seen = data["obs"], replay.obs.reshape(-1, 2)
        for name, values in (("obs", obs), ("action", self.label)):
            if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind != "f":
                raise ValueError(f"the dataset's {name} has dtype {values.dtype} and shape {values.shape}")
        if len(obs) > 4 * len(seen):
            raise ValueError(f"the dataset holds {len(obs)} samples, but only {len(seen)} states were visited")
        same = equal(obs[:, None], seen)  # (M, T N); after a termination all states are the same: the first one counts
        self.found = same.any(axis=1)
        self.step, self.env = np.divmod(same.argmax(axis=1)[self.found], replay.obs.shape[1])
        self.label = self.label[self.found]
        self.times = np.zeros(replay.running.shape, dtype=int)
        """`[T, N]`, how often each state is in the dataset."""
        np.add.at(self.times, (self.step, self.env), 1)

    def hold(self, wanted: np.ndarray) -> bool:
        """Whether the dataset holds the states `wanted [T, N]`, once each, and no others."""
        return bool(self.found.all() and (self.times == wanted).all())

    def labelled(self, actions: np.ndarray) -> bool:
        """Whether every label is the action of its state in `actions [T, N, 2]`."""
        return bool(len(self.label) and equal(self.label, actions[self.step, self.env]).all())

    def labels(self) -> dict:
        """Facts: are the labels the expert's? If not, whose are they?"""
        replay, expert = self.replay, self.replay.expert
        right = self.labelled(expert(replay.state))
        others = {
            "every label is the action that was carried out": replay.action,
            "every label is the policy's action": replay.policy(replay.obs),
            "the expert was asked about the observation": expert(replay.obs),
            "the expert was asked about the next state": expert(replay.next_state),
        }
        wrong = {name: not right and self.labelled(actions) for name, actions in others.items()}
        return {"every label is the expert's action in that state": right} | wrong


def owner_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Learners, episodes, drivers and dtypes of a dataset from a rollout of 6 environments."""
    replay = Replay(inputs, answer, num_envs=6)
    samples = Samples(replay, answer)
    learner = answer["learner"][samples.found]
    dtypes = {name: answer[name][:0] for name in FIELDS}  # dtypes and shapes, without the rows
    return dtypes | as_arrays(
        {
            "learner of each environment": [_the_one(learner[samples.env == n]) for n in range(6)],
            **_episode_facts(samples, answer["episode"]),
            "driver": _the_one(answer["driver"]),
        }
    )


def _the_one(values: np.ndarray) -> int:
    """The value that all have; -1 if they differ or there is none."""
    return int(values[0]) if len(values) and (values == values[0]).all() else -1


def _episode_facts(samples: Samples, episode: np.ndarray) -> dict:
    """The number of episodes, and whether the samples of each are consecutive steps of one environment."""
    episode = episode[samples.found]
    new = episode[1:] != episode[:-1]
    next_step = (np.diff(samples.step) == 1) & (np.diff(samples.env) == 0)
    runs = 1 + new.sum() if len(episode) else 0
    return {
        "episodes": len(np.unique(episode)),
        "episodes are unbroken": bool(runs == len(np.unique(episode)) and (new | next_step).all()),
        "an episode is cut where the rollout goes on": bool((new & next_step).any()),
    }
