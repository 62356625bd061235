"""A training run: options, batches, models, optimiser, and the losses that were recorded.

Shapes: M samples of the dataset, L learners, E members of an ensemble, B batch, W observations of history, O numbers in
an observation, H actions in a chunk, A numbers in an action. The axis "models" has L x E entries, learner by learner.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hw1 import checkpoint
from hw1.demos import Dataset
from hw1.policy import PolicyConfig, PolicyNetwork
from hw1.stack import Stack


@dataclass(frozen=True)
class TrainConfig:
    """How to train. BC and DAgger use the same."""

    steps: int = 2_000
    """Gradient steps."""
    batch_size: int = 64
    """Samples in a batch, for each model."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW; falls to zero along a cosine."""
    weight_decay: float = 1e-4
    """Decoupled weight decay."""
    ema: float = 0.0
    """Moving average of the weights: after gradient step t the newest weights count (1 + t)^-ema; 0 for no average."""
    members: int = 1
    """Networks trained for each learner: an ensemble if more than 1."""
    validation: float = 0.0
    """Share of the episodes held out to measure the loss on."""
    patience: int = 0
    """Stop when the validation loss has not improved in this many checks in a row; 0 never stops early."""
    seed: int = 0
    """Seed of everything that is drawn: initial weights, batches, noise."""
    device: str = "cpu"
    """Where to train: cpu, or cuda."""

    def __post_init__(self):
        if self.steps < 1 or self.batch_size < 1 or self.members < 1:
            raise ValueError(f"steps, batch_size and members must be at least 1, got {self}")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must lie in [0, 1), got {self.validation}")
        if self.patience and not self.validation:
            raise ValueError("patience needs held-out episodes: set validation, for instance to 0.1")
        if torch.device(self.device).type == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"device {self.device!r}: PyTorch finds no GPU here; use cpu")


class NonFiniteLoss(RuntimeError):
    """The loss became nan or infinite; the message names the exercise to look at."""


CHECK_EVERY = 100  # gradient steps between looks at the loss
HELD_OUT_SAMPLES = 512  # at most, for each model


class Training:
    """One run, and how far it has come. `hw1.bc.gradient_step` moves it on."""

    def __init__(self, dataset: Dataset, config: PolicyConfig, train: TrainConfig):
        if len(dataset) == 0:
            raise ValueError("the dataset is empty: there is nothing to clone")
        self.config, self.train = config, train
        self.fingerprint = checkpoint.fingerprint(dataset, config, train)
        self.obs, self.action = (torch.as_tensor(x, device=train.device) for x in (dataset.obs, dataset.action))
        windows = dataset.windows(config.history, config.chunk)
        self.back, self.ahead = (torch.as_tensor(index, device=train.device) for index in windows)

        self.learners = int(dataset.learner.max()) + 1
        models, batches, held_out = [], [], []
        for learner in range(self.learners):
            rows, held_out_rows = _split(dataset, learner, train)
            for member in range(train.members):
                # One random stream for each model: what it learns does not depend on the models trained with it.
                generator = torch.Generator().manual_seed(_entropy(train.seed, learner, member))
                models.append(_new_policy(dataset, rows, config, generator))
                batches.append(_batches(rows, train.steps, train.batch_size, generator))
                held_out.append(held_out_rows)
        self.batches = torch.stack(batches, dim=1).to(train.device)  # (gradient steps, models, B), rows of the dataset
        size = min(HELD_OUT_SAMPLES, *(len(rows) for rows in held_out))
        self.held_out = torch.stack([rows[:size] for rows in held_out]).to(train.device)  # (models, held-out samples)

        self.models = Stack(models, train.device, train.ema)
        self.optimizer = torch.optim.AdamW(
            self.models.params.values(), lr=train.learning_rate, weight_decay=train.weight_decay, fused=True
        )
        self.noise = torch.Generator(train.device).manual_seed(_entropy(train.seed, 1 << 30))
        self.step = 0
        """Gradient steps made."""
        self.recent = torch.zeros(len(models), device=train.device)
        """`[models]`, the sum of the losses since they were last recorded."""
        self.train_loss: list[Tensor] = []
        self.validation_loss: list[Tensor] = []

    @property
    def finished(self) -> bool:
        """Whether all gradient steps are made, or the validation loss no longer improves."""
        if self.step >= self.train.steps:
            return True
        means = [float(loss.mean()) for loss in self.validation_loss]
        patience = self.train.patience
        return bool(patience) and len(means) > patience and min(means[-patience:]) >= min(means[:-patience])

    def losses(self, rows: Int64[Tensor, "models B"]) -> Float[Tensor, " models"]:
        """The loss of each model on its own rows of the dataset."""
        obs, action = self.obs[self.back[rows]], self.action[self.ahead[rows]]  # (models, B, W, O), (models, B, H, A)
        if self.config.discrete:
            action = action[..., 0]
        return self.models.losses(obs, action, self.noise)

    def record(self, loss: Float[Tensor, " models"]) -> None:
        """Count a gradient step, whose loss was `loss`; check the losses every CHECK_EVERY gradient steps."""
        self.step += 1
        self.models.update_average(self.step)
        self.recent += loss
        if self.step % CHECK_EVERY == 0 or self.step == self.train.steps:
            self._check()

    def _check(self) -> None:
        """Record the mean losses since the last check. Raises NonFiniteLoss."""
        mean = self.recent / ((self.step - 1) % CHECK_EVERY + 1)
        if not mean.isfinite().all():
            raise NonFiniteLoss(
                f"the loss of the {self.config.head} head became {float(mean[~mean.isfinite()][0])} "
                f"before gradient step {self.step}; look at {self.models.exercise} first, then at the learning rate "
                f"({self.train.learning_rate})"
            )
        self.train_loss.append(self._by_learner(mean))
        self.recent.zero_()
        if self.held_out.shape[1]:
            with torch.no_grad():
                self.validation_loss.append(self._by_learner(self.losses(self.held_out)))

    def _by_learner(self, loss: Float[Tensor, " models"]) -> Float[Tensor, " L"]:
        return loss.view(self.learners, -1).mean(dim=1).cpu()

    # --- results ---
    def policies(self) -> list[list[PolicyNetwork]]:
        """The trained policies, `[L][E]`."""
        models, members = self.models.unstack(), self.train.members
        return [models[i : i + members] for i in range(0, len(models), members)]

    def curve(self, losses: list[Tensor]) -> Float[np.ndarray, "checks L"]:
        """Recorded losses as an array."""
        return torch.stack(losses).numpy() if losses else np.zeros((0, self.learners))

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        tensors = self.models.tensors(self.optimizer) | {"noise": self.noise.get_state(), "recent": self.recent}
        for curve in ("train_loss", "validation_loss"):
            if getattr(self, curve):
                tensors[curve] = torch.stack(getattr(self, curve))
        checkpoint.save(path, tensors, self.step, self.fingerprint)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises ValueError if it is damaged or belongs to another run."""
        self.step, tensors = checkpoint.load(path, self.fingerprint, self.train.device)
        self.models.load_tensors(tensors, self.optimizer)
        self.noise.set_state(tensors["noise"].cpu())
        self.recent = tensors["recent"]
        self.train_loss = list(tensors.get("train_loss", torch.zeros(0)).cpu())
        self.validation_loss = list(tensors.get("validation_loss", torch.zeros(0)).cpu())


# --- what a run begins with ------------------------------------------------------------------------------------------
def _split(
    dataset: Dataset, learner: int, train: TrainConfig
) -> tuple[Int64[Tensor, " training"], Int64[Tensor, " held_out"]]:
    """The rows of one learner, shuffled: those to train on, and those of the held-out episodes."""
    own = np.flatnonzero(dataset.learner == learner)
    if len(own) == 0:
        raise ValueError(f"learner {learner} has no samples in the dataset")
    rng = np.random.default_rng([train.seed, learner])
    episodes = rng.permutation(np.unique(dataset.episode[own]))
    count = round(train.validation * len(episodes))
    if train.validation and not 0 < count < len(episodes):
        raise ValueError(
            f"cannot hold out {train.validation:.0%} of {len(episodes)} episodes; collect more or set validation to 0"
        )
    held_out = np.isin(dataset.episode[own], episodes[:count])
    return torch.from_numpy(own[~held_out]), torch.from_numpy(rng.permutation(own[held_out]))


def _new_policy(dataset: Dataset, rows: Tensor, config: PolicyConfig, generator: torch.Generator) -> PolicyNetwork:
    """An untrained policy, scaled to the samples that it will be trained on."""
    discrete = dataset.action.ndim == 1
    if discrete != config.discrete:
        kind = "discrete" if discrete else "continuous"
        raise ValueError(f"the {config.head} head does not fit the dataset's {kind} actions")
    action_dim = int(dataset.action.max()) + 1 if discrete else dataset.action.shape[1]
    with torch.random.fork_rng(devices=[]):  # layers draw their initial weights from the global stream
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        policy = PolicyNetwork(config, dataset.obs.shape[1], action_dim)
    policy.set_scales(torch.from_numpy(dataset.obs)[rows], torch.from_numpy(dataset.action)[rows])
    return policy


def _batches(rows: Tensor, steps: int, batch: int, generator: torch.Generator) -> Int64[Tensor, "gradient_steps B"]:
    """Epoch after epoch of shuffled rows, cut into one batch for each gradient step."""
    epochs = -(-steps * batch // len(rows))
    order = torch.cat([rows[torch.randperm(len(rows), generator=generator)] for _ in range(epochs)])
    return order[: steps * batch].view(steps, batch)


def _entropy(*numbers: int) -> int:
    """One seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
