"""The distances of `bimodal` measure what they say, and do not see bins that are finer than the kernel."""

import numpy as np
import pytest
import torch

from hw1.policy import PolicyNetwork
from hw1.sampling import bin_centre, to_bin
from hw1.tasks import BIMODAL
from scripts.experiments import bimodal
from scripts.experiments.base import Results
from scripts.experiments.bimodal import CELL, KERNEL, MODE, SPREAD


def experts(count: int = 4_000, spread: float = SPREAD, left: float = 0.5) -> np.ndarray:
    """Evenly spaced quantiles of two bells, so that nothing is left to chance."""
    normal = torch.distributions.Normal(0.0, spread)
    sizes = round(left * count), round((1 - left) * count)
    bells = [normal.icdf((torch.arange(size) + 0.5) / size).numpy() for size in sizes]
    return np.concatenate([bells[0] - MODE, bells[1] + MODE])


@pytest.mark.parametrize("shift", [0.0, 0.07, -0.3])
def test_wasserstein_is_how_far_samples_must_move(shift):
    assert bimodal.wasserstein(experts() + shift) == pytest.approx(abs(shift), abs=CELL)


def test_wasserstein_of_a_wrong_balance_is_the_way_between_the_modes():
    assert bimodal.wasserstein(experts(left=0.6)) == pytest.approx(0.1 * 2 * MODE, abs=CELL)


def test_wasserstein_of_the_mean_is_the_mean_distance_of_the_experts():
    assert bimodal.wasserstein(np.zeros(100)) == pytest.approx(np.abs(experts()).mean(), abs=CELL)


def test_total_variation_is_0_for_the_experts_and_1_elsewhere():
    assert bimodal.total_variation(experts()) < 0.005
    assert bimodal.total_variation(np.zeros(100)) > 0.99
    assert bimodal.total_variation(experts(left=0.6)) == pytest.approx(0.1, abs=0.005)


def test_bins_do_not_alias_but_spikes_count():
    """The autoregressive head's samples lie on 31 points; those of a head with too narrow modes are a real mistake."""
    end = 1.45
    binned = bin_centre(to_bin(torch.from_numpy(experts()) / end, 31), 31).numpy() * end
    assert bimodal.total_variation(binned) < 0.03
    assert bimodal.total_variation(experts(spread=SPREAD / 2)) > 0.2


def test_densities_are_smoothed_by_the_same_kernel_and_sum_to_1():
    for density in (bimodal.smoothed(experts()), bimodal.expert_density(KERNEL), bimodal.expert_density()):
        assert CELL * density.sum() == pytest.approx(1.0, abs=1e-6)
    point = bimodal.smoothed(np.zeros(5)) * CELL
    assert np.sqrt((point * bimodal.CENTRES**2).sum()) == pytest.approx(KERNEL, rel=0.02)


@pytest.mark.parametrize("head", bimodal.ITERATIVE)
def test_another_number_of_sampler_steps_keeps_the_weights(head):
    torch.manual_seed(0)
    policy = PolicyNetwork(BIMODAL[head].policy, 1, 1)
    same = bimodal._in_steps(policy, policy.config.sampling_steps)
    np.testing.assert_array_equal(bimodal._sample(same, 3), bimodal._sample(policy, 3))
    assert np.abs(bimodal._sample(bimodal._in_steps(policy, 2), 3) - bimodal._sample(policy, 3)).max() > 1e-3


def test_the_policies_of_the_demo_sample_without_fresh_noise():
    """Then the curve over sampler steps ends at the policy that the claims judge, or passes through it."""
    for head in bimodal.ITERATIVE:
        assert BIMODAL[head].policy.sampling_steps in bimodal.SAMPLER_STEPS


def test_each_expressive_head_has_two_claims_and_a_bad_fit_fails_them():
    good = {"wasserstein": np.full(3, 0.02), "variation": np.full(3, 0.03)}
    bad = {"wasserstein": np.full(3, 0.06), "variation": np.full(3, 0.11)}
    for arrays, holds in ((good, True), (bad, False)):
        results = Results({f"bimodal {head}": arrays for head in BIMODAL})
        claims = [claim for make in bimodal.CLAIMS for claim in make(results) if claim.claim.startswith("Fit of")]
        assert len(claims) == 8
        assert all(claim.holds == holds for claim in claims)
