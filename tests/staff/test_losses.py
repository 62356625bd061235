"""Part 1 against closed forms, slow loops and torch.distributions."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from hw1.losses import categorical_nll, gaussian_nll, mixture_nll, mse_loss

SHAPES = [(1, 1), (1, 3), (5, 1), (7, 4)]  # (B, A); with A > 1 a sum is no mean, with B > 1 a mean is no sum


def draw(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(loss, *inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(loss(*inputs), inputs)


# --- 1.1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex1_1
def test_mse_of_a_3_4_5_triangle_is_25():
    assert mse_loss(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])).item() == pytest.approx(25.0)


@pytest.mark.ex1_1
@pytest.mark.parametrize("shape", SHAPES)
def test_mse_sums_over_dimensions_and_averages_over_the_batch(shape):
    pred, action = draw(*shape, seed=1), draw(*shape, seed=2)
    slow = sum((pred[b, a] - action[b, a]).item() ** 2 for b in range(shape[0]) for a in range(shape[1])) / shape[0]
    assert mse_loss(pred, action).shape == ()
    assert mse_loss(pred, action).item() == pytest.approx(slow, rel=1e-5)


@pytest.mark.ex1_1
def test_mse_gradient_is_twice_the_error_over_the_batch():
    pred, action = draw(4, 3, seed=1), draw(4, 3, seed=2)
    (gradient,) = gradients(lambda p: mse_loss(p, action), pred)
    torch.testing.assert_close(gradient, 2 * (pred - action) / 4)


# --- 1.2 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex1_2
@pytest.mark.parametrize(("batch", "classes"), [(1, 2), (1, 5), (6, 3)])
def test_categorical_nll_matches_torch_distributions(batch, classes):
    logits, index = draw(batch, classes, scale=3.0), torch.arange(batch) % classes
    expected = -Categorical(logits=logits).log_prob(index).mean()
    torch.testing.assert_close(categorical_nll(logits, index), expected)


@pytest.mark.ex1_2
def test_categorical_nll_of_equal_logits_is_log_k_whatever_their_level():
    for level in (0.0, 100.0, -100.0):
        assert categorical_nll(torch.full((3, 7), level), torch.tensor([0, 3, 6])).item() == pytest.approx(math.log(7))


@pytest.mark.ex1_2
def test_categorical_gradient_is_softmax_minus_one_hot():
    logits, index = draw(4, 3), torch.tensor([2, 0, 1, 1])
    (gradient,) = gradients(lambda x: categorical_nll(x, index), logits)
    torch.testing.assert_close(gradient, (logits.softmax(-1) - torch.eye(3, dtype=torch.float64)[index]) / 4)


@pytest.mark.ex1_2
def test_categorical_nll_does_not_overflow():
    logits, index = torch.tensor([[1e4, 0.0], [-1e4, 0.0]]), torch.tensor([1, 0])
    assert categorical_nll(logits, index).item() == pytest.approx(1e4)
    (gradient,) = gradients(lambda x: categorical_nll(x, index), logits)
    torch.testing.assert_close(gradient, torch.tensor([[0.5, -0.5], [-0.5, 0.5]]))


# --- 1.3 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex1_3
def test_gaussian_nll_of_a_standard_normal_at_its_mean_is_0_9189():
    zero = torch.zeros(1, 1)
    assert gaussian_nll(zero, zero, zero).item() == pytest.approx(0.918939, abs=1e-5)


@pytest.mark.ex1_3
@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_nll_matches_torch_distributions_where_std_is_not_1(shape):
    mean, log_std, action = draw(*shape, seed=1), draw(*shape, seed=2) - 0.7, draw(*shape, seed=3, scale=2.0)
    expected = -Independent(Normal(mean, log_std.exp()), 1).log_prob(action).mean()
    torch.testing.assert_close(gaussian_nll(mean, log_std, action), expected)


@pytest.mark.ex1_3
def test_gaussian_gradients_match_the_closed_form():
    mean, log_std, action = draw(4, 3, seed=1), draw(4, 3, seed=2), draw(4, 3, seed=3)
    z = (action - mean) / log_std.exp()
    by_mean, by_log_std = gradients(lambda m, s: gaussian_nll(m, s, action), mean, log_std)
    torch.testing.assert_close(by_mean, -z / log_std.exp() / 4)
    torch.testing.assert_close(by_log_std, (1 - z**2) / 4)


@pytest.mark.ex1_3
def test_gaussian_nll_is_smallest_at_the_sample_standard_deviation():
    action = draw(500, 1, scale=0.3)

    def loss(std):
        return gaussian_nll(torch.zeros_like(action), torch.full_like(action, math.log(std)), action)

    best = action.square().mean().sqrt().item()
    assert loss(best) < min(loss(0.9 * best), loss(1.1 * best), loss(best**2), loss(best**0.5))


# --- 1.4 -------------------------------------------------------------------------------------------------------------
def mixture_inputs(batch, components, action_dim):
    return (
        draw(batch, components, seed=1),
        draw(batch, components, action_dim, seed=2),
        draw(batch, components, action_dim, seed=3) - 0.5,
        draw(batch, action_dim, seed=4),
    )


def library_mixture_nll(logits, means, log_stds, action):
    components = Independent(Normal(means, log_stds.exp()), 1)
    return -MixtureSameFamily(Categorical(logits=logits), components).log_prob(action).mean()


def slow_mixture_nll(logits, means, log_stds, action) -> float:
    """In log space, one number after the other, in double precision."""
    logits, means, log_stds, action = (x.double().numpy() for x in (logits, means, log_stds, action))
    total = 0.0
    for b in range(len(action)):
        joint = -np.inf
        for k in range(logits.shape[1]):
            term = logits[b, k] - np.logaddexp.reduce(logits[b])
            for a in range(action.shape[1]):
                z = (action[b, a] - means[b, k, a]) / math.exp(log_stds[b, k, a])
                term -= 0.5 * z * z + log_stds[b, k, a] + 0.5 * math.log(2 * math.pi)
            joint = np.logaddexp(joint, term)
        total -= joint
    return total / len(action)


@pytest.mark.ex1_4
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 3), (6, 5, 1), (7, 4, 3)])
def test_mixture_nll_and_its_gradients_match_torch_distributions(shape):
    inputs = mixture_inputs(*shape)
    torch.testing.assert_close(mixture_nll(*inputs), library_mixture_nll(*inputs))
    for ours, theirs in zip(gradients(mixture_nll, *inputs), gradients(library_mixture_nll, *inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.ex1_4
def test_mixture_of_one_component_is_its_gaussian_whatever_the_logit():
    logits, means, log_stds, action = mixture_inputs(5, 1, 3)
    expected = -Independent(Normal(means[:, 0], log_stds[:, 0].exp()), 1).log_prob(action).mean()
    torch.testing.assert_close(mixture_nll(logits + 50, means, log_stds, action), expected)


@pytest.mark.ex1_4
def test_mixture_of_equal_components_is_their_gaussian_whatever_the_weights():
    logits, means, log_stds, action = mixture_inputs(5, 4, 2)
    means, log_stds = means[:, :1].expand_as(means), log_stds[:, :1].expand_as(log_stds)
    expected = -Independent(Normal(means[:, 0], log_stds[:, 0].exp()), 1).log_prob(action).mean()
    torch.testing.assert_close(mixture_nll(3 * logits, means, log_stds, action), expected)


@pytest.mark.ex1_4
def test_mixture_dimensions_share_the_component():
    """Modes at (1, 1) and (-1, -1): the cross mode (1, -1) is 20 standard deviations from both."""
    means = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])
    inputs = torch.zeros(1, 2), means, torch.full_like(means, math.log(0.1))
    on_mode, cross = (mixture_nll(*inputs, torch.tensor([a])) for a in ([1.0, 1.0], [1.0, -1.0]))
    assert (cross - on_mode).item() == pytest.approx(0.5 * 20**2 - math.log(2), rel=1e-5)


@pytest.mark.ex1_4
@pytest.mark.parametrize("log_std", [-20.0, -3.0, 0.0])
@pytest.mark.parametrize("distance", [0.0, 1.0, 1e3])
def test_mixture_nll_and_gradients_stay_finite_far_out_and_right(log_std, distance):
    logits = torch.tensor([[0.3, -0.4, 30.0]])
    means = torch.tensor([[[0.0, 0.0], [0.5, -0.5], [2.0, 1.0]]])
    inputs = logits, means, torch.full_like(means, log_std), torch.tensor([[distance, 0.25]])
    assert mixture_nll(*inputs).item() == pytest.approx(slow_mixture_nll(*inputs), rel=1e-5, abs=1e-5)
    assert all(gradient.isfinite().all() for gradient in gradients(mixture_nll, *inputs))


@pytest.mark.ex1_4
def test_mixture_gradient_of_the_logits_is_weight_minus_responsibility():
    logits, means, log_stds, action = mixture_inputs(3, 4, 2)
    log_joint = logits.log_softmax(-1) + Independent(Normal(means, log_stds.exp()), 1).log_prob(action[:, None])
    (gradient,) = gradients(lambda x: mixture_nll(x, means, log_stds, action), logits)
    torch.testing.assert_close(gradient, (logits.softmax(-1) - log_joint.softmax(-1)) / 3)


@pytest.mark.parametrize(
    ("loss", "inputs"),
    [
        pytest.param(mse_loss, (draw(3, 2), draw(3, 2, seed=1)), marks=pytest.mark.ex1_1),
        pytest.param(lambda x: categorical_nll(x, torch.tensor([1, 0])), (draw(2, 3),), marks=pytest.mark.ex1_2),
        pytest.param(gaussian_nll, (draw(3, 2), draw(3, 2, seed=1), draw(3, 2, seed=2)), marks=pytest.mark.ex1_3),
        pytest.param(mixture_nll, mixture_inputs(3, 2, 2), marks=pytest.mark.ex1_4),
    ],
    ids=["mse", "categorical", "gaussian", "mixture"],
)
def test_gradients_match_finite_differences_in_every_input(loss, inputs):
    assert torch.autograd.gradcheck(loss, [x.clone().requires_grad_() for x in inputs])
