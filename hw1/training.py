"""A training run: options, batches, models, optimiser, and the losses that were recorded.

Shapes: M samples of the dataset, L learners, E members of an ensemble, B batch, W observations of history, O numbers in
an observation, H actions in a chunk, A numbers in an action. The axis "models" has L x E entries, learner by learner.
"""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from hw1 import checkpoint
from hw1.demos import Dataset
from hw1.policy import PolicyConfig, PolicyNetwork, refuse_unless, whole
from hw1.stack import Stack, refuse_absent


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
    """Moving average of the weights: after gradient step t the newest weights count (1 + t)^-ema; 0 for no average, 1
    for the mean of all."""
    members: int = 1
    """Networks trained for each learner: an ensemble if more than 1."""
    validation: float = 0.0
    """Share of the episodes held out to measure the loss on."""
    patience: int = 0
    """A learner stops when its validation loss has not improved in this many checks in a row, and gets the weights of
    its best check; 0 never stops early and gives the last weights."""
    mask: bool = False
    """Train only on samples whose executed actions all lie inside the episode, instead of on copies of the last one; an
    episode that is too short gives its first sample. Off, since a copy is a good guess where actions change slowly."""
    seed: int = 0
    """Seed of everything that is drawn: initial weights, batches, noise."""
    device: str = "cpu"
    """Where to train: cpu, cuda, cuda:1 and so on, or mps."""

    def __post_init__(self):
        at_least_1 = [(n, whole(getattr(self, n), 1), "a whole number of at least 1") for n in _AT_LEAST_1]
        refuse_unless(
            self,
            *at_least_1,
            ("learning_rate", _finite(self.learning_rate) and self.learning_rate > 0, "above 0, such as 1e-3"),
            ("weight_decay", _finite(self.weight_decay) and self.weight_decay >= 0, "0 or more, such as 1e-4"),
            ("ema", _finite(self.ema) and 0 <= self.ema <= 1, "between 0 (no average) and 1 (mean), such as 0.75"),
            ("validation", _finite(self.validation) and 0 <= self.validation < 1, "in [0, 1), such as 0.1"),
            ("patience", whole(self.patience, 0), "a whole number of checks, or 0 never to stop early"),
            ("mask", isinstance(self.mask, bool), "True or False"),
            ("seed", whole(self.seed, 0) and self.seed < 2**32, "a whole number from 0 to 2**32 - 1"),
        )
        if self.patience and not self.validation:
            raise ValueError(f"patience = {self.patience} needs held-out episodes: set validation, for instance to 0.1")
        refuse_absent(self.device)


_AT_LEAST_1 = ("steps", "batch_size", "members")


def _finite(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


class NonFiniteLoss(RuntimeError):
    """The loss became nan or infinite; the message names the exercise to look at."""


CHECK_EVERY = 100  # gradient steps between looks at the loss
HELD_OUT_SAMPLES = 512  # at most, for each model


class Training:
    """One run, and how far it has come. `hw1.bc.gradient_step` moves it on."""

    def __init__(self, dataset: Dataset, config: PolicyConfig, train: TrainConfig):
        self.config, self.train = config, train
        self.obs, self.action = (values.to(train.device) for values in _checked(dataset, config))
        self.fingerprint = checkpoint.fingerprint(dataset, config, train)
        windows = dataset.windows(config.history, config.chunk)
        self.back, self.ahead = (torch.as_tensor(index, device=train.device) for index in windows)
        usable = _usable(dataset, windows[1], config.execute if train.mask else 1)

        self.learners = int(dataset.learner.max()) + 1
        models, batches, self.held_out = [], [], []
        for learner in range(self.learners):
            rows, held_out = _split(dataset, learner, train)
            held_out = held_out[usable[held_out]][:HELD_OUT_SAMPLES].to(train.device)
            for member in range(train.members):
                # One random stream for each model: what it learns does not depend on the models trained with it.
                generator = torch.Generator().manual_seed(_entropy(train.seed, learner, member))
                models.append(self._new_policy(rows, generator))
                batches.append(_batches(rows[usable[rows]], train.steps, train.batch_size, generator))
                self.held_out.append(held_out)  # rows of the dataset
        self.batches = torch.stack(batches, dim=1).to(train.device)  # (gradient steps, models, B), rows of the dataset

        self.models = Stack(models, train.device, train.ema)
        self.optimizer = torch.optim.AdamW(
            self.models.params.values(), lr=train.learning_rate, weight_decay=train.weight_decay, fused=True
        )
        self.noise = torch.Generator(train.device).manual_seed(_entropy(train.seed, 1 << 30))
        self.step = 0
        """Gradient steps made."""
        self.recent = torch.zeros(len(models), device=train.device)
        """`[models]`, the sum of the losses since they were last recorded."""
        self.best = torch.full((self.learners,), torch.inf)
        """`[L]`, the smallest validation loss, by which the weights to return are chosen."""
        self.waited = torch.zeros(self.learners, dtype=torch.int64)
        """`[L]`, checks since then."""
        self.train_loss: list[Tensor] = []
        self.validation_loss: list[Tensor] = []

    @property
    def running(self) -> Bool[Tensor, " L"]:
        """The learners whose validation loss still improves; all of them without `patience`."""
        return self.waited < (self.train.patience or torch.inf)

    @property
    def finished(self) -> bool:
        """Whether all gradient steps are made, or no learner improves any more."""
        return self.step >= self.train.steps or not self.running.any()

    def losses(self, rows: Int64[Tensor, "models B"]) -> Float[Tensor, " models"]:
        """The loss of each model on its own rows of the dataset."""
        return self.models.losses(*self._samples(rows), self.noise)

    def _samples(self, rows: Int64[Tensor, "..."]) -> tuple[Tensor, Tensor]:
        """Histories `[..., W, O]` and chunks `[..., H, A]`, or discrete actions `[...]`."""
        action = self.action[self.ahead[rows]]
        return self.obs[self.back[rows]], action[..., 0] if self.config.discrete else action

    def record(self, loss: Float[Tensor, " models"]) -> None:
        """Count a gradient step, whose loss was `loss`; check the losses every CHECK_EVERY gradient steps."""
        self.step += 1
        self.models.update_average(self.step)
        self.recent += loss
        if self.step % CHECK_EVERY == 0 or self.step == self.train.steps:
            self._check()

    def _check(self) -> None:
        """Record the mean losses since the last check, and keep the weights that are the best so far."""
        mean = self._by_learner(self.recent / ((self.step - 1) % CHECK_EVERY + 1))
        self._refuse_non_finite(mean, "loss")
        self.train_loss.append(mean)
        self.recent.zero_()
        if self.train.validation:
            held_out = self._by_learner(self._held_out_losses())
            self._refuse_non_finite(held_out, "validation loss")
            self.validation_loss.append(held_out)
            if self.train.patience:
                self._keep_best(held_out)

    @torch.no_grad()
    def _held_out_losses(self) -> Float[Tensor, " models"]:
        """The losses on the held-out samples, with the weights that would be returned now.

        Model by model and with the same noise at each check: a learner's curve depends on no other learner.
        """
        losses = []
        for number, rows in enumerate(self.held_out):
            seed = _entropy(self.train.seed, 1 << 30, *divmod(number, self.train.members))
            noise = torch.Generator(self.train.device).manual_seed(seed)
            losses.append(self.models.loss_of_one(number, *self._samples(rows), noise))
        return torch.stack(losses)

    def _keep_best(self, held_out: Float[Tensor, " L"]) -> None:
        better = self.running & (held_out < self.best)
        self.models.keep(better.repeat_interleave(self.train.members))
        self.best = torch.where(better, held_out, self.best)
        self.waited = torch.where(better, 0, self.waited + 1)

    def _refuse_non_finite(self, loss: Float[Tensor, " L"], name: str) -> None:
        """NonFiniteLoss if that of a learner which still runs is nan or infinite."""
        wrong = loss[self.running & ~loss.isfinite()]
        if len(wrong):
            raise NonFiniteLoss(
                f"the {name} of the {self.config.head} head became {float(wrong[0])} "
                f"before gradient step {self.step}; look at {self.models.exercise} first, then at the learning rate "
                f"({self.train.learning_rate})"
            )

    def _by_learner(self, loss: Float[Tensor, " models"]) -> Float[Tensor, " L"]:
        return loss.view(self.learners, -1).mean(dim=1).cpu()

    # --- results ---
    def policies(self) -> list[list[PolicyNetwork]]:
        """The trained policies, `[L][E]`: with `patience` the best of each learner, otherwise the last."""
        models, members = self.models.unstack(), self.train.members
        return [models[i : i + members] for i in range(0, len(models), members)]

    def curve(self, losses: list[Tensor]) -> Float[np.ndarray, "checks L"]:
        """Recorded losses as an array."""
        return torch.stack(losses).numpy() if losses else np.zeros((0, self.learners))

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        tensors = self.models.tensors(self.optimizer) | {"noise": self.noise.get_state()}
        tensors |= {name: getattr(self, name) for name in ("recent", "best", "waited")}
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
        self.best, self.waited = tensors["best"].cpu(), tensors["waited"].cpu()
        self.train_loss = list(tensors.get("train_loss", torch.zeros(0)).cpu())
        self.validation_loss = list(tensors.get("validation_loss", torch.zeros(0)).cpu())

    # --- what a run begins with ---
    def _new_policy(self, rows: Tensor, generator: torch.Generator) -> PolicyNetwork:
        """An untrained policy, scaled to the samples that it will be trained on.

        Discrete actions are counted from the smallest one of all learners, so that held-out ones have a number, too.
        """
        obs, action = self.obs.cpu(), self.action.cpu()
        discrete = self.config.discrete
        action_dim = int(action.max() - action.min()) + 1 if discrete else action.shape[1]
        with torch.random.fork_rng(devices=[]):  # layers draw their initial weights from the global stream
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
            policy = PolicyNetwork(self.config, obs.shape[1], action_dim)
        policy.set_scales(obs[rows], action if discrete else action[rows])
        return policy


# --- the data --------------------------------------------------------------------------------------------------------
MOST_CLASSES = 65_536  # a softmax over more discrete actions than this is a mistake
LARGEST = 1e30  # sums of numbers that are larger overflow float32
LARGEST_UNSCALED = 1e9  # so do products, if observations are not scaled
OUTLIER = 10  # half-widths of the middle 98 % of the numbers


def _checked(dataset: Dataset, config: PolicyConfig) -> tuple[Float[Tensor, "M O"], Tensor]:
    """Observations as float32; actions as float32 `[M, A]`, or int64 `[M]`. ValueError if they cannot be cloned."""
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: there is nothing to clone")
    discrete = dataset.action.ndim == 1
    if discrete != config.discrete:
        kind = "discrete" if discrete else "continuous"
        raise ValueError(f"the {config.head} head does not fit the dataset's {kind} actions")
    obs = _float32("observations", dataset.obs, LARGEST if config.observation_scale == "standard" else LARGEST_UNSCALED)
    if not discrete:
        action = _float32("actions", dataset.action, LARGEST)
        _warn_of_outliers(dataset.action, config.action_scale)
        return obs, action
    if not np.issubdtype(dataset.action.dtype, np.integer):
        raise ValueError(f"discrete actions must be integers, got {dataset.action.dtype}; continuous ones are [M, A]")
    low, high = int(dataset.action.min()), int(dataset.action.max())
    if high - low >= MOST_CLASSES:
        raise ValueError(f"discrete actions from {low} to {high}: more than {MOST_CLASSES} classes; number them anew")
    return obs, torch.as_tensor(dataset.action, dtype=torch.int64)


def _float32(name: str, values: np.ndarray, largest: float) -> Float[Tensor, "M D"]:
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(
            f"the {name} must have two axes, samples and numbers, got the shape {values.shape}; flatten them"
        )
    # Datasets may be large: first a look that copies nothing. It finds nan, too.
    if not (-largest <= values.min(initial=0) and values.max(initial=0) <= largest):
        sample, dimension = np.argwhere(~(np.abs(values) <= largest))[0]
        raise ValueError(
            f"the {name} hold {values[sample, dimension]} in dimension {dimension} of sample {sample}: numbers must be "
            f"finite and at most {largest:g}; leave these samples out, or choose smaller units"
        )
    return torch.from_numpy(np.require(values, dtype=np.float32, requirements="W"))


def _warn_of_outliers(action: Float[np.ndarray, "M A"], how: str) -> None:
    """Warn of dimensions in which a few numbers lie far away from all others."""
    least = max(1, len(action) // 100)  # numbers left out at either end
    if len(action) <= 2 * least:
        return
    ordered = np.sort(action.astype(np.float64), axis=0)
    low, high = ordered[least], ordered[-1 - least]
    centre, width = (low + high) / 2, (high - low) / 2
    distance = np.abs(ordered[[0, -1]] - centre).max(axis=0)
    for dimension in np.flatnonzero((distance > OUTLIER * width) & (width > 0)):
        sample = np.abs(action[:, dimension] - centre[dimension]).argmax()
        does = {"quantile": "is cut off at the 1st to 99th percentile"}.get(how, "squeezes the others together")
        warnings.warn(
            f"dimension {dimension} of the actions: {action[sample, dimension]:g} in sample {sample} lies far from all "
            f"others ({low[dimension]:g} to {high[dimension]:g}) and {does}; leave it out if it is a mistake"
            + ("" if how == "quantile" else ", or set action_scale to quantile"),
            stacklevel=2,
        )


def _usable(dataset: Dataset, ahead: Int64[np.ndarray, "M H"], real: int) -> Bool[Tensor, " M"]:
    """The samples whose chunk begins with at least `real` actions of the episode; always the first of an episode."""
    first = np.r_[True, dataset.episode[1:] != dataset.episode[:-1]]
    return torch.from_numpy((ahead[:, -1] - ahead[:, 0] + 1 >= real) | first)


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


def _batches(rows: Tensor, steps: int, batch: int, generator: torch.Generator) -> Int64[Tensor, "gradient_steps B"]:
    """Epoch after epoch of shuffled rows, cut into one batch for each gradient step."""
    epochs = -(-steps * batch // len(rows))
    order = torch.cat([rows[torch.randperm(len(rows), generator=generator)] for _ in range(epochs)])
    return order[: steps * batch].view(steps, batch)


def _entropy(*numbers: int) -> int:
    """One seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
