"""The numbers that come from papers are the papers' own; each test says where it is printed."""

import math

import numpy as np
import torch

from hw1.heads import DiffusionHead, FlowMatchingHead
from hw1.policy import PRESETS
from hw1.sampling import bin_centre, draw_flow_time, squared_cosine_abar, to_bin
from hw1.training import TrainConfig, Training


def preset(name: str, *fields: str) -> tuple:
    return tuple(getattr(PRESETS[name], field) for field in fields)


def test_openvla_predicts_one_action_token_by_token_in_bins_over_the_1st_to_99th_percentile():
    """Kim et al. 2024, section 3.2; its ActionTokenizer: np.linspace(-1, 1, 256), and the centres between them."""
    assert preset("openvla", "head", "history", "chunk", "execute") == ("autoregressive", 1, 1, 1)
    assert preset("openvla", "bins", "action_scale") == (255, "quantile")
    edges = np.linspace(-1, 1, 256)
    centres = bin_centre(torch.arange(255), 255)
    np.testing.assert_allclose(centres, (edges[:-1] + edges[1:]) / 2, atol=1e-6)
    inside = torch.linspace(-0.999, 0.999, 777)
    np.testing.assert_array_equal(to_bin(inside, 255), np.digitize(inside, edges) - 1)


def test_diffusion_policy_sees_2_observations_plans_16_actions_and_executes_8():
    """Chi et al. 2023, appendix A (T_o = 2, T_p = 16, T_a = 8); A.1: scaled by the range, clipped to [-1, 1]."""
    assert preset("diffusion-policy", "head", "history", "chunk", "execute") == ("diffusion", 2, 16, 8)
    assert preset("diffusion-policy", "action_scale") == ("minmax",)


def test_diffusion_policy_has_100_noise_levels_and_10_steps_to_sample():
    """Chi et al. 2023, section 3.4."""
    assert preset("diffusion-policy", "diffusion_steps", "sampling_steps") == (100, 10)


def test_groot_n1_is_flow_matching_of_16_actions_in_4_euler_steps():
    """NVIDIA 2025, section 2.1 (H = 16, K = 4, equation 1); Isaac-GR00T, data_config.py: normalization "min_max"."""
    assert preset("groot", "head", "history", "chunk", "sampling_steps") == ("flow", 1, 16, 4)
    assert preset("groot", "execute", "action_scale") == (16, "minmax")


def test_pi0_is_flow_matching_of_50_actions_of_which_25_are_executed():
    """Black et al. 2024, section IV (H = 50, 10 steps of 0.1) and appendix D; openpi: quantiles for all but pi0."""
    assert preset("pi0", "head", "history", "chunk", "sampling_steps") == ("flow", 1, 50, 10)
    assert preset("pi0", "execute", "action_scale") == (25, "standard")


def test_flow_times_are_those_of_pi0_and_groot():
    """Black et al. 2024, appendix B: p(tau) = Beta((s - tau) / s; 1.5, 1) with s = 0.999; our t is 1 - tau."""
    t = draw_flow_time(200_000, torch.device("cpu"), torch.Generator().manual_seed(0)).double()
    x = (0.999 - (1 - t)) / 0.999  # Beta(1.5, 1), whose distribution function is x^1.5
    assert t.min() >= 0.001 - 1e-6
    assert t.max() <= 1
    for share in (0.1, 0.5, 0.9):
        standard_error = math.sqrt(share * (1 - share) / len(x))
        assert abs(float((x**1.5 < share).double().mean()) - share) < 5.5 * standard_error


def test_flow_is_a_straight_path_that_euler_follows_from_the_noise():
    """Black et al. 2024, section IV: A^tau = tau A + (1 - tau) noise; A^(tau + delta) = A^tau + delta v."""
    head = FlowMatchingHead(3, 2, 4)
    asked = []
    head.forward = lambda features, x, t: asked.append((x, t)) or torch.full_like(x, 2.0)
    head.mode(torch.zeros(1, 3))
    assert [float(t) for _, t in asked] == [1, 0.75, 0.5, 0.25]  # tau = 0, 1/4, 2/4, 3/4
    assert [float(x[0, 0]) for x, _ in asked] == [0, -0.5, -1, -1.5]


def test_noise_levels_are_the_squared_cosine_of_iddpm():
    """Nichol & Dhariwal 2021, equation 17: f(n) = cos^2((n/N + s) / (1 + s) pi/2) with s = 0.008; betas at most 0.999;
    Chi et al. 2023, section 3.3, use it."""
    levels = 100
    f = [math.cos((n / levels + 0.008) / 1.008 * math.pi / 2) ** 2 for n in range(levels + 1)]
    abar = squared_cosine_abar(levels).double()
    np.testing.assert_allclose(abar[:-1], [f[n + 1] / f[0] for n in range(levels - 1)], rtol=1e-5)
    assert abs(float(1 - abar[-1] / abar[-2]) - 0.999) < 1e-5


def test_ddim_without_noise_keeps_the_predicted_noise():
    """Song et al. 2021, equation 12 with sigma = 0; Ho et al. 2020, equation 4 for the noisy action."""
    head = DiffusionHead(3, 2, steps=20, sampling_steps=5, clip=10.0)
    clean, noise = torch.tensor([[0.3, -0.8]]), torch.tensor([[1.1, 0.4]])
    head.forward = lambda features, noisy, n: noise
    start = head.abar[-1].sqrt() * clean + (1 - head.abar[-1]).sqrt() * noise
    torch.testing.assert_close(head.deterministic(torch.zeros(1, 3), start), clean, atol=1e-3, rtol=1e-3)


def test_the_weights_are_averaged_as_diffusion_policy_does(tiny_dataset):
    """Chi et al. 2023, their EMAModel: decay 1 - (1 + t)^-power with power = 0.75, here `ema`."""
    run = Training(tiny_dataset(), PRESETS["openvla"], TrainConfig(steps=3, ema=0.75))
    name, before = next((k, v.clone()) for k, v in run.models.average.items())
    with torch.no_grad():
        run.models.params[name] += 1.0
    run.models.update_average(5)
    torch.testing.assert_close(run.models.average[name] - before, torch.full_like(before, 6**-0.75))
