"""DAgger on Pendulum, against `imitation`'s SimpleDAggerTrainer."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial

import gymnasium as gym
import numpy as np

from hw1.bc import fit
from hw1.dagger import dagger
from hw1.demos import Dataset, collect
from hw1.policy import PolicyConfig
from hw1.rollout import Policy, rollout
from hw1.training import TrainConfig
from scripts.staff.bench.peers.pendulum_expert import pendulum_expert
from scripts.staff.bench.peers.process import Imitation, Unmeasured
from scripts.staff.bench.rows import Row
from scripts.staff.bench.timing import interleaved

ROUNDS, PENDULUMS, EPISODE = 10, 3, 200  # 10 x 3 x 200 = 6,000 steps of collecting, in both arms
UPDATES, LAST_UPDATES = 10, 400  # few in the rounds that only decide where to collect, many for the final policy
DAGGER_BATCH, DAGGER_RATE = 256, 2e-2  # 125,000 samples in all; imitation, with 4 epochs a round, sees 131,000
HELD_OUT_EPISODES, HELD_OUT_SEED = 100, 2**20
RUNS = 3  # measured runs of each arm, each with its own seed


class DaggerArm:
    """One way to run DAgger: what its runs cost, and the returns of the last policies on the held-out episodes."""

    def __init__(self, run: Callable[[int], tuple[float, Policy]]):
        """`run` maps a seed to the CPU seconds of a run and its last policy."""
        self.run = run
        self.returns: list[float] = []

    def __call__(self) -> float:
        seconds, policy = self.run(len(self.returns))
        self.returns.append(held_out_return(policy))
        return seconds

    @property
    def mean_return(self) -> float:
        return statistics.mean(self.returns[1:])  # the first run warms up, see `interleaved`


def measure_dagger() -> Iterator[Row]:
    """Ten rounds on Pendulum-v1, one run (seed) at a time, against imitation's SimpleDAggerTrainer."""
    average_updates = ((ROUNDS - 1) * UPDATES + LAST_UPDATES) // ROUNDS
    our_recipe = {"updates": average_updates, "batch_size": DAGGER_BATCH, "learning_rate": DAGGER_RATE}
    with Imitation() as peer:
        arms = {
            "ours": DaggerArm(run_dagger),
            "imitation": DaggerArm(partial(ask_dagger, peer)),
            "imitation with its evaluations": DaggerArm(partial(ask_dagger, peer, hidden_evaluation=True)),
            "imitation with our recipe": DaggerArm(partial(ask_dagger, peer, **our_recipe)),
        }
        costs = interleaved(RUNS, **arms)
    ratio = costs["imitation"] / costs["ours"]
    holds = ratio >= 8 and arms["ours"].mean_return >= arms["imitation"].mean_return
    what = "DAgger, 10 rounds on Pendulum, one run, against imitation's SimpleDAggerTrainer (2x64)"
    target = ">= 8x less, at an equal or better return"
    yield Row(what, costs["ours"], costs["imitation"], ratio, target, holds, "CPU s", dagger_note(costs, arms))


def dagger_note(costs: dict[str, float], arms: dict[str, DaggerArm]) -> str:
    """The returns, and what is needed to judge whether the comparison is fair."""

    def cost_and_return(name: str) -> str:
        return f"{costs[name]:.1f} CPU s and {arms[name].mean_return:.0f}"

    return (
        f"cost of a run and return of its last policy, mean over {RUNS} runs of {HELD_OUT_EPISODES} held-out episodes "
        f"(the expert: {held_out_return(pendulum_expert):.0f}): ours {cost_and_return('ours')}; "
        f"imitation {cost_and_return('imitation')} with its defaults (4 epochs of batch 32 in a round, 4,108 updates) "
        f"but without the evaluations for its log; with them {cost_and_return('imitation with its evaluations')}; "
        f"with our batch, learning rate and number of updates {cost_and_return('imitation with our recipe')}. "
        f"Ours: {ROUNDS - 1} fits of {UPDATES} updates and a last one of {LAST_UPDATES}, batch {DAGGER_BATCH}, a "
        "recipe tuned for this task; the peer runs its defaults, so the row compares whole methods, not single updates"
    )


def run_dagger(seed: int) -> tuple[float, Policy]:
    """CPU seconds and the last policy of one run of ours; the first round collects with the expert, as imitation's."""
    begin = time.process_time()
    env = gym.make_vec("Pendulum-v1", PENDULUMS)
    demos = collect(env, pendulum_expert, EPISODE, seed)
    size_at_last = ROUNDS * len(demos)

    def fit_round(dataset: Dataset) -> Policy:
        steps = LAST_UPDATES if len(dataset) == size_at_last else UPDATES
        train = TrainConfig(steps=steps, batch_size=DAGGER_BATCH, learning_rate=DAGGER_RATE, seed=seed)
        return fit(dataset, PolicyConfig(), train, deterministic=True).policy

    rng = np.random.default_rng(seed)
    history = dagger(env, pendulum_expert, fit_round, demos, ROUNDS - 1, EPISODE, rng, beta=experts_share)
    return time.process_time() - begin, history[-1].policy


def experts_share(i: int) -> float:
    """The expert's share in round i, imitation's default schedule."""
    return max(0.0, 1 - i / 15)


def ask_dagger(peer: Imitation, seed: int, **options) -> tuple[float, Policy]:
    """CPU seconds and the last policy of one run of imitation."""
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/weights.npz"
        answer = peer.ask("dagger", rounds=ROUNDS, envs=PENDULUMS, weights=weights, seed=seed, **options)
        if answer["rounds"] != ROUNDS:
            raise Unmeasured(f"imitation made {answer['rounds']} rounds of DAgger instead of {ROUNDS}.")
        return answer["cpu_seconds"], mean_action(weights)


def mean_action(path: str) -> Policy:
    """The deterministic policy with the layers that `imitation_peer.save_mean` wrote."""
    with np.load(path) as file:
        layers = [(file[f"weight{i}"], file[f"bias{i}"]) for i in range(len(file.files) // 2)]

    def act(obs: np.ndarray) -> np.ndarray:
        for weight, bias in layers[:-1]:
            obs = np.maximum(obs @ weight.T + bias, 0.0)
        weight, bias = layers[-1]
        return obs @ weight.T + bias

    return act


def held_out_return(policy: Policy) -> float:
    """Mean return over episodes whose starts were never trained on, the same for every policy; it acts by its mode."""
    env = gym.make_vec("Pendulum-v1", HELD_OUT_EPISODES)
    return float(rollout(env, policy, EPISODE, HELD_OUT_SEED).reward.sum(axis=0).mean())
