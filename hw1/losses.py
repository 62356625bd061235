"""Part 1. Losses: from the mean of the expert's actions to their distribution.

Version 0 of imitation learning regresses to the expert's action. Version 1 maximises the log probability of the
demonstrated actions under the policy, so each loss below except the first is a negative log likelihood (nll).

Shapes: B batch, A numbers in an action, K classes (1.2) or mixture components (1.4). Every loss is a differentiable
scalar tensor of the dtype of its arguments: the mean over the batch. It depends on its arguments alone and does not
change them. They may be parts of larger tensors, so use reshape instead of view.
"""

import math

import torch
from jaxtyping import Float, Int64

LOG_2PI = math.log(2 * math.pi)


def mse_loss(pred: Float[torch.Tensor, "B A"], action: Float[torch.Tensor, "B A"]) -> Float[torch.Tensor, ""]:
    """Exercise 1.1. The lecture's version 0: mean over the batch of ||action - pred||^2.

    The squared l2 norm is summed over the action dimensions, not averaged.

    Args:
        pred: the policy's action.
        action: the expert's action.

    Example: pred (0, 0) and action (3, 4) give 25.
    """
    # TODO 1.1: square the differences, sum over A, average over B.
    # BEGIN SOLUTION 1.1
    return (action - pred).square().sum(dim=-1).mean()
    # END SOLUTION


def categorical_nll(logits: Float[torch.Tensor, "B K"], index: Int64[torch.Tensor, " B"]) -> Float[torch.Tensor, ""]:
    """Exercise 1.2. Mean over the batch of -log softmax(logits)[index].

    Args:
        logits: unnormalised log probabilities.
        index: the class that the expert chose, from 0 to K - 1.

    Example: with K equal logits it is log K. Logits of 1e4 must not overflow: never exponentiate by hand.
    """
    # TODO 1.2: normalise the logits in log space, then pick the expert's class.
    # BEGIN SOLUTION 1.2
    log_prob = torch.log_softmax(logits, dim=-1)  # (B, K)
    return -log_prob.gather(-1, index[:, None]).mean()
    # END SOLUTION


def gaussian_nll(
    mean: Float[torch.Tensor, "B A"], log_std: Float[torch.Tensor, "B A"], action: Float[torch.Tensor, "B A"]
) -> Float[torch.Tensor, ""]:
    """Exercise 1.3. Mean over the batch of -log N(action; mean, diag(std^2)), with its constants.

    -log N = sum over A of [ 1/2 ((action - mean) / std)^2 + log std + 1/2 log(2 pi) ]

    The formula holds for every standard deviation (log_std from -25 to 25) and at every distance, so clamp nothing, add
    no epsilon and stay in log space: the density of a distant action is 0 in float32, its logarithm is not.

    Args:
        log_std: the logarithm of the standard deviation, not of the variance.

    Example: with A = 1, action = mean and log_std = 0 it is 0.9189.
    """
    # TODO 1.3: the formula above (LOG_2PI is log(2 pi)); sum over A, average over B.
    # BEGIN SOLUTION 1.3
    standardised = (action - mean) * torch.exp(-log_std)
    return (0.5 * standardised.square() + log_std + 0.5 * LOG_2PI).sum(dim=-1).mean()
    # END SOLUTION


def mixture_nll(
    logits: Float[torch.Tensor, "B K"],
    means: Float[torch.Tensor, "B K A"],
    log_stds: Float[torch.Tensor, "B K A"],
    action: Float[torch.Tensor, "B A"],
) -> Float[torch.Tensor, ""]:
    """Exercise 1.4. Mean over the batch of -log sum_k w_k N(action; mean_k, diag(std_k^2)), w = softmax(logits).

    Args:
        logits: unnormalised log weights.
        means, log_stds: of each component; log_stds as in exercise 1.3.

    Value and gradient must be finite even for log_std = -20 at a distance of 1e3. There the density itself is 0 in
    float32 and its logarithm infinite, so stay in log space throughout (`torch.logsumexp`), and multiply by
    exp(-log_std) instead of dividing by a variance: the gradient of that division would overflow.

    Example: K = 1 equals `gaussian_nll`. So do K equal components, whatever their weights.
    """
    # TODO 1.4: log w_k, plus the log density of each component, then logsumexp over K.
    # BEGIN SOLUTION 1.4
    log_weight = torch.log_softmax(logits, dim=-1)  # (B, K)
    standardised = (action[:, None, :] - means) * torch.exp(-log_stds)  # (B, K, A)
    log_prob = -(0.5 * standardised.square() + log_stds + 0.5 * LOG_2PI).sum(dim=-1)  # (B, K)
    return -torch.logsumexp(log_weight + log_prob, dim=-1).mean()
    # END SOLUTION
