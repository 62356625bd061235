"""One training run: demonstrations, behaviour cloning or DAgger, evaluation on held-out roads.

    python -m scripts.train --task fork --head mixture --steps 6000
    python -m scripts.train --task fork --preset pi0
    python -m scripts.train --task lane --dagger 8
    python -m scripts.train --dataset my/demos-v0 --head gaussian

Writes policy.safetensors and result.json (options, seeds, losses, evaluation) into the folder `--out`. Interrupted, it
goes on where it stopped when called again.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import gymnasium as gym
import numpy as np
import torch
import tyro

import hw1.envs
from hw1 import demos
from hw1.bc import NonFiniteLoss, TrainConfig, fit
from hw1.dagger import dagger
from hw1.experts import LaneExpert, two_drivers
from hw1.policy import PRESETS, Actor, PolicyConfig
from hw1.rollout import rollout

TASKS = {"lane": "Lane", "lane-no-heading": "LaneNoHeading", "fork": "Fork"}


@dataclass(frozen=True)
class Options:
    """What to train, on what, and where to put it."""

    task: Literal["lane", "lane-no-heading", "fork"] = "fork"
    """Environment to drive in."""
    preset: Literal["", "openvla", "diffusion-policy", "groot", "pi0"] = ""
    """A system of the lecture, in small: other defaults for the policy's options."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The policy."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """The training."""
    seeds: int = 1
    """Learners trained side by side, each on its own demonstrations."""
    demonstrations: int = 100
    """Episodes for each learner."""
    noise: float = 0.1
    """Deviation of the human-like wobble of the drivers."""
    latency: int = 0
    """Steps of reaction time of the drivers."""
    dagger: int = 0
    """Rounds of DAgger after cloning (not on fork, whose drivers disagree)."""
    dataset: str = ""
    """A local Minari dataset to clone instead of collecting; any, of whatever environment, with --evaluations 0."""
    datasets: Path = Path("out/demos")
    """Folder with Minari datasets."""
    save_demos: str = ""
    """Store what was collected as the Minari dataset of this name, such as fork/both-v0."""
    evaluations: int = 50
    """Held-out episodes for each learner; 0 for none."""
    out: Path = Path("out/train")
    """Folder for the result."""


def parse(arguments: list[str]) -> Options:
    """The command line; a preset changes the defaults, so what is said explicitly still counts."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", choices=list(PRESETS))
    early.add_argument("--task", default=Options.task)
    known, _ = early.parse_known_args(arguments)
    policy = PRESETS.get(known.preset, PolicyConfig())
    if known.task.startswith("lane"):
        policy = replace(policy, observation_scale="none")  # pixels
    return tyro.cli(
        tyro.conf.OmitArgPrefixes[Options], args=arguments, description=__doc__, default=Options(policy=policy)
    )


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    options = None
    try:
        options = parse(arguments)
        run(options)
    except (demos.DatasetError, NonFiniteLoss, NotImplementedError, ValueError) as error:
        message = f"{error} is not done yet" if isinstance(error, NotImplementedError) else str(error)
        print(f"error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; the checkpoint is in {options.out}: run the same command to go on", file=sys.stderr)
        return 130
    return 0


def run(options: Options) -> None:
    name = TASKS[options.task]
    env = gym.make_vec(f"hw1/{name}-v0", num_envs=options.seeds * options.demonstrations)
    horizon = hw1.envs.HORIZON[name]
    seed = options.train.seed
    rng = np.random.default_rng([seed, 0])
    expert = two_drivers(env.num_envs, env.trees, rng) if options.task == "fork" else LaneExpert()

    if options.dataset:
        drives = options.evaluations or options.dagger
        data = demos.load(options.dataset, options.datasets, env=env if drives else None)
    else:
        data = demos.collect(
            env, expert, horizon, seed, noise=options.noise, latency=options.latency, learners=options.seeds
        )
    print(f"{len(data)} steps of {len(np.unique(data.episode))} demonstrations")
    if options.save_demos:
        print(f"stored in {demos.save(data, options.save_demos, options.datasets, seed=seed, env=env)}")

    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "checkpoint.safetensors"
    first = fit(data, options.policy, options.train, progress=True, checkpoint=checkpoint)
    actor = first.policy
    if options.dagger:
        actor = improve(options, expert, data, horizon, rng)
    result = {"options": asdict(options), "train_loss": first.train_loss.tolist()}
    result["validation_loss"] = first.validation_loss.tolist()
    print(f"last training loss {first.train_loss[-1].mean():.3f}")
    if options.evaluations:
        result["evaluation"] = evaluate(actor, name, horizon, options)
        print(", ".join(f"{key} {np.mean(value):.3f}" for key, value in result["evaluation"].items()))
    actor.save(options.out / "policy.safetensors")
    (options.out / "result.json").write_text(json.dumps(result, indent=2, default=str) + "\n", encoding="utf-8")
    checkpoint.unlink(missing_ok=True)
    print(f"see {options.out / 'result.json'}")


def improve(options: Options, expert, data: demos.Dataset, horizon: int, rng: np.random.Generator) -> Actor:
    """Rounds of DAgger with ten cars for each learner."""
    if options.task == "fork":
        raise ValueError("--dagger needs an expert that is one function of the state; fork has two drivers: use lane")
    env = gym.make_vec(f"hw1/{TASKS[options.task]}-v0", num_envs=10 * options.seeds)
    rounds = dagger(
        env,
        expert,
        lambda dataset: fit(dataset, options.policy, options.train, progress=True).policy,
        data,
        options.dagger,
        horizon,
        rng,
        learners=options.seeds,
    )
    return rounds[-1].policy


def evaluate(actor: Actor, name: str, horizon: int, options: Options) -> dict[str, list[float]]:
    """Mean over held-out episodes, for each learner."""
    env = gym.make_vec(f"hw1/{name}-v0", num_envs=options.seeds * options.evaluations)
    steps = rollout(env, actor, horizon, seed=1_000_000 + options.train.seed)
    by_learner = {"return": steps.reward.sum(axis=0)}
    if "success" in steps.info:
        by_learner["success"] = steps.info["success"]
    return {key: value.reshape(options.seeds, -1).mean(axis=1).tolist() for key, value in by_learner.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
