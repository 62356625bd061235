"""One training run: demonstrations, behaviour cloning or DAgger, evaluation on held-out roads.

    python -m scripts.train --task fork --head mixture
    python -m scripts.train --task fork --preset pi0
    python -m scripts.train --task lane --dagger 8
    python -m scripts.train --dataset my/demos-v0 --head gaussian

The defaults of the policy's and the training's options are the recipe of the task for the head (hw1/tasks.py), which
is also that of the figures. Writes policy.safetensors and result.json (options, seeds, losses, evaluation) into the
folder `--out`. If cloning is interrupted, the same command continues it; rounds of DAgger start again.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from hw1 import demos
from hw1.bc import fit
from hw1.dagger import dagger
from hw1.learners import by_learner
from hw1.policy import PRESETS, Actor, PolicyConfig
from hw1.rollout import Expert, rollout
from hw1.tasks import TASKS, Recipe
from hw1.training import NonFiniteLoss, TrainConfig

ROLLOUTS = 10  # episodes that a round of DAgger collects for each learner


@dataclass(frozen=True)
class Options:
    """What to train, on what, and where to put it."""

    task: Literal[*TASKS] = "fork"
    """What to drive: the environment, the demonstrators and the recipes."""
    preset: Literal["", *PRESETS] = ""
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
    """Standard deviation of the drivers' human-like wobble; discrete actions have none."""
    latency: int = 0
    """Reaction time of the drivers in time steps."""
    dagger: int = 0
    """Rounds of DAgger after cloning (not on fork, whose two drivers disagree)."""
    dataset: str = ""
    """A local Minari dataset to clone, instead of new demonstrations; from any environment with --evaluations 0."""
    datasets: Path = Path("out/demos")
    """Folder with Minari datasets."""
    save_demos: str = ""
    """Store the demonstrations as the Minari dataset of this name, such as fork/both-v0."""
    evaluations: int = 50
    """Held-out episodes for each learner; 0 for none."""
    out: Path = Path("out/train")
    """Folder for the result."""


def parse(arguments: list[str]) -> Options:
    """The command line. The recipe only changes the defaults: explicit options always win."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in ("task", "preset", "head"):
        early.add_argument(f"--{option}")
    known, _ = early.parse_known_args(arguments)
    recipe = recipe_for(known.task, known.preset, known.head)
    defaults = Options(policy=recipe.policy, train=recipe.train)
    return tyro.cli(
        tyro.conf.OmitArgPrefixes[Options],
        args=arguments,
        prog="python -m scripts.train",
        description=__doc__,
        default=defaults,
    )


def recipe_for(task: str | None, preset: str | None, head: str | None) -> Recipe:
    """The recipe of a task for a head. A preset replaces the policy, and its head is trained by the task's recipe.

    Names that do not exist are left to the command line to report.
    """
    chosen = TASKS.get(task, TASKS[Options.task])
    policy = PRESETS.get(preset)
    if head is None:
        head = policy.head if policy else next(iter(chosen.recipes))
    recipe = chosen.recipe(head)
    if policy is None:
        return recipe
    return replace(recipe, policy=replace(policy, observation_scale=chosen.observation_scale))


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
        kept = options is not None and (path := checkpoint_of(options)).exists()
        print(f"interrupted{f'; run the same command to continue from {path}' if kept else ''}", file=sys.stderr)
        return 130
    return 0


def checkpoint_of(options: Options) -> Path:
    """Where cloning is saved until the run ends."""
    return options.out / "checkpoint.safetensors"


def run(options: Options) -> None:
    task, learners = TASKS[options.task], options.seeds
    if options.dagger and not task.one_expert:
        usable = ", ".join(name for name, other in TASKS.items() if other.one_expert)
        raise ValueError(
            f"--dagger needs one answer for every state, but the demonstrators of {options.task} disagree; "
            f"choose another --task: {usable}"
        )
    env = task.env(learners * options.demonstrations, learners=learners)
    rng = np.random.default_rng([options.train.seed, 0])
    expert = task.expert(env, rng)
    data = demonstrations(options, env, expert)

    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = checkpoint_of(options)
    first = fit(data, options.policy, options.train, progress=True, checkpoint=checkpoint)
    actor = improve(options, expert, data, rng) if options.dagger else first.policy
    result = {"options": asdict(options), "train_loss": first.train_loss.tolist()}
    result["validation_loss"] = first.validation_loss.tolist()
    print(f"last training loss {first.train_loss[-1].mean():.3f}")
    if options.evaluations:
        result["evaluation"] = evaluate(actor, options)
        print(", ".join(f"{key} {np.mean(value):.3f}" for key, value in result["evaluation"].items()))
    actor.save(options.out / "policy.safetensors")
    (options.out / "result.json").write_text(json.dumps(result, indent=2, default=str) + "\n", encoding="utf-8")
    checkpoint.unlink(missing_ok=True)
    print(f"see {options.out / 'result.json'}")


def demonstrations(options: Options, env: VectorEnv, expert: Expert) -> demos.Dataset:
    """A stored dataset, or new demonstrations, which are stored on request."""
    seed = options.train.seed
    if options.dataset:
        drives = options.evaluations or options.dagger
        data = demos.load(options.dataset, options.datasets, env=env if drives else None)
    else:
        noise = options.noise if isinstance(env.single_action_space, spaces.Box) else 0.0
        horizon = TASKS[options.task].horizon
        data = demos.collect(env, expert, horizon, seed, noise=noise, latency=options.latency)
    print(f"{len(data)} steps of {len(np.unique(data.episode))} demonstrations")
    if options.save_demos:
        print(f"stored in {demos.save(data, options.save_demos, options.datasets, seed=seed, env=env)}")
    return data


def improve(options: Options, expert: Expert, data: demos.Dataset, rng: np.random.Generator) -> Actor:
    """The last policy after rounds of DAgger."""
    task, learners = TASKS[options.task], options.seeds
    rounds = dagger(
        task.env(ROLLOUTS * learners, learners=learners),
        expert,
        lambda dataset: fit(dataset, options.policy, options.train, progress=True).policy,
        data,
        options.dagger,
        task.horizon,
        rng,
    )
    return rounds[-1].policy


def evaluate(actor: Actor, options: Options) -> dict[str, list[float]]:
    """Means over held-out episodes, for each learner."""
    task, learners = TASKS[options.task], options.seeds
    env = task.env(learners * options.evaluations, learners=learners)
    drives = rollout(env, actor, task.horizon, seed=1_000_000 + options.train.seed)
    measured = {"return": drives.reward.sum(axis=0)}
    if "success" in drives.info:
        measured["success"] = drives.info["success"]
    return {key: by_learner(value, learners).mean(axis=1).tolist() for key, value in measured.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
