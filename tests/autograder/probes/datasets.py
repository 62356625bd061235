"""What the probes of part 4 share: datasets as arrays, and facts about a dataset that comes from a rollout.

Many rollouts are right, so a probe answers with the dataset, the seed, and the actions that the environment received.
The judge replays them in its own environment and compares facts, such as whether every label is the expert's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields

import numpy as np

from hw1.demos import Dataset
from tests.autograder.probes.base import Arrays, Close
from tests.autograder.probes.world import Replay

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


# --- several cases in one probe --------------------------------------------------------------------------------------
# The inputs and answers of a case have names such as "N = 1: seed". Facts about it end in " (N = 1)".
SEVERAL = "several"
"""The case in which all sizes are random and greater than 1. Its facts have no end."""


def drawn_each(rng: np.random.Generator, cases: Mapping[str, dict], draw: Callable[..., Arrays]) -> Arrays:
    """draw(rng, **options) of each case."""
    return _joined({case: draw(rng, **options) for case, options in cases.items()})


def run_each(inputs: Arrays, cases: Iterable[str], run: Callable[[str, Arrays], dict]) -> dict:
    """run(case, inputs) of each case."""
    return _joined({case: run(case, without_prefix(f"{case}: ", inputs)) for case in cases})


def facts_each(cases: Iterable[str], facts: Callable[[Arrays, Arrays], dict], inputs: Arrays, answer: Arrays) -> Arrays:
    """facts(inputs, answer) of each case."""
    found = {}
    for case in cases:
        end = "" if case == SEVERAL else f" ({case})"
        own = facts(*(without_prefix(f"{case}: ", arrays) for arrays in (inputs, answer)))
        found |= {name + end: value for name, value in own.items()}
    return as_arrays(found)


def _joined(parts: dict[str, dict]) -> dict:
    return {name: array for case, own in parts.items() for name, array in prefixed(f"{case}: ", own).items()}


# --- facts -----------------------------------------------------------------------------------------------------------
class Samples:
    """A dataset that should come from a replayed rollout. Raises ValueError if its arrays have wrong shapes.

    found `[M]` bool: whether the observation was seen in the rollout; step, env: where, for those that were found.
    """

    def __init__(self, replay: Replay, data: Arrays):
        self.replay = replay
        steps, envs, width = replay.obs.shape
        obs = data["obs"]
        if obs.shape[1:] == (width - 1,):
            raise ValueError(f"the dataset's obs have {width - 1} numbers, like a privileged state: keep observations")
        _check("obs", obs, (len(obs), width))
        _check("action", data["action"], (len(obs), *replay.action.shape[2:]))
        if len(obs) > 4 * steps * envs:
            raise ValueError(f"the dataset holds {len(obs)} samples, but only {steps * envs} states were visited")
        visited = np.concatenate([replay.obs, replay.next_obs[-1:]])  # (T + 1, N, O)
        number = np.nan_to_num(obs[:, -2:], nan=0.0, posinf=0.0, neginf=0.0)
        env, step = number.clip(0, [envs - 1, steps]).astype(int).T
        seen = np.isclose(obs, visited[step, env], atol=1e-4).all(axis=1)
        times = np.zeros((steps + 1, envs), dtype=int)
        np.add.at(times, (step[seen], env[seen]), 1)
        self.times, self.times_after = times[:-1], times[1:]
        """`[T, N]`, how often the dataset holds the observation of each step, and the one after it."""
        self.all_seen, self.found = seen.all(), seen & (step < steps)
        self.step, self.env, self.label = step[self.found], env[self.found], data["action"][self.found]

    def hold(self, wanted: np.ndarray) -> bool:
        """Whether the dataset holds the states `wanted [T, N]`, once each, and no others."""
        return bool(self.found.all() and (self.times == wanted).all())

    def hold_next(self, wanted: np.ndarray) -> bool:
        """Whether it holds the observations one step after those."""
        return bool(self.all_seen and self.times_after.sum() == len(self.found) and (self.times_after == wanted).all())

    def labelled(self, actions: np.ndarray) -> bool:
        """Whether every label is the action of its state in `actions [T, N, ...]`."""
        return bool(len(self.label) and self.replay.equal(self.label, actions[self.step, self.env]).all())

    def labels(self) -> dict:
        """Facts: are the labels the expert's? If not, whose are they?"""
        replay, expert = self.replay, self.replay.expert
        wanted = expert(replay.state)
        right = self.labelled(wanted)
        others = {
            "every label is the action that was carried out": replay.action,
            "every label is the policy's action": replay.policy(replay.obs),
            "the expert was asked about the observation": expert(replay.obs),
            "the expert was asked about the next observation": expert(replay.next_obs),
            "the expert was asked about the next state": expert(replay.next_state),
        }
        for name, actions in (("the expert's action", wanted), ("the action that was carried out", replay.action)):
            others[f"every label is {name} one step earlier"] = np.concatenate([actions[:1], actions[:-1]])
            others[f"every label is {name} one step later"] = np.concatenate([actions[1:], actions[-1:]])
        wrong = {name: not right and self.labelled(actions) for name, actions in others.items()}
        mixed = np.sort(self.label, axis=0), np.sort(wanted[self.step, self.env], axis=0)
        wrong["the labels are the expert's, but not those of their states"] = bool(
            not right and len(self.label) and np.allclose(*mixed, atol=1e-4)
        )
        return {"every label is the expert's action in that state": right} | wrong


def _check(name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    if values.shape != shape or values.dtype.kind not in "fi":
        raise ValueError(f"the dataset's {name} has dtype {values.dtype} and shape {values.shape}, expected {shape}")


def owner_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Learners, episodes, drivers and dtypes of a dataset from a rollout."""
    samples = Samples(Replay(inputs, answer), answer)
    learner = answer["learner"][samples.found]
    dtypes = {name: answer[name][:0] for name in FIELDS}  # dtypes and shapes, without the rows
    return dtypes | as_arrays(
        {
            "learner of each environment, -1 if its samples differ or it has none": [
                _the_one(learner[samples.env == n]) for n in range(len(inputs["lives"]))
            ],
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
