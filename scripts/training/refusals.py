"""What cannot work is refused before anything is computed: a ValueError has the option, its value and the remedy."""

import math

from gymnasium import spaces

from hw1 import exercises
from hw1.envs import Lane
from hw1.policy import DISCRETE, HEADS
from hw1.storage import OURS, check_name
from hw1.tasks import TASKS, Task
from scripts.command import require_folder
from scripts.training import worlds
from scripts.training.options import Options

# The smallest value of each number, and what the number means.
LEAST = {
    "seeds": (1, "learners"),
    "demonstrations": (1, "episodes"),
    "evaluations": (0, "episodes, 0 for none"),
    "dagger": (0, "rounds, 0 for none"),
    "horizon": (0, "time steps, 0 for the environment's limit"),
    "latency": (0, "time steps, 0 for none"),
    "stay": (0, "time steps, 0 for none"),
}
NEEDED = {"": ("4.1", "4.2", "4.3"), "human": ("4.2", "4.3", "4.4"), "uncertainty": ("4.2", "4.3", "4.4", "E.4")}
"""The exercises that DAgger needs, by the gate."""


def check(options: Options, task: Task | None) -> None:
    """All that the options, the task and the exercises tell; `task` is None if data is cloned without environment."""
    _check_numbers(options)
    _check_sources(options, task)
    if task is not None:
        _check_head(options, task)
        _check_horizon(options, task)
    if options.dagger:
        _check_dagger(options, task)
    if not options.dataset:
        check_validation(options, options.demonstrations)
    require_folder("--out", options.out)
    require_folder("--datasets", options.datasets)


def _check_numbers(options: Options) -> None:
    for name, (least, unit) in LEAST.items():
        if getattr(options, name) < least:
            raise ValueError(f"--{name} {getattr(options, name)}: must be at least {least} ({unit})")
    if options.train.seed < 0:
        raise ValueError(f"--seed {options.train.seed}: must be at least 0, such as 0, 1 or 2")
    if not 0 <= options.noise < math.inf:  # also refuses nan
        raise ValueError(f"--noise {options.noise}: must be a finite number of at least 0, such as 0.1")
    if not 0 <= options.beta <= 1:
        raise ValueError(f"--beta {options.beta}: a probability must lie between 0 and 1, such as 0.5")
    if not 0 < options.quantile < 1:
        raise ValueError(f"--quantile {options.quantile}: must lie between 0 and 1, such as 0.95")
    if not 0 <= options.handback < options.quantile:
        raise ValueError(
            f"--handback {options.handback}: must be below --quantile {options.quantile}, such as 0.5, or 0 for none"
        )


def _check_sources(options: Options, task: Task | None) -> None:
    """Where the demonstrations come from and go to."""
    if options.save_demos and options.dataset:
        raise ValueError(
            f"--save-demos {options.save_demos}: nothing is collected with --dataset {options.dataset}; give one"
        )
    for option, name in (("dataset", options.dataset), ("save-demos", options.save_demos)):
        try:
            if name:
                check_name(name, options.datasets)
        except ValueError as error:
            raise ValueError(f"--{option} {name}: {error}") from error
    if options.save_demos and worlds.collector_of(options.save_demos, options.datasets) not in ("", *OURS):
        raise ValueError(
            f"--save-demos {options.save_demos}: {options.datasets} has a dataset of this name, which "
            "this command did not collect and would replace; choose another name"
        )
    if options.dataset and not (options.datasets / options.dataset).is_dir():
        raise ValueError(
            f"--dataset {options.dataset}: not found in {options.datasets}; name another folder with --datasets, "
            f"or collect it with `python -m scripts.train --save-demos {options.dataset}`"
        )
    if options.env and not options.dataset and not options.expert:
        raise ValueError(f"--env {options.env} needs demonstrations: give --expert module:function, or --dataset NAME")
    if task is None and (options.evaluations or options.dagger):
        drives = f"--dagger {options.dagger}" if options.dagger else f"--evaluations {options.evaluations}"
        raise ValueError(
            f"{drives}: the dataset {options.dataset} names no environment that can be made here; give --env ID, "
            "or clone it alone, with --evaluations 0"
        )


def _check_head(options: Options, task: Task) -> None:
    space, head = action_space(task), options.policy.head
    discrete = isinstance(space, spaces.Discrete)
    if discrete == options.policy.discrete:
        return
    typed = f"--preset {options.preset}: its head is {head}, and --head {head}" if options.preset else f"--head {head}"
    usable = ", ".join(name for name in HEADS if (name in DISCRETE) == discrete)
    raise ValueError(f"{typed} does not fit the actions {space} of {task.env_id}; choose another --head: {usable}")


def action_space(task: Task) -> spaces.Space:
    """The actions of one environment."""
    env = task.env(1)
    try:
        return env.single_action_space
    finally:
        env.close()


def _check_horizon(options: Options, task: Task) -> None:
    limit, drives = task.horizon, options.evaluations or options.dagger or not options.dataset
    if limit is None and not options.horizon and drives:
        raise ValueError(f"--env {options.env} has no limit of time steps; give --horizon STEPS, such as --horizon 200")
    if limit is not None and options.horizon > limit:
        raise ValueError(
            f"--horizon {options.horizon}: episodes of {task.env_id} end after {limit} time steps; give at most {limit}"
        )


def _check_dagger(options: Options, task: Task | None) -> None:
    typed = f"--dagger {options.dagger}"
    if task is None or (options.env and not options.expert and task.env_id not in _own()):
        raise ValueError(f"{typed} asks an expert in the states that the policy visits; give --expert module:function")
    if not task.one_expert:
        usable = ", ".join(name for name, other in TASKS.items() if other.one_expert)
        raise ValueError(
            f"{typed} needs one answer for every state, but the demonstrators of {options.task or options.env} "
            f"disagree; choose another --task: {usable}"
        )
    _check_gate(options, task)
    # Read in the files, so that all of them are named at once.
    ids = NEEDED.get(options.gate, NEEDED[""])
    todo = [id for id in ids if exercises.stub(id) in _source(exercises.load()[id].file)]
    if todo:
        where = exercises.load()[todo[0]].file
        raise ValueError(
            f"{typed} needs the exercises {', '.join(ids)}: TODO {', '.join(todo)} is not done yet; solve it in {where}"
        )


def _own() -> dict[str, str]:
    """Our own environments, with a task for each."""
    return {task.env_id: name for name, task in TASKS.items()}


def _source(file: str) -> str:
    return (exercises.ROOT / file).read_text(encoding="utf-8")


def _check_gate(options: Options, task: Task) -> None:
    typed = f"--gate {options.gate}"
    if options.gate == "human" and not _is_lane(task):
        usable = [name for name, other in TASKS.items() if _is_lane(other)]
        raise ValueError(
            f"{typed}: the person watches the car of our lane tasks, and {task.env_id} is none of them; "
            f"choose --task {' or '.join(usable)}, or --gate beta"
        )
    if options.gate == "uncertainty" and options.train.members < 2:
        raise ValueError(
            f"{typed} asks where the members of an ensemble disagree; give --members 2 or more, not "
            f"{options.train.members}"
        )
    if options.gate == "uncertainty" and options.policy.discrete:
        raise ValueError(
            f"{typed} measures how far continuous actions lie apart, but those of {task.env_id} are discrete; "
            "choose --gate beta"
        )


def _is_lane(task: Task) -> bool:
    env = task.env(1)
    env.close()
    return isinstance(env.unwrapped, Lane)


def check_validation(options: Options, episodes: int) -> None:
    """Whether some of a learner's episodes can be held out, and some remain."""
    share = options.train.validation
    if share and not 0 < round(share * episodes) < episodes:
        raise ValueError(
            f"--validation {share}: cannot hold out {share:.0%} of {episodes} episodes; "
            "collect more demonstrations, or set it to 0"
        )
