"""Part 2 and E.1 to E.3: heads against closed forms and slow loops; what they draw is judged statistically."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from hw1 import heads, policy
from hw1.policy import PRESETS, PolicyConfig, PolicyNetwork

FEATURES, WIDE, ACTIONS, DRAWS = 6, 32, 2, 20_000

MARKS = {
    "gaussian": pytest.mark.ex2_1,
    "mixture": pytest.mark.ex2_2,
    "autoregressive": pytest.mark.exE_1,
    "diffusion": pytest.mark.exE_2,
    "flow": pytest.mark.exE_3,
}


def maker(name: str):
    """Makes a small head for continuous actions."""
    config = PolicyConfig(name, components=3, bins=11, diffusion_steps=20, sampling_steps=5)
    return lambda: policy.HEADS[name](config, FEATURES, ACTIONS)


HEADS = [
    pytest.param(maker(name), id=name, marks=MARKS.get(name, ()))
    for name in policy.HEADS
    if name not in policy.DISCRETE
]
all_heads = pytest.mark.parametrize("make", HEADS)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def constant(head: heads.Head, *outputs: list) -> heads.Head:
    """`head`, whose linear layer now gives `outputs` for any features."""
    with torch.no_grad():
        head.linear.weight.zero_()
        head.linear.bias.copy_(torch.cat([torch.tensor(o, dtype=torch.float32).flatten() for o in outputs]))
    return head


def bimodal(count: int, number: int) -> torch.Tensor:
    """Actions `[count, 2]`, left and fast (0.5, 0.5) or right and slow (-0.5, -0.5)."""
    side = torch.randint(0, 2, (count, 1), generator=seed(number)) - 0.5
    return side.expand(-1, 2) + 0.02 * torch.randn(count, 2, generator=seed(number + 1))


def draws_after_training(head: heads.Head, steps: int) -> torch.Tensor:
    """Fit a head of WIDE features, all 1, to `bimodal` and sample it: `[2000, 2]`."""
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    features, noise = torch.ones(256, WIDE), seed(3)
    for i in range(steps):
        optimizer.zero_grad()
        head.loss(features, bimodal(256, 2 * i), noise).backward()
        optimizer.step()
    return head.sample(torch.ones(2_000, WIDE), seed(5)).detach()


def cross_share(actions: torch.Tensor) -> float:
    """Share of samples that combine one mode's steering with the other's acceleration."""
    return (actions.prod(dim=1) < 0).float().mean().item()


# --- what all heads have in common -----------------------------------------------------------------------------------
@all_heads
@pytest.mark.parametrize("batch", [1, 4])
def test_loss_is_a_scalar_whose_gradient_reaches_every_parameter_and_the_features(make, batch):
    head, features = make(), torch.randn(batch, FEATURES, requires_grad=True)
    loss = head.loss(features, 2 * torch.rand(batch, ACTIONS) - 1, seed(0))
    loss.backward()
    assert loss.shape == ()
    assert features.grad.abs().sum() > 0
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in head.parameters())


@all_heads
def test_sample_and_mode_give_one_action_for_each_row_and_repeat_with_the_generator(make):
    head, features = make(), torch.randn(5, FEATURES)
    sample = head.sample(features, seed(0))
    assert sample.shape == head.mode(features).shape == (5, ACTIONS)
    assert sample.dtype == torch.float32
    assert torch.equal(sample, head.sample(features, seed(0)))
    assert torch.equal(head.mode(features), head.mode(features))


@all_heads
def test_loss_repeats_with_the_generator_and_only_diffusion_and_flow_need_one(make):
    head, features, action = make(), torch.randn(5, FEATURES), torch.rand(5, ACTIONS)
    assert torch.equal(head.loss(features, action, seed(0)), head.loss(features, action, seed(0)))
    assert torch.equal(head.loss(features, action, seed(0)), head.loss(features, action, seed(1))) != isinstance(
        head, heads.DiffusionHead | heads.FlowMatchingHead
    )


@all_heads
def test_all_draws_come_from_the_generator(make):
    head, features, action = make(), torch.randn(5, FEATURES), torch.rand(5, ACTIONS)
    before = torch.get_rng_state()
    head.sample(features, seed(0))
    head.loss(features, action, seed(0))
    head.mode(features)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("make", [p for p in HEADS if p.id != "l2"])
def test_rows_of_a_batch_are_drawn_independently(make):
    head, features = make(), torch.randn(1, FEATURES).expand(50, -1)
    assert len(head.sample(features, seed(0)).unique(dim=0)) > 3


# --- given: l2, categorical, independent -----------------------------------------------------------------------------
def test_deterministic_head_is_the_l2_regression():
    head, features, action = (
        heads.DeterministicHead(FEATURES, ACTIONS),
        torch.randn(5, FEATURES),
        torch.randn(5, ACTIONS),
    )
    pred = head(features)
    torch.testing.assert_close(head.loss(features, action), ((pred - action) ** 2).sum() / 5)
    assert torch.equal(pred, head.mode(features))
    assert torch.equal(pred, head.sample(features))


def test_categorical_head_matches_torch_distributions(near):
    head, features = heads.CategoricalHead(FEATURES, 4), torch.randn(5, FEATURES)
    index = torch.tensor([0, 3, 1, 2, 2])
    probs = Categorical(logits=features @ head.linear.weight.T + head.linear.bias).probs
    torch.testing.assert_close(head.loss(features, index), -probs[torch.arange(5), index].log().mean())
    assert torch.equal(head.mode(features), probs.argmax(-1))
    drawn = head.sample(features[:1].expand(DRAWS, -1), seed(0))
    for k in range(4):
        near((drawn == k).float(), probs[0, k].item())


def test_independent_head_is_a_product_of_categoricals_over_bins():
    head, features = heads.IndependentCategoricalHead(FEATURES, ACTIONS, 4), torch.randn(3, FEATURES)
    action = torch.tensor([[-0.9, 0.9], [0.1, -0.3], [0.6, 0.2]])  # quarters of [-1, 1]: 0 1 2 3
    bins = torch.tensor([[0, 3], [2, 1], [3, 2]])
    slow = -sum(Categorical(logits=head(features)[:, a]).log_prob(bins[:, a]) for a in range(ACTIONS)).mean()
    torch.testing.assert_close(head.loss(features, action), slow)
    assert set(head.sample(features, seed(0)).flatten().tolist()) <= {-0.75, -0.25, 0.25, 0.75}


# --- bins ------------------------------------------------------------------------------------------------------------
@given(st.floats(-1, 1, width=32), st.integers(1, 300))
def test_a_bin_centre_is_at_most_half_a_bin_away(value, bins):
    action = torch.tensor([value])
    index = heads.to_bin(action, bins)
    assert 0 <= index <= bins - 1
    assert (heads.bin_centre(index, bins) - action).abs() <= 1 / bins + 1e-6


def test_actions_outside_the_range_go_to_the_outermost_bins():
    assert heads.to_bin(torch.tensor([-7.0, -1.0, 1.0, 7.0]), 10).tolist() == [0, 0, 9, 9]


def test_openvla_tokens_are_255_centres_between_256_edges_of_the_1st_to_99th_percentile():
    rng = np.random.default_rng(0)
    actions = rng.standard_t(3, (5_000, 2)).astype(np.float32) * [1.0, 20.0] + [0.0, 5.0]
    low, high = np.quantile(actions, [0.01, 0.99], axis=0)
    edges = np.linspace(-1, 1, 256)
    centres = (edges[1:] + edges[:-1]) / 2

    network = PolicyNetwork(PRESETS["openvla"], 3, 2)
    network.set_scales(torch.zeros(2, 3), torch.from_numpy(actions).float())
    scaled = ((torch.from_numpy(actions) - network.action_centre) / network.action_width).double()
    np.testing.assert_allclose(scaled, (actions - low) / (high - low) * 2 - 1, atol=1e-5)

    index = heads.to_bin(scaled, network.config.bins)
    expected = np.clip(np.digitize(scaled, edges) - 1, 0, 254)
    assert np.mean(index.numpy() != expected) < 1e-3  # an action on an edge may round to either side
    decoded = heads.bin_centre(index, network.config.bins).numpy()
    np.testing.assert_allclose(decoded, centres[index], atol=1e-6)
    inside = scaled.abs().numpy() <= 1
    assert np.abs(decoded - scaled.numpy())[inside].max() <= 0.00392 + 2e-6
    assert 0.97 < inside.mean() < 0.99


# --- 2.1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex2_1
def test_gaussian_head_splits_the_linear_layer_into_mean_then_log_std():
    head, features = heads.GaussianHead(FEATURES, ACTIONS), torch.randn(4, FEATURES)
    out = features @ head.linear.weight.T + head.linear.bias
    mean, log_std = head(features)
    torch.testing.assert_close(mean, out[:, :ACTIONS])
    torch.testing.assert_close(log_std, out[:, ACTIONS:])
    assert torch.equal(head.mode(features), mean)


@pytest.mark.ex2_1
def test_gaussian_head_clamps_log_std_and_nothing_else():
    mean, log_std = constant(heads.GaussianHead(FEATURES, 2), [50.0, -50.0], [50.0, -50.0])(torch.ones(1, FEATURES))
    assert mean.tolist() == [[50.0, -50.0]]
    assert log_std.tolist() == [[heads.LOG_STD_RANGE[1], heads.LOG_STD_RANGE[0]]]


@pytest.mark.ex2_1
def test_gaussian_head_loss_is_the_likelihood_of_the_action():
    head, features, action = heads.GaussianHead(FEATURES, ACTIONS), torch.randn(4, FEATURES), torch.randn(4, ACTIONS)
    mean, log_std = head(features)
    expected = -Independent(Normal(mean, log_std.exp()), 1).log_prob(action).mean()
    torch.testing.assert_close(head.loss(features, action), expected)


@pytest.mark.ex2_1
def test_gaussian_samples_have_the_mean_and_the_standard_deviation_not_the_variance(near):
    head = constant(heads.GaussianHead(FEATURES, 2), [0.7, -2.0], [math.log(0.2), math.log(3.0)])
    drawn = head.sample(torch.ones(DRAWS, FEATURES), seed(0))
    for a, (mean, std) in enumerate([(0.7, 0.2), (-2.0, 3.0)]):
        near(drawn[:, a], mean)
        near((drawn[:, a] - mean) ** 2, std**2)
    near((drawn[:, 0] - 0.7) * (drawn[:, 1] + 2.0), 0.0)


# --- 2.2 -------------------------------------------------------------------------------------------------------------
LOGITS = [math.log(0.2), math.log(0.5), math.log(0.3)]
MEANS = [[1.0, 2.0], [-1.0, 0.0], [0.0, -2.0]]
LOG_STDS = [[math.log(0.1)] * 2, [math.log(0.05), math.log(0.2)], [math.log(0.02)] * 2]


def three_modes() -> heads.MixtureHead:
    return constant(heads.MixtureHead(FEATURES, 2, 3), LOGITS, MEANS, LOG_STDS)


@pytest.mark.ex2_2
def test_mixture_head_splits_the_linear_layer_into_logits_means_log_stds():
    logits, means, log_stds = three_modes()(torch.ones(2, FEATURES))
    for got, expected in ((logits, LOGITS), (means, MEANS), (log_stds, LOG_STDS)):
        torch.testing.assert_close(got, torch.tensor([expected, expected]))


@pytest.mark.ex2_2
def test_mixture_head_clamps_log_stds_and_nothing_else():
    head = constant(heads.MixtureHead(FEATURES, 1, 2), [50.0, -50.0], [50.0, -50.0], [50.0, -50.0])
    logits, means, log_stds = head(torch.ones(1, FEATURES))
    assert logits.tolist() == [[50.0, -50.0]]
    assert means.tolist() == [[[50.0], [-50.0]]]
    assert log_stds.tolist() == [[[heads.LOG_STD_RANGE[1]], [heads.LOG_STD_RANGE[0]]]]


@pytest.mark.ex2_2
def test_mixture_head_loss_is_the_likelihood_of_the_action():
    head, features, action = heads.MixtureHead(FEATURES, 2, 3), torch.randn(4, FEATURES), torch.randn(4, 2)
    logits, means, log_stds = head(features)
    library = MixtureSameFamily(Categorical(logits=logits), Independent(Normal(means, log_stds.exp()), 1))
    torch.testing.assert_close(head.loss(features, action), -library.log_prob(action).mean())


@pytest.mark.ex2_2
def test_mixture_mode_is_the_mean_of_the_heaviest_component():
    torch.testing.assert_close(three_modes().mode(torch.ones(2, FEATURES)), torch.tensor([MEANS[1], MEANS[1]]))


@pytest.mark.ex2_2
def test_mixture_samples_whole_components_with_their_weights_means_and_standard_deviations(near):
    drawn = three_modes().sample(torch.ones(DRAWS, FEATURES), seed(0))
    component = (drawn[:, None] - torch.tensor(MEANS)).norm(dim=-1).argmin(dim=-1)
    for k in range(3):
        own = drawn[component == k]
        near((component == k).float(), math.exp(LOGITS[k]))
        for a in range(2):
            near(own[:, a], MEANS[k][a])
            near((own[:, a] - MEANS[k][a]) ** 2, math.exp(LOG_STDS[k][a]) ** 2)
            assert ((own[:, a] - MEANS[k][a]).abs() < 8 * math.exp(LOG_STDS[k][a])).all()  # no cross modes


# --- E.1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.exE_1
def test_autoregressive_logits_depend_on_the_actions_before_and_on_no_others():
    head, features, action = heads.AutoregressiveHead(FEATURES, 4, 7), torch.randn(3, FEATURES), torch.rand(3, 4)
    logits = head(features, action)
    assert logits.shape == (3, 4, 7)
    for j in range(4):
        changed = action.clone()
        changed[:, j] += 0.5
        differs = (head(features, changed) != logits).any(dim=-1).any(dim=0)
        assert differs.tolist() == [i > j for i in range(4)]


@pytest.mark.exE_1
def test_autoregressive_dimensions_are_distinguished():
    head = heads.AutoregressiveHead(FEATURES, 3, 7)
    first, second, third = head(torch.ones(1, FEATURES), torch.zeros(1, 3))[0]
    assert not torch.allclose(first, second)
    assert not torch.allclose(second, third)


@pytest.mark.exE_1
def test_autoregressive_loss_in_one_pass_equals_the_chain_rule_step_by_step():
    head, features = heads.AutoregressiveHead(FEATURES, 3, 5), torch.randn(4, FEATURES)
    action = 2.4 * torch.rand(4, 3, generator=seed(0)) - 1.2
    total = 0.0
    for b in range(4):
        known = torch.zeros(1, 3)
        for i in range(3):
            index = min(max(int((action[b, i].item() + 1) / 2 * 5 // 1), 0), 4)
            total -= Categorical(logits=head(features[b : b + 1], known)[0, i]).log_prob(torch.tensor(index))
            known[0, i] = (index + 0.5) * 0.4 - 1  # sampling feeds bin centres, so training must too
    torch.testing.assert_close(head.loss(features, action), total / 4)


@pytest.mark.exE_1
def test_autoregressive_samples_follow_the_joint_distribution(near):
    head, features = heads.AutoregressiveHead(FEATURES, 2, 3), torch.ones(1, FEATURES)
    with torch.no_grad():
        for p in head.parameters():
            p.mul_(1.5)  # so that the second dimension depends visibly on the first, and no pair is too rare to count
        drawn = head.sample(features.expand(DRAWS, -1), seed(0))
        mode = head.mode(features)[0]
        centres = torch.tensor([-2 / 3, 0.0, 2 / 3])
        first = head(features, torch.zeros(1, 2))[0, 0].softmax(-1)
        rows = []
        for i, centre in enumerate(centres):
            second = head(features, torch.tensor([[centre, 0.0]]))[0, 1].softmax(-1)
            rows.append(second)
            for j, other in enumerate(centres):
                hit = torch.isclose(drawn, torch.stack([centre, other])).all(dim=-1)
                near(hit.float(), (first[i] * second[j]).item())
    assert (rows[0] - rows[2]).abs().max() > 0.05
    torch.testing.assert_close(mode[0], centres[first.argmax()])
    torch.testing.assert_close(mode[1], centres[rows[first.argmax()].argmax()])


# --- E.2 -------------------------------------------------------------------------------------------------------------
POINT = torch.tensor([0.6, -0.3])


def cosine_abar(steps: int) -> list[float]:
    """Nichol & Dhariwal 2021, equation 17, with the clipped betas multiplied one by one."""
    level = [math.cos((n / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for n in range(steps + 1)]
    product, abar = 1.0, []
    for n in range(steps):
        product *= 1 - min(1 - level[n + 1] / level[n], 0.999)
        abar.append(product)
    return abar


def with_noise_predictor(steps: int, sampling_steps: int | None, variance: float, centre=POINT) -> heads.DiffusionHead:
    """A diffusion head that knows: actions are normal around `centre`. variance 0 is a point mass."""
    head = heads.DiffusionHead(FEATURES, ACTIONS, steps, sampling_steps)
    abar = torch.tensor(cosine_abar(steps), dtype=torch.float64)

    def forward(features, noisy, n):
        a = abar[n][:, None]
        return ((1 - a).sqrt() * (noisy - a.sqrt() * centre) / (a * variance + 1 - a)).float()

    head.forward = forward
    return head


@pytest.mark.exE_2
def test_squared_cosine_schedule_has_the_published_values():
    abar = heads.squared_cosine_abar(100)
    assert abar[0].item() == pytest.approx(0.99937, abs=5e-6)
    assert abar[49].item() == pytest.approx(0.49384, abs=5e-6)
    assert abar[99].item() == pytest.approx(2.43e-7, rel=5e-3)
    for steps in (10, 100):
        np.testing.assert_allclose(heads.squared_cosine_abar(steps), cosine_abar(steps), rtol=1e-4)


@pytest.mark.exE_2
def test_diffusion_loss_of_a_perfect_denoiser_is_0_and_of_none_is_the_noise(near):
    head = with_noise_predictor(100, 8, 0.0)
    action = POINT.expand(500, -1)
    assert head.loss(torch.zeros(500, FEATURES), action, seed(0)).item() < 1e-5
    head.forward = lambda features, noisy, n: torch.zeros_like(noisy)
    losses = [head.loss(torch.zeros(100, FEATURES), POINT.expand(100, -1), seed(i)).item() for i in range(200)]
    near(losses, ACTIONS)


@pytest.mark.exE_2
def test_diffusion_training_visits_every_noise_level(near):
    head, seen = heads.DiffusionHead(FEATURES, ACTIONS, 4), []

    def forward(features, noisy, n):
        seen.append((n, noisy))
        return torch.zeros_like(noisy)

    head.forward = forward
    head.loss(torch.zeros(DRAWS, FEATURES), POINT.expand(DRAWS, -1), seed(0))
    n, noisy = seen[0]
    for step, abar in enumerate(cosine_abar(4)):
        near((n == step).float(), 1 / 4)
        for a in range(ACTIONS):
            own = noisy[n == step][:, a]
            near(own, math.sqrt(abar) * POINT[a].item())
            near((own - math.sqrt(abar) * POINT[a]) ** 2, 1 - abar)


@pytest.mark.exE_2
@pytest.mark.parametrize("sampling_steps", [1, 3, 8, 100, None], ids=lambda n: f"{n or 'ancestral'}")
def test_sampling_with_a_perfect_denoiser_recovers_a_point_mass(sampling_steps):
    head = with_noise_predictor(100, sampling_steps, 0.0)
    drawn = head.sample(torch.zeros(50, FEATURES), seed(0))
    tolerance = 2e-3 if sampling_steps == 1 else 1e-5  # sqrt(abar[99]) is 5e-4: one jump from there is rounding
    torch.testing.assert_close(drawn, POINT.expand(50, -1), atol=tolerance, rtol=0)


@pytest.mark.exE_2
@pytest.mark.parametrize("sampling_steps", [100, None], ids=["deterministic", "ancestral"])
def test_sampling_with_the_exact_denoiser_of_a_gaussian_has_its_standard_deviation(sampling_steps):
    head = with_noise_predictor(1_000, sampling_steps, 0.2**2, torch.zeros(ACTIONS))
    drawn = head.sample(torch.zeros(5_000, FEATURES), seed(0))
    assert drawn.mean().abs() < 0.015
    assert drawn.std().item() == pytest.approx(0.2, rel=0.04)


@pytest.mark.exE_2
def test_deterministic_sampling_depends_on_its_start_only_and_ancestral_draws_on():
    head, start = heads.DiffusionHead(FEATURES, ACTIONS, 10, 5), torch.randn(3, ACTIONS)
    features = torch.zeros(3, FEATURES)
    assert torch.equal(head.deterministic(features, start), head.deterministic(features, start))
    assert not torch.equal(head.ancestral(features, start, seed(0)), head.ancestral(features, start, seed(1)))
    assert torch.equal(head.mode(features), head.deterministic(features, torch.zeros(3, ACTIONS)))


@pytest.mark.exE_2
@pytest.mark.parametrize("sampling_steps", [8, None], ids=["deterministic", "ancestral"])
@pytest.mark.parametrize("clip", [1.0, 1.5])
def test_diffusion_samples_are_clipped_whatever_the_network_says(sampling_steps, clip):
    head = heads.DiffusionHead(FEATURES, ACTIONS, 50, sampling_steps, clip)
    head.forward = lambda features, noisy, n: 100 * torch.ones_like(noisy)
    assert head.sample(torch.zeros(20, FEATURES), seed(0)).abs().max().item() == pytest.approx(clip, rel=1e-4)


# --- E.3 -------------------------------------------------------------------------------------------------------------
def with_velocity(steps: int, variance: float, centre=POINT) -> heads.FlowMatchingHead:
    """A flow head that knows: actions are normal around `centre`. variance 0 is a point mass."""
    head = heads.FlowMatchingHead(FEATURES, ACTIONS, steps)

    def forward(features, x, t):
        t = t[:, None]
        off = x - (1 - t) * centre
        return off * (t - (1 - t) * variance) / (t**2 + (1 - t) ** 2 * variance) - centre

    head.forward = forward
    return head


@pytest.mark.exE_3
def test_flow_times_have_the_published_distribution(near):
    t = heads.draw_flow_time(400_000, torch.device("cpu"), seed(0))
    assert t.min() >= 0.001
    assert t.max() <= 1.0
    near(t, 0.001 + 0.999 * 0.6)  # E[t] = .6004
    near((t > 0.5).float(), 1 - ((0.5 - 0.001) / 0.999) ** 1.5)  # P(t > .5) = .6470
    assert t.mean().item() == pytest.approx(0.6004, abs=2.5e-3)
    assert (t > 0.5).float().mean().item() == pytest.approx(0.6470, abs=4.5e-3)


@pytest.mark.exE_3
def test_flow_loss_of_the_exact_velocity_is_0_and_of_none_is_noise_minus_action(near):
    head = with_velocity(10, 0.0)
    assert head.loss(torch.zeros(500, FEATURES), POINT.expand(500, -1), seed(0)).item() < 1e-5
    head.forward = lambda features, x, t: torch.zeros_like(x)
    losses = [head.loss(torch.zeros(100, FEATURES), POINT.expand(100, -1), seed(i)).item() for i in range(200)]
    near(losses, ACTIONS + POINT.square().sum().item())


@pytest.mark.exE_3
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_euler_with_the_exact_velocity_recovers_a_point_mass(steps):
    drawn = with_velocity(steps, 0.0).sample(torch.zeros(50, FEATURES), seed(0))
    torch.testing.assert_close(drawn, POINT.expand(50, -1), atol=1e-5, rtol=0)


@pytest.mark.exE_3
def test_euler_with_the_exact_velocity_of_a_gaussian_has_its_standard_deviation():
    drawn = with_velocity(200, 0.2**2).sample(torch.zeros(DRAWS, FEATURES), seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), POINT, atol=0.01, rtol=0)
    assert drawn.std(dim=0).tolist() == pytest.approx([0.2, 0.2], rel=0.04)


@pytest.mark.exE_3
def test_euler_asks_the_network_at_falling_times_that_never_reach_0():
    head, times = heads.FlowMatchingHead(FEATURES, ACTIONS, 4), []

    def forward(features, x, t):
        times.append(t.tolist())
        return torch.zeros_like(x)

    head.forward = forward
    start = head.mode(torch.zeros(2, FEATURES))
    assert times == [[1.0] * 2, [0.75] * 2, [0.5] * 2, [0.25] * 2]
    assert torch.equal(start, torch.zeros(2, ACTIONS))


# --- what the heads are for ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "steps"),
    [
        pytest.param(lambda: heads.MixtureHead(WIDE, 2, 2), 200, marks=pytest.mark.ex2_2, id="mixture"),
        pytest.param(lambda: heads.AutoregressiveHead(WIDE, 2, 8), 200, marks=pytest.mark.exE_1, id="autoregressive"),
        pytest.param(lambda: heads.DiffusionHead(WIDE, 2, 50, 10), 600, marks=pytest.mark.exE_2, id="diffusion"),
        pytest.param(lambda: heads.FlowMatchingHead(WIDE, 2, 10), 600, marks=pytest.mark.exE_3, id="flow"),
    ],
)
def test_expressive_heads_learn_both_modes_and_no_cross_modes(make, steps):
    drawn = draws_after_training(make(), steps)
    assert cross_share(drawn) < 0.03
    assert 0.4 < (drawn[:, 0] > 0).float().mean() < 0.6
    assert (drawn.abs() - 0.5).abs().mean() < 0.15


def test_independent_categoricals_learn_both_modes_and_the_cross_modes_too():
    drawn = draws_after_training(heads.IndependentCategoricalHead(WIDE, 2, 8), 200)
    assert 0.4 < cross_share(drawn) < 0.6
    assert (drawn.abs() - 0.5).abs().mean() < 0.15


@pytest.mark.ex2_1
def test_a_gaussian_head_puts_its_mean_between_the_modes():
    drawn = draws_after_training(heads.GaussianHead(WIDE, 2), 200)
    assert drawn.mean(dim=0).abs().max() < 0.1
    assert drawn.std(dim=0).tolist() == pytest.approx([0.5, 0.5], rel=0.1)
