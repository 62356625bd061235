"""Many models as one computation: their weights are stacked along a leading axis, and one call of the loss serves all.

The loss is written for one model; `torch.vmap` runs it for all of them. For the small networks of this homework PyTorch
is limited by the number of calls, not by arithmetic, so ten seeds take hardly longer than one.

The axis "models" has one entry for each model.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Generator, Tensor
from torch.func import functional_call, stack_module_state
from torch.optim import Optimizer

from hw1.policy import PolicyNetwork


class Stack:
    """Policies with the same layers. `params` are their stacked weights, one tensor for each layer, to be optimised."""

    def __init__(self, models: Sequence[PolicyNetwork], device: str, ema: float):
        """`ema`: power of the moving average of the weights (see `TrainConfig.ema`); 0 for no average."""
        self.models, self.ema = list(models), ema
        params, buffers = stack_module_state(self.models)
        self.params = {k: v.detach().to(device).requires_grad_() for k, v in params.items()}
        self.buffers = {k: v.to(device) for k, v in buffers.items()}
        self.average = {k: v.detach().clone() for k, v in self.params.items()} if ema else {}
        self.best: dict[str, Tensor] = {}  # what `keep` kept
        self.vmappable = len(self.models) > 1
        # Do two layers share weights? To look for that in each gradient step would take a tenth of the time.
        names = [[*self.models[0].named_parameters(remove_duplicate=each)] for each in (False, True)]
        self.tied = len(names[0]) > len(names[1])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The weights to act with: their average, if there is one."""
        return self.average or self.params

    @property
    def exercise(self) -> str:
        """What to look at when the loss is wrong."""
        return self.models[0].head.exercise

    def losses(
        self, obs: Float[Tensor, "models B W O"], action: Shaped[Tensor, "models B ..."], noise: Generator
    ) -> Float[Tensor, " models"]:
        """The loss of each model on its own batch. Raises ValueError unless it is a scalar that can be trained."""
        loss = self._losses(obs, action, noise)
        if loss.shape != (len(self.models),):
            raise ValueError(
                f"the loss must be a scalar, got the shape {list(loss.shape[1:])}; look at {self.exercise}"
            )
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise ValueError(
                f"the loss has no gradient: no .detach(), no torch.no_grad(), no .item(); look at {self.exercise}"
            )
        return loss

    def loss_of_one(
        self, number: int, obs: Float[Tensor, "B W O"], action: Shaped[Tensor, "B ..."], noise: Generator
    ) -> Float[Tensor, ""]:
        """The loss of one model with the weights that it would act with."""
        return self._loss(_at(self.weights, number), _at(self.buffers, number), obs, action, noise)

    def _loss(self, params: dict, buffers: dict, obs: Tensor, action: Tensor, noise: Generator) -> Tensor:
        return functional_call(self.models[0], (params, buffers), (obs, action, noise), tie_weights=self.tied)

    def _losses(self, obs: Tensor, action: Tensor, noise: Generator) -> Tensor:
        if self.vmappable:
            try:
                batched = torch.vmap(self._loss, in_dims=(0, 0, 0, 0, None), randomness="different")
                return batched(self.params, self.buffers, obs, action, noise)
            except NotImplementedError:  # an exercise that is not done yet
                raise
            except RuntimeError as error:
                # For example, a loss that branches on its values cannot be batched. It may still be right; if not, it
                # fails below.
                self.vmappable = False
                print(f"training the models one after the other, which is slower: {str(error).splitlines()[0]}")
        one_by_one = [
            self._loss(_at(self.params, number), _at(self.buffers, number), obs[number], action[number], noise)
            for number in range(len(self.models))
        ]
        return torch.stack(one_by_one)

    def update_average(self, step: int) -> None:
        """Move the average towards the weights after gradient step `step` (from 1)."""
        if self.average:
            for name, newest in self.params.items():
                self.average[name].lerp_(newest.detach(), (1 + step) ** -self.ema)

    def keep(self, which: Bool[Tensor, " models"]) -> None:
        """Remember the weights with which these models would act now; of the first call, those of all models."""
        if not self.best:
            self.best = {k: v.detach().clone() for k, v in self.weights.items()}
        for name, value in self.weights.items():
            rows = which.to(value.device)
            self.best[name][rows] = value.detach()[rows]

    def unstack(self) -> list[PolicyNetwork]:
        """The models with the weights that were kept, or else those to act with now."""
        weights = self.best or self.weights
        with torch.no_grad():
            for number, model in enumerate(self.models):
                model.load_state_dict(_at(weights, number), strict=False)
        return self.models

    # --- checkpoints ---
    def tensors(self, optimizer: Optimizer) -> dict[str, Tensor]:
        """Every tensor that training changes, by name: weights, their average, the best ones, the optimiser's
        memory."""
        tensors = {f"param.{k}": v.detach() for k, v in self.params.items()}
        tensors |= {f"average.{k}": v for k, v in self.average.items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for name, param in self.params.items():
            tensors |= {f"optimizer.{key}.{name}": v for key, v in optimizer.state[param].items()}
        return tensors

    def load_tensors(self, tensors: dict[str, Tensor], optimizer: Optimizer) -> None:
        """Load what `tensors` returned."""
        self.best = {k.removeprefix("best."): v for k, v in tensors.items() if k.startswith("best.")}
        remembered = {key.split(".")[1] for key in tensors if key.startswith("optimizer.")}
        with torch.no_grad():
            for name, param in self.params.items():
                param.copy_(tensors[f"param.{name}"])
                if self.average:
                    self.average[name].copy_(tensors[f"average.{name}"])
                optimizer.state[param] = {key: tensors[f"optimizer.{key}.{name}"] for key in remembered}


def refuse_absent(device: str) -> None:
    """Raises ValueError if PyTorch does not know the device, or does not find it here."""
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError):
        wanted = None
    index = 0 if wanted is None else wanted.index or 0
    if wanted is None or wanted.type not in ("cpu", "cuda", "mps") or (wanted.type != "cuda" and index > 0):
        raise ValueError(f"device {device!r}: there is no such device; use cpu, cuda, cuda:1 and so on, or mps")
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {device!r}: PyTorch finds no Apple GPU here; use cpu")
    if wanted.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: PyTorch finds no GPU here; use cpu")
    if wanted.type == "cuda" and index >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise ValueError(f"device {device!r}: PyTorch finds no such GPU here; the last one is cuda:{last}")


def _at(tensors: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """The tensors of one model."""
    return {name: value[number] for name, value in tensors.items()}
