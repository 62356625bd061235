"""Given heads: what every head can do, l2 regression, one discrete action, independent dimensions.

Shapes: B batch, F features, A numbers in an action, K classes or bins.
"""

from jaxtyping import Float, Int64
from torch import Generator, Tensor, nn

from hw1.losses import categorical_nll, mse_loss
from hw1.sampling import bin_centre, sample_index, to_bin

Features, Actions, Loss = Float[Tensor, "B F"], Float[Tensor, "B A"], Float[Tensor, ""]


class Head(nn.Module):
    """A distribution over actions given features, as `hw1.heads` explains it."""

    exercise = "given"
    """What to look at when the loss of this head becomes nan or infinite."""

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        """How badly does it explain the expert's actions? The mean over the batch."""
        raise NotImplementedError

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        """Draws an action."""
        raise NotImplementedError

    def mode(self, features: Features) -> Actions:
        """One deterministic action, at or near a peak of the distribution if the head can tell where it is."""
        raise NotImplementedError


class DeterministicHead(Head):
    """Version 0: one action, trained by l2 regression. With multimodal experts this is the mean of the modes."""

    exercise = "1.1 mse_loss"

    def __init__(self, in_dim: int, action_dim: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, action_dim)

    def forward(self, features: Features) -> Float[Tensor, "B A"]:
        return self.linear(features)

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        return mse_loss(self(features), action)

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        return self(features)

    def mode(self, features: Features) -> Actions:
        return self(features)


class CategoricalHead(Head):
    """One discrete action. Maximally expressive: any distribution over K actions is a softmax."""

    exercise = "1.2 categorical_nll"

    def __init__(self, in_dim: int, num_actions: int):
        super().__init__()
        self.linear = nn.Linear(in_dim, num_actions)

    def forward(self, features: Features) -> Float[Tensor, "B K"]:
        """Logits."""
        return self.linear(features)

    def loss(self, features: Features, action: Int64[Tensor, " B"], generator: Generator | None = None) -> Loss:
        return categorical_nll(self(features), action)

    def sample(self, features: Features, generator: Generator | None = None) -> Int64[Tensor, " B"]:
        return sample_index(self(features), generator)

    def mode(self, features: Features) -> Int64[Tensor, " B"]:
        return self(features).argmax(dim=-1)


class IndependentCategoricalHead(Head):
    """Discretise every dimension and give each its own softmax: any marginals, but no dependence between them.

    The ablation of exercise E.1: what goes wrong when "left" and "fast" are drawn independently?
    """

    exercise = "1.2 categorical_nll"

    def __init__(self, in_dim: int, action_dim: int, bins: int = 255):
        super().__init__()
        self.action_dim, self.bins = action_dim, bins
        self.linear = nn.Linear(in_dim, action_dim * bins)

    def forward(self, features: Features) -> Float[Tensor, "B A K"]:
        """Logits of the K = `bins` bins of every dimension."""
        return self.linear(features).unflatten(-1, (self.action_dim, self.bins))

    def loss(self, features: Features, action: Actions, generator: Generator | None = None) -> Loss:
        # The nll of a product of distributions is the sum of their nlls: A times the mean over B x A.
        logits = self(features).flatten(0, 1)
        return self.action_dim * categorical_nll(logits, to_bin(action, self.bins).flatten())

    def sample(self, features: Features, generator: Generator | None = None) -> Actions:
        logits = self(features)
        index = sample_index(logits.flatten(0, 1), generator).unflatten(0, logits.shape[:2])
        return bin_centre(index, self.bins)

    def mode(self, features: Features) -> Actions:
        return bin_centre(self(features).argmax(dim=-1), self.bins)
