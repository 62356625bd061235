"""Behaviour cloning: min over theta of E_{(o, a) ~ D} [loss(pi_theta(. | o), a)], one `fit` for every head.

All learners (training seeds) and ensemble members are trained in one batched computation: K models whose weights are
stacked along a leading axis, one call of the loss for all of them by `torch.vmap`. The loss itself is written for one
model. For the small networks of this homework PyTorch is bound by the number of calls, not by arithmetic, so ten
seeds cost hardly more than one.

Shapes: K models = S learners x E members, B batch.
"""

import hashlib
import inspect
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.func import functional_call, stack_module_state
from tqdm import tqdm

from hw1 import heads, losses
from hw1.demos import Dataset
from hw1.policy import Actor, Policy, PolicyConfig


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
    """Power of the moving average of the weights, (1 + step)^-ema is the share of the newest; 0 for none."""
    members: int = 1
    """Networks trained for each learner: an ensemble if more than 1."""
    validation: float = 0.0
    """Share of the episodes held out to measure the loss on."""
    patience: int = 0
    """Stop when the validation loss has not improved so many checks (every 100 steps) in a row; 0 never stops."""
    seed: int = 0
    """Seed of everything drawn: initial weights, batches, noise."""
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


@dataclass(frozen=True)
class Fit:
    """What `fit` returns."""

    policy: Actor
    train_loss: np.ndarray
    """`[checks, S]`, the mean over members and the last 100 steps."""
    validation_loss: np.ndarray
    """`[checks, S]`, empty without held-out episodes."""


class NonFiniteLoss(RuntimeError):
    """The loss became nan or infinite; the message names the exercise to look at."""


CHECK_EVERY = 100  # steps between looks at the loss
SAVE_EVERY = 1_000  # steps between checkpoints
HELD_OUT_SAMPLES = 512  # at the most, for each model


def fit(
    dataset: Dataset,
    policy: PolicyConfig,
    train: TrainConfig,
    *,
    progress: bool = False,
    checkpoint: Path | None = None,
    deterministic: bool = False,
) -> Fit:
    """Clone the behaviour in `dataset`, for each of its learners on its own samples.

    Args:
        progress: show a bar.
        checkpoint: file to save to every 1,000 steps and when interrupted. If it is there already, from a run with
            the same options and data, training goes on from it.
        deterministic: the returned policy acts by its mode instead of a sample.

    Raises:
        NonFiniteLoss: with the exercise most likely at fault.
        ValueError: an empty dataset, or a checkpoint of another run.
    """
    if len(dataset) == 0:
        raise ValueError("the dataset is empty: there is nothing to clone")
    trainer = _Trainer(dataset, policy, train)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        trainer.load(path)
    with tqdm(total=train.steps, initial=trainer.step, desc=policy.head, disable=not progress, leave=False) as bar:
        try:
            while not trainer.finished:
                trainer.advance()
                bar.update()
                if path is not None and trainer.step % SAVE_EVERY == 0:
                    trainer.save(path)
        except KeyboardInterrupt:
            if path is not None:
                trainer.save(path)
            raise
    return trainer.result(deterministic)


class _Trainer:
    """K models as one set of stacked tensors, and how far their training has got."""

    def __init__(self, dataset: Dataset, config: PolicyConfig, train: TrainConfig):
        self.config, self.train = config, train
        self.fingerprint = _fingerprint(dataset, config, train)
        on_device = {"device": train.device}
        self.back, self.ahead = (torch.as_tensor(w, **on_device) for w in dataset.windows(config.history, config.chunk))
        self.obs = torch.as_tensor(dataset.obs, **on_device)
        self.action = torch.as_tensor(dataset.action, **on_device)

        self.learners = int(dataset.learner.max()) + 1
        self.models, orders, held_out = [], [], []
        for learner in range(self.learners):
            rows, held_out_rows = _split(dataset, learner, train)
            for member in range(train.members):
                # One stream for each model: what it learns does not depend on who is trained beside it.
                generator = torch.Generator().manual_seed(_entropy(train.seed, learner, member))
                self.models.append(_new_policy(dataset, rows, config, generator))
                orders.append(_batches(rows, train.steps, train.batch_size, generator))
                held_out.append(held_out_rows)
        self.order = torch.stack(orders, dim=1).to(train.device)  # (steps, K, B), rows of the dataset
        size = min(HELD_OUT_SAMPLES, *(len(rows) for rows in held_out))
        self.held_out = torch.stack([rows[:size] for rows in held_out]).to(train.device)  # (K, V)

        params, self.buffers = stack_module_state(self.models)
        self.params = {k: v.detach().to(train.device).requires_grad_() for k, v in params.items()}
        self.buffers = {k: v.to(train.device) for k, v in self.buffers.items()}
        self.average = {k: v.detach().clone() for k, v in self.params.items()} if train.ema else {}
        self.optimizer = torch.optim.AdamW(
            self.params.values(), lr=train.learning_rate, weight_decay=train.weight_decay, fused=True
        )
        self.noise = torch.Generator(train.device).manual_seed(_entropy(train.seed, 1 << 30))
        self.step = 0
        self.recent = torch.zeros(len(self.models), device=train.device)
        self.train_loss: list[Tensor] = []
        self.validation_loss: list[Tensor] = []
        self.vmappable = len(self.models) > 1

    @property
    def finished(self) -> bool:
        if self.step >= self.train.steps:
            return True
        means = [float(loss.mean()) for loss in self.validation_loss]
        patience = self.train.patience
        return bool(patience) and len(means) > patience and min(means[-patience:]) >= min(means[:-patience])

    def advance(self) -> None:
        """One gradient step of all models."""
        progress = self.step / self.train.steps
        self.optimizer.param_groups[0]["lr"] = self.train.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
        loss = self.losses(self.order[self.step])  # (K,)
        if loss.shape != self.recent.shape:
            shape, exercise = list(loss.shape[1:]), self.models[0].head.exercise
            raise ValueError(f"the loss must be a scalar, got the shape {shape}; look at {exercise}")
        self.optimizer.zero_grad(set_to_none=True)
        # The models share no weights: the gradient of the sum is every model's own gradient.
        loss.sum().backward()
        self.optimizer.step()
        self.step += 1
        if self.average:
            share = (1 + self.step) ** -self.train.ema
            torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.params.values()], share)
        self.recent += loss.detach()
        if self.step % CHECK_EVERY == 0 or self.step == self.train.steps:
            self.check()

    def losses(self, rows: Tensor) -> Tensor:
        """The loss of each model on its own rows: `[K, B] -> [K]`."""
        obs, action = self.obs[self.back[rows]], self.action[self.ahead[rows]]  # (K, B, M, O), (K, B, H, A)
        if self.models[0].discrete:
            action = action[..., 0]
        if self.vmappable:
            try:
                batched = torch.vmap(self._loss_of_one, randomness="different")
                return batched(self.params, self.buffers, obs, action)
            except NotImplementedError:  # an exercise that is not done yet
                raise
            except RuntimeError as error:
                # A loss that branches on its values, say, cannot be batched. It may be right; else it fails below too.
                self.vmappable = False
                print(f"training the models one after the other, which is slower: {str(error).splitlines()[0]}")
        one_by_one = [
            self._loss_of_one(_at(self.params, k), _at(self.buffers, k), obs[k], action[k])
            for k in range(len(self.models))
        ]
        return torch.stack(one_by_one)

    def _loss_of_one(self, params: dict, buffers: dict, obs: Tensor, action: Tensor) -> Tensor:
        return functional_call(self.models[0], (params, buffers), (obs, action, self.noise))

    def check(self) -> None:
        """Note the losses since the last look, and stop if they are not finite."""
        steps = (self.step - 1) % CHECK_EVERY + 1
        mean = self.recent / steps
        if not mean.isfinite().all():
            head = self.models[0].head
            raise NonFiniteLoss(
                f"the loss of the {self.config.head} head became {float(mean[~mean.isfinite()][0])} "
                f"before step {self.step}; look at {head.exercise} first, then at the learning rate "
                f"({self.train.learning_rate})"
            )
        self.train_loss.append(self._by_learner(mean))
        self.recent.zero_()
        if self.held_out.shape[1]:
            with torch.no_grad():
                self.validation_loss.append(self._by_learner(self.losses(self.held_out)))

    def _by_learner(self, loss: Tensor) -> Tensor:
        return loss.view(self.learners, -1).mean(dim=1).cpu()

    def result(self, deterministic: bool) -> Fit:
        weights = self.average or self.params
        with torch.no_grad():
            for k, model in enumerate(self.models):
                model.load_state_dict(_at(weights, k), strict=False)
        members = self.train.members
        groups = [self.models[i : i + members] for i in range(0, len(self.models), members)]
        empty = np.zeros((0, self.learners))
        curves = [torch.stack(c).numpy() if c else empty for c in (self.train_loss, self.validation_loss)]
        return Fit(Actor(groups, deterministic), *curves)

    # --- checkpoints ---
    def _state(self) -> dict[str, Tensor]:
        """Every tensor that training changes, under a name."""
        state = {f"param.{k}": v.detach() for k, v in self.params.items()}
        state |= {f"average.{k}": v for k, v in self.average.items()}
        for name, param in self.params.items():
            state |= {f"optimizer.{key}.{name}": v for key, v in self.optimizer.state[param].items()}
        state |= {"noise": self.noise.get_state(), "recent": self.recent}
        for curve in ("train_loss", "validation_loss"):
            if getattr(self, curve):
                state[curve] = torch.stack(getattr(self, curve))
        return {k: v.contiguous() for k, v in state.items()}

    def save(self, path: Path) -> None:
        """Write a checkpoint; it replaces the last one only when it is complete."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        save_file(self._state(), unfinished, metadata={"step": str(self.step), "fingerprint": self.fingerprint})
        unfinished.replace(path)

    def load(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt", device=self.train.device) as file:
                about = file.metadata() or {}
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path}: a damaged checkpoint ({error}); delete it to start afresh") from error
        if about.get("fingerprint") != self.fingerprint:
            raise ValueError(f"{path}: a checkpoint of a run with other options or data; delete it to start afresh")
        self.step = int(about["step"])
        with torch.no_grad():
            for name, param in self.params.items():
                param.copy_(state[f"param.{name}"])
                if self.average:
                    self.average[name].copy_(state[f"average.{name}"])
                prefixes = {k.split(".")[1] for k in state if k.startswith("optimizer.")}
                self.optimizer.state[param] = {key: state[f"optimizer.{key}.{name}"] for key in prefixes}
        self.noise.set_state(state["noise"].cpu())
        self.recent = state["recent"]
        self.train_loss = list(state.get("train_loss", torch.zeros(0)).cpu())
        self.validation_loss = list(state.get("validation_loss", torch.zeros(0)).cpu())


def _split(dataset: Dataset, learner: int, train: TrainConfig) -> tuple[Tensor, Tensor]:
    """The rows of one learner, shuffled: to train on, and of the held-out episodes."""
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


def _new_policy(dataset: Dataset, rows: Tensor, config: PolicyConfig, generator: torch.Generator) -> Policy:
    discrete = dataset.action.ndim == 1
    if discrete != (config.head == "categorical"):
        kind = "discrete" if discrete else "continuous"
        raise ValueError(f"the {config.head} head does not fit the dataset's {kind} actions")
    action_dim = int(dataset.action.max()) + 1 if discrete else dataset.action.shape[1]
    with torch.random.fork_rng(devices=[]):  # layers draw their initial weights from the global stream
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        policy = Policy(config, dataset.obs.shape[1], action_dim)
    policy.set_scales(torch.from_numpy(dataset.obs)[rows], torch.from_numpy(dataset.action)[rows])
    return policy


def _batches(rows: Tensor, steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Epoch after epoch of shuffled rows, cut into batches: `[steps, B]`."""
    epochs = -(-steps * batch // len(rows))
    order = torch.cat([rows[torch.randperm(len(rows), generator=generator)] for _ in range(epochs)])
    return order[: steps * batch].view(steps, batch)


def _at(tensors: dict[str, Tensor], k: int) -> dict[str, Tensor]:
    return {name: value[k] for name, value in tensors.items()}


def _entropy(*numbers: int) -> int:
    """One seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _fingerprint(dataset: Dataset, config: PolicyConfig, train: TrainConfig) -> str:
    """Hash of everything that determines a run: options, the code of losses and heads, and data."""
    digest = hashlib.sha256(json.dumps([asdict(config), asdict(train)]).encode())
    for module in (losses, heads):
        digest.update(inspect.getsource(module).encode())
    for array in (dataset.obs, dataset.action, dataset.episode, dataset.learner):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
