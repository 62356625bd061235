"""One training run: demonstrations, behaviour cloning or DAgger, evaluation on held-out episodes.

    python -m scripts.train --task fork --head mixture
    python -m scripts.train --task fork --preset pi0
    python -m scripts.train --task lane --dagger 8 --gate human
    python -m scripts.train --env Pendulum-v1 --expert my_experts:swing_up --dagger 4
    python -m scripts.train --dataset my/demos-v0 --head gaussian

The defaults of the policy's and the training's options are the recipe of the task for the head (hw1/tasks.py), which
is also that of the figures. Writes policy.safetensors and result.json (options, versions, seeds; labels, losses and
evaluation of every round) into the folder `--out`. If the run is interrupted, the same command continues it.
"""

import os
import signal
import sys
from dataclasses import asdict

if __name__ == "__main__":
    if not __spec__:
        raise SystemExit("error: run it as a module, from the folder of the homework: python -m scripts.train")
    from scripts.doctor import explain_imports

    explain_imports()  # of what may be missing or broken

    def leave(number: int, frame: object) -> None:
        """Ctrl-C before there is anything to keep: while the packages below are imported."""
        os.write(2, b"interrupted while starting; run the same command again\n")
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not in a job that ignores Ctrl-C
        signal.signal(signal.SIGINT, leave)

import numpy as np
import torch

from hw1 import exercises
from hw1.demos import DatasetError
from hw1.tasks import TASKS, Task
from hw1.training import NonFiniteLoss
from scripts.command import UserError, line_of
from scripts.training import refusals, worlds
from scripts.training.folder import Folder, code_of, versions
from scripts.training.options import Options
from scripts.training.options import parse as parse_options
from scripts.training.phases import EVALUATION_SEED, Run


def parse(arguments: list[str]) -> Options:
    """The command line. Explicit options always win over the recipe of the task."""
    return parse_options(arguments, __doc__)


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    options = None
    try:
        options = parse(arguments)
        run(options)
    except (DatasetError, NonFiniteLoss, NotImplementedError, OSError, UserError, ValueError) as error:
        message = f"{error} is not done yet" if isinstance(error, NotImplementedError) else str(error)
        where = line_of(error, exercises.files()) if type(error) is ValueError else ""
        print(f"error: {message}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = options is not None and (options.out / "rounds" / "run.json").exists()
        more = f"; run the same command to continue from {options.out}" if kept else ""
        print(f"interrupted{more}", file=sys.stderr)
        return 130
    except Exception as error:
        if not (where := line_of(error, exercises.files())):
            raise  # a mistake of ours
        print(f"error: {type(error).__name__}: {error}{where}; python -m scripts.check says more", file=sys.stderr)
        return 1
    return 0


def run(options: Options) -> None:
    this = Run(options, task_of(options))
    refusals.check(options, this.task)
    folder = Folder(options, code_of(worlds.file_of(options.expert)))
    folder.check()
    data = this.stored() if options.dataset else None
    rounds = folder.trained(data)
    if rounds is None:
        this.rehearse(data)
        folder.claim()
        rounds = this.train(folder, data)
        folder.save_trained(rounds)
    else:
        print(f"training is finished already: {folder.policy}")
    print(f"last training loss {np.mean(rounds[-1]['train_loss'][-1]):.3f}")
    folder.write(folder.result, result(options, rounds, []))
    evaluations = []
    for number, about in enumerate(rounds if options.evaluations else []):
        evaluations.append(folder.evaluation(about["key"], this.evaluate))
        means = ", ".join(f"{key} {np.mean(value):.3f}" for key, value in evaluations[-1].items())
        print(f"round {number}: {means}" if options.dagger else means, flush=True)
    folder.close(result(options, rounds, evaluations))
    print(f"see {folder.result}")


def task_of(options: Options) -> Task | None:
    """Where to drive; None if data is cloned whose environment is not known."""
    if options.task:
        return TASKS[options.task]
    if not (options.env or options.dataset):
        raise ValueError(f"--task is empty: there is nothing to learn from; choose one of {', '.join(TASKS)}")
    return worlds.any_task(options.env, options.expert) if options.env else None


def result(options: Options, rounds: list[dict], evaluations: list[dict]) -> dict:
    """What result.json holds. At its top are the losses and the evaluation of the last policy, which is saved."""
    rows = [{key: value for key, value in about.items() if key != "key"} for about in rounds]
    for row, evaluation in zip(rows, evaluations, strict=False):
        row["evaluation"] = evaluation
    last = {key: rows[-1][key] for key in ("train_loss", "validation_loss", "evaluation") if key in rows[-1]}
    seeds = {"training": options.train.seed, "evaluation": EVALUATION_SEED + options.train.seed}
    about = {"options": asdict(options), "versions": versions(), "seeds": seeds}
    return about | last | {"rounds": rows}


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
