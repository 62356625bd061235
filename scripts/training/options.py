"""The command line of `python -m scripts.train`. The recipe of the task only changes the defaults."""

import argparse
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import tyro

from hw1.policy import HEADS, PRESETS, PolicyConfig
from hw1.tasks import TASKS, Recipe, Task
from hw1.training import TrainConfig
from scripts.training import worlds

GATES = ("beta", "human", "uncertainty")
NAMED = {"task": TASKS, "head": HEADS, "preset": PRESETS, "gate": GATES}
"""What the options with these names may be."""


@dataclass(frozen=True)
class Options:
    """What to train, on what, and where to put it."""

    task: Literal["", *TASKS] = "fork"
    """One of our own tasks: the environment, the demonstrators and the recipes."""
    env: str = ""
    """Instead of --task: any environment of Gymnasium, "ID", or "module:ID" where importing the module registers it."""
    expert: str = ""
    """Who demonstrates in --env: "module:function", called with info["state"], or else the observations, [N, S]."""
    horizon: int = 0
    """Time steps of an episode; 0 is the environment's own limit."""
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
    """Standard deviation of the drivers' human-like wobble; discrete actions have none; 0 by default in --env."""
    latency: int = 0
    """Reaction time of the drivers in time steps."""
    dagger: int = 0
    """Rounds of DAgger after cloning (not on fork, whose two drivers disagree)."""
    gate: Literal["", *GATES] = ""
    """Who drives in a round of DAgger: the policy, a coin (--beta), or the expert where it is needed (HG-DAgger)."""
    beta: float = 0.5
    """For --gate beta: in round i = 1, 2, ... the expert drives with probability beta^i. This is p^(i-1) of Ross et al.
    (2011, section 3.1), who count the demonstrations as iteration 1."""
    quantile: float = 0.95
    """For --gate uncertainty: the expert takes over where the doubt exceeds this quantile of the doubt on held-out
    demonstrations."""
    handback: float = 0.0
    """For --gate uncertainty: the expert keeps the wheel until the doubt is below this lower quantile; 0 for none."""
    stay: int = 0
    """For --gate human or uncertainty: time steps for which whoever drives keeps the wheel; 0 for none."""
    dataset: str = ""
    """A local Minari dataset to clone, instead of new demonstrations; its environment is used if it names one."""
    datasets: Path = Path("out/demos")
    """Folder with Minari datasets."""
    save_demos: str = ""
    """Store the demonstrations as the Minari dataset of this name, such as fork/both-v0."""
    evaluations: int = 50
    """Held-out episodes for each learner; 0 for none."""
    out: Path = Path("out/train")
    """Folder for the result."""


def parse(arguments: list[str], description: str) -> Options:
    """The command line. Explicit options always win over the recipe's. Raises ValueError, which names the option."""
    said = explicit(arguments)
    for name, known in NAMED.items():
        if said.get(name, "") not in ("", *known):
            raise ValueError(f"--{name} {said[name]}: there is no such {name}; choose one of {', '.join(known)}")
    place, recipe = defaults_for(said)
    defaults = Options(
        policy=_with(recipe.policy, said),
        train=_with(recipe.train, said),
        noise=0.0 if place.get("env") else Options.noise,
        **place,
    )
    options = tyro.cli(
        tyro.conf.OmitArgPrefixes[Options],
        args=arguments,
        prog="python -m scripts.train",
        description=description,
        default=defaults,
    )
    _refuse_idle(options, said)
    return options


def explicit(arguments: list[str]) -> dict[str, str]:
    """The options with one value on the command line, by the name of their field, as they were typed."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in (f.name for kind in (Options, PolicyConfig, TrainConfig) for f in fields(kind)):
        early.add_argument(f"--{name.replace('_', '-')}", f"--{name}", dest=name, nargs="?")
    known, _ = early.parse_known_args(arguments)
    return {name: value for name, value in vars(known).items() if value is not None}


def defaults_for(said: dict[str, str]) -> tuple[dict[str, str], Recipe]:
    """Where to drive, as options, and the recipe. Names that do not exist are left to the command line to report."""
    own, env, dataset = said.get("task"), said.get("env", ""), said.get("dataset", "")
    if own and env:
        raise ValueError(f"--env {env} and --task {own}: both say where to drive; give one of them")
    if said.get("expert") and not env and not dataset:
        raise ValueError(f"--expert {said['expert']} drives in an environment of yours; give --env too")
    head, preset = said.get("head"), said.get("preset")
    if own or not (env or dataset):
        task = TASKS.get(own, TASKS["fork"])
        return {"task": own if own in TASKS else "fork"}, recipe_for(task, preset, head)
    if env:
        return {"task": "", "env": env}, recipe_for(worlds.any_task(env, said.get("expert", "")), preset, head)
    return _defaults_for_dataset(said, preset, head)


def _defaults_for_dataset(said: dict[str, str], preset: str | None, head: str | None) -> tuple[dict[str, str], Recipe]:
    """The same, where a dataset names its environment."""
    env, discrete = worlds.stored_in(said["dataset"], Path(said.get("datasets", Options.datasets)))
    own = next((name for name, task in TASKS.items() if task.env_id == env), "")
    if own and not said.get("expert"):
        return {"task": own}, recipe_for(TASKS[own], preset, head)
    try:
        task = worlds.any_task(env, said.get("expert", "")) if env else None
    except ValueError:
        task = None  # cloning needs no environment
    if task is None:
        return {"task": ""}, recipe_for(Task("", None, worlds.plain_recipes(discrete)), preset, head)
    return {"task": "", "env": env}, recipe_for(task, preset, head)


def recipe_for(task: Task, preset: str | None, head: str | None) -> Recipe:
    """The recipe of a task for a head. A preset replaces the policy, and its head is trained by the task's recipe."""
    policy = PRESETS.get(preset)
    if head is None:
        head = policy.head if policy else next(iter(task.recipes))
    recipe = task.recipe(head) if head in HEADS else next(iter(task.recipes.values()))
    if policy is None:
        return recipe
    return replace(recipe, policy=replace(policy, observation_scale=task.observation_scale))


def _with(config: Any, said: dict[str, str]) -> Any:
    """A configuration with the explicit options, so that what it refuses is reported with the option's name.

    A chunk alone shortens what is carried out of it. What is no number is left to the command line to report.
    """
    kinds = {f.name: type(getattr(config, f.name)) for f in fields(config)}
    own = {name: said[name] for name, kind in kinds.items() if name in said and kind in (int, float, str)}
    try:
        values = {name: kinds[name](value) for name, value in own.items()}
    except ValueError:
        return config
    if "chunk" in values and "execute" not in values:
        values["execute"] = max(1, min(values["chunk"], config.execute))
    try:
        return replace(config, **values)
    except (ValueError, RuntimeError) as error:  # PyTorch raises RuntimeError for a device that it does not know
        named = [name for name in own if name in str(error)] or list(own)
        typed = ", ".join(f"--{name.replace('_', '-')} {own[name]}" for name in named)
        raise ValueError(f"{typed}: {error}") from error


def _refuse_idle(options: Options, said: dict[str, str]) -> None:
    """Refuse explicit options that would change nothing."""
    gates = {"beta": ("beta",), "quantile": ("uncertainty",), "handback": ("uncertainty",)}
    gates["stay"] = ("human", "uncertainty")
    for name, usable in gates.items():
        if name in said and options.gate not in usable:
            raise ValueError(f"--{name} {said[name]} changes nothing here; it goes with --gate {' or '.join(usable)}")
    if options.gate and not options.dagger:
        raise ValueError(f"--gate {options.gate} is for rounds of DAgger; give --dagger ROUNDS too, such as --dagger 4")
