"""Exercise 1.4, the mixture's loss, against `torch.distributions`."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from hw1.losses import mixture_nll
from scripts.staff.bench.rows import Row
from scripts.staff.bench.timing import cpu_seconds, interleaved

COMPONENTS, ACTION_DIM = 5, 7
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def measure_mixture() -> Iterator[Row]:
    """Forward and backward of exercise 1.4 against `MixtureSameFamily`."""
    finite, peer_finite = gradient_is_finite(mixture_nll), gradient_is_finite(library_nll)
    for batch, passes in ((256, 200), (4096, 40)):
        arms = {"ours": mixture_nll, "library": library_nll, "unchecked": partial(library_nll, checks=False)}
        costs = interleaved(15, **{name: partial(ms_per_pass, loss, batch, passes) for name, loss in arms.items()})
        ratio = costs["ours"] / costs["library"]
        note = (
            "against the library without its checks of the arguments "
            f"{costs['ours'] / costs['unchecked']:.2f}x; gradient "
            f"at log_std -20, distance 1e3: ours {_finite(finite)}, the library's {_finite(peer_finite)}"
        )
        what = f"mixture NLL forward + backward against MixtureSameFamily, batch {batch} (K = 5, A = 7)"
        target = "<= 0.7x, finite gradient"
        yield Row(what, costs["ours"], costs["library"], ratio, target, ratio <= 0.7 and finite, "CPU ms", note)


def library_nll(logits: Tensor, means: Tensor, log_stds: Tensor, action: Tensor, checks: bool | None = None) -> Tensor:
    """`hw1.losses.mixture_nll` by torch.distributions; `checks` None is the library's default, on."""
    components = Independent(Normal(means, log_stds.exp(), validate_args=checks), 1, validate_args=checks)
    weights = Categorical(logits=logits, validate_args=checks)
    return -MixtureSameFamily(weights, components, validate_args=checks).log_prob(action).mean()


def ms_per_pass(loss: Loss, batch: int, passes: int) -> float:
    """Milliseconds for one forward and one backward pass."""
    generator = torch.Generator().manual_seed(0)
    shapes = (batch, COMPONENTS), (batch, COMPONENTS, ACTION_DIM), (batch, COMPONENTS, ACTION_DIM), (batch, ACTION_DIM)
    *leaves, action = (torch.randn(shape, generator=generator) for shape in shapes)
    for leaf in leaves:
        leaf.requires_grad_()

    def work() -> None:
        for _ in range(passes):
            torch.autograd.grad(loss(*leaves, action), leaves)

    return 1e3 * cpu_seconds(work) / passes


def gradient_is_finite(loss: Loss) -> bool:
    """Whether all gradients are finite where the density is 0: log_std -20 at a distance of 1e3."""
    logits, means, log_stds = torch.zeros(1, 2), torch.zeros(1, 2, 1), torch.full((1, 2, 1), -20.0)
    leaves = [leaf.requires_grad_() for leaf in (logits, means, log_stds)]
    gradients = torch.autograd.grad(loss(*leaves, torch.full((1, 1), 1e3)), leaves)
    return all(bool(gradient.isfinite().all()) for gradient in gradients)


def _finite(finite: bool) -> str:
    return "finite" if finite else "not finite"
