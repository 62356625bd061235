"""Behaviour cloning: min over theta of E_{(o, a) ~ D} [loss(pi_theta(. | o), a)], one `fit` for every head.

All learners (training seeds) and ensemble members are trained side by side; each has its own data, batches and random
numbers. `hw1.stack` combines many models into one computation, `hw1.training` draws batches and records losses,
`hw1.checkpoint` lets an interrupted run continue.

Shapes: L learners.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from hw1.checkpoint import interrupts_after_steps
from hw1.demos import Dataset
from hw1.policy import Actor, PolicyConfig
from hw1.training import TrainConfig, Training

SAVE_EVERY = 1_000  # gradient steps between checkpoints


@dataclass(frozen=True)
class Fit:
    """What `fit` returns."""

    policy: Actor
    train_loss: Float[np.ndarray, "checks L"]
    """Means over the members and the last 100 gradient steps."""
    validation_loss: Float[np.ndarray, "checks L"]
    """Empty without held-out episodes."""


def fit(
    dataset: Dataset,
    policy: PolicyConfig,
    train: TrainConfig,
    *,
    progress: bool = False,
    checkpoint: Path | None = None,
    deterministic: bool = False,
) -> Fit:
    """Clone the behaviour in `dataset`, for each of its learners from its own samples.

    Args:
        progress: show a progress bar.
        checkpoint: file to save to every SAVE_EVERY gradient steps and on Ctrl-C. If it exists already, from a run
            with the same options and data, training continues from it.
        deterministic: the returned policy acts by its mode instead of a sample.

    Raises:
        NonFiniteLoss: names the exercise that is most likely wrong.
        ValueError: an empty dataset, or a checkpoint of another run.
    """
    run = Training(dataset, policy, train)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run.load(path)
    bar = tqdm(total=train.steps, initial=run.step, desc=policy.head, disable=not progress, leave=False)
    with bar, interrupts_after_steps() as interrupted:
        while not run.finished:
            gradient_step(run)
            bar.update()
            stop = interrupted()
            if path is not None and (stop or run.step % SAVE_EVERY == 0):
                run.save(path)
            if stop:
                raise KeyboardInterrupt
    return Fit(Actor(run.policies(), deterministic), run.curve(run.train_loss), run.curve(run.validation_loss))


def gradient_step(run: Training) -> None:
    """One step of AdamW on the mean loss of a batch, for all models at once."""
    run.optimizer.param_groups[0]["lr"] = learning_rate(run.train, run.step)
    loss = run.losses(run.batches[run.step])  # (models,)
    run.optimizer.zero_grad(set_to_none=True)
    # The models share no weights: the gradient of the sum is every model's own gradient.
    loss.sum().backward()
    run.optimizer.step()
    run.record(loss.detach())


def learning_rate(train: TrainConfig, step: int) -> float:
    """From the peak to zero along half a cosine."""
    return train.learning_rate * 0.5 * (1 + math.cos(math.pi * step / train.steps))
