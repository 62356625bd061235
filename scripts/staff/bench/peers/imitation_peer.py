"""`imitation` 1.0.1 as the other arm of the benchmark; runs in its own virtual environment (requirements-bench.txt).

Reads one job from each line of standard input and answers with one line of JSON, which includes the CPU seconds of the
job. In this way the two arms take turns, and the peer's slow imports happen once and are not measured.

    {"job": "bc", "steps": 600, "batch_size": 64, "obs_dim": 128, "action_dim": 1, "samples": 2000, "seed": 0}
    {"job": "dagger", "rounds": 10, "envs": 3, "weights": "file.npz", "seed": 0}
"""

import json
import sys
import tempfile
import time

import gymnasium as gym
import numpy as np
import torch
from imitation.algorithms.bc import BC
from imitation.algorithms.dagger import SimpleDAggerTrainer
from imitation.data.types import Transitions
from imitation.policies.base import NonTrainablePolicy
from imitation.util.logger import configure
from pendulum_expert import pendulum_expert
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv

EPISODE = 200  # steps of Pendulum-v1


def new_bc(observation_space, action_space, seed: int, folder: str, **options) -> BC:
    """BC with a policy network of 2x64 ReLU, logging nothing.

    Stable Baselines3 has no policy without a value function. With `vf=[]` it is one linear unit on the observation.
    """
    torch.manual_seed(seed)
    policy = ActorCriticPolicy(
        observation_space,
        action_space,
        lr_schedule=lambda _: 1e-3,
        net_arch={"pi": [64, 64], "vf": []},
        activation_fn=torch.nn.ReLU,
    )
    return BC(
        observation_space=observation_space,
        action_space=action_space,
        rng=np.random.default_rng(seed),
        policy=policy,
        custom_logger=configure(folder, format_strs=[]),
        device="cpu",
        **options,
    )


def run_bc(folder: str, *, steps: int, batch_size: int, obs_dim: int, action_dim: int, samples: int, seed: int) -> dict:
    """Clone random data: the cost of a gradient step does not depend on what is learned."""
    rng = np.random.default_rng(seed)
    obs = rng.random((samples, obs_dim), dtype=np.float32)
    data = Transitions(
        obs=obs,
        acts=rng.uniform(-1, 1, (samples, action_dim)).astype(np.float32),
        infos=np.array([{}] * samples),
        next_obs=obs,
        dones=np.zeros(samples, dtype=bool),
    )
    spaces = gym.spaces.Box(0, 1, (obs_dim,), np.float32), gym.spaces.Box(-1, 1, (action_dim,), np.float32)
    begin = time.process_time()
    new_bc(*spaces, seed, folder, demonstrations=data, batch_size=batch_size).train(n_batches=steps, progress_bar=False)
    return {"cpu_seconds": time.process_time() - begin}


class Expert(NonTrainablePolicy):
    """The scripted expert as a policy of Stable Baselines3 that labels the whole batch at once."""

    def _predict(self, obs, deterministic=False):
        return torch.from_numpy(pendulum_expert(obs.numpy()))

    def _choose_action(self, obs):
        return pendulum_expert(obs)


def run_dagger(
    folder: str,
    *,
    rounds: int,
    envs: int,
    weights: str,
    seed: int,
    hidden_evaluation: bool = False,
    updates: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
) -> dict:
    """`SimpleDAggerTrainer`, one episode in each of `envs` environments in a round; the policy goes to `weights`.

    Args:
        hidden_evaluation: evaluate five episodes in each round for the log, which is the default of imitation.
        updates: gradient steps in a round; the default, 4 epochs, if None.
    """
    begin = time.process_time()
    venv = DummyVecEnv([lambda: gym.make("Pendulum-v1")] * envs)
    venv.seed(seed)
    spaces = venv.observation_space, venv.action_space
    bc = new_bc(*spaces, seed, folder, batch_size=batch_size, optimizer_kwargs={"lr": learning_rate})
    trainer = SimpleDAggerTrainer(
        venv=venv, scratch_dir=folder, expert_policy=Expert(*spaces), rng=np.random.default_rng(seed), bc_trainer=bc
    )
    made = []
    options = {"progress_bar": False, "on_batch_end": lambda: made.append(1)}
    options |= {} if updates is None else {"n_batches": updates}
    options |= {} if hidden_evaluation else {"log_rollouts_venv": None}
    trainer.train(
        rounds * envs * EPISODE,
        rollout_round_min_episodes=envs,
        rollout_round_min_timesteps=envs * EPISODE,
        bc_train_kwargs=options,
    )
    seconds = time.process_time() - begin
    save_mean(bc.policy, weights)
    return {"cpu_seconds": seconds, "updates": len(made), "rounds": trainer.round_num}


def save_mean(policy: ActorCriticPolicy, path: str) -> None:
    """The layers of the mean action, in order, as arrays: the benchmark evaluates both arms by the same code."""
    layers = [m for m in policy.mlp_extractor.policy_net if isinstance(m, torch.nn.Linear)] + [policy.action_net]
    weights = {f"weight{i}": layer.weight.detach().numpy() for i, layer in enumerate(layers)}
    biases = {f"bias{i}": layer.bias.detach().numpy() for i, layer in enumerate(layers)}
    np.savez(path, **weights, **biases)


def main() -> None:
    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # what the libraries print must not mix with the answers
    jobs = {"bc": run_bc, "dagger": run_dagger}
    for line in sys.stdin:
        options = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            answer = jobs[options.pop("job")](folder, **options)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
