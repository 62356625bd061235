"""Training on anybody's data: what is refused, early stopping, the mask of padded actions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hw1 import bc, training
from hw1.bc import fit, gradient_step
from hw1.demos import Dataset
from hw1.policy import PolicyConfig
from hw1.training import NonFiniteLoss, TrainConfig, Training

SMALL = PolicyConfig(hidden=(16, 16))


def options(**given) -> TrainConfig:
    return TrainConfig(**{"steps": 150, "batch_size": 16} | given)


def weights(policy, learner: int = 0, member: int = 0) -> torch.Tensor:
    return torch.cat([v.flatten() for v in policy.networks[learner][member].state_dict().values()])


def hopeless(data: Dataset, seed: int = 0) -> Dataset:
    """The actions are noise, so that the held-out loss soon rises."""
    return replace(data, action=np.random.default_rng(seed).standard_normal(data.action.shape).astype(np.float32))


# --- what is refused -------------------------------------------------------------------------------------------------
FLOATS = ("learning_rate", "weight_decay", "ema", "validation")
WHOLE = ("steps", "batch_size", "members", "patience", "seed")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in FLOATS for value in (math.nan, math.inf, -math.inf, -0.1, "x", None)),
        *((field, value) for field in WHOLE for value in (math.nan, math.inf, -1, 2.5, "x", None)),
        *((field, 0) for field in ("steps", "batch_size", "members", "learning_rate")),
        ("ema", 1.1),
        ("validation", 1.0),
        ("seed", 2**32),
        ("mask", 2),
        ("device", "gpu"),
        ("device", "cpu:7"),
        ("device", "cuda:-1"),
        ("device", "meta"),
        ("device", ""),
        ("device", None),
    ],
)
def test_an_option_without_sense_is_named_with_its_value(field, value):
    with pytest.raises(ValueError, match=field) as error:
        TrainConfig(**{field: value})
    assert repr(value) in str(error.value)
    assert any(remedy in str(error.value) for remedy in ("must be", "use cpu"))


@pytest.mark.parametrize(("device", "says"), [("cuda", "GPU"), ("cuda:7", "GPU"), ("mps", "Apple")])
def test_a_device_that_is_not_here_is_refused_in_words(device, says, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=rf"device '{device}'.*{says}.*use cpu"):
        TrainConfig(device=device)


def test_a_gpu_that_is_one_too_many_is_refused_and_those_that_exist_are_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for device in ("cuda", "cuda:1", "mps", "cpu"):
        TrainConfig(device=device)
    with pytest.raises(ValueError, match=r"'cuda:2'.*cuda:1"):
        TrainConfig(device="cuda:2")


def with_number(data: Dataset, part: str, number: float) -> Dataset:
    values = getattr(data, part).astype(np.float64)
    values[17, 1] = number
    return replace(data, **{part: values})


@pytest.mark.parametrize("part", ["obs", "action"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e39, -3e38])
def test_a_number_that_float32_cannot_compute_with_is_named(part, number, tiny_dataset):
    name = {"obs": "observations", "action": "actions"}[part]
    with pytest.raises(ValueError, match=f"{name} hold .* in dimension 1 of sample 17"):
        fit(with_number(tiny_dataset(), part, number), SMALL, options())


def test_large_observations_are_scaled_or_refused(tiny_dataset):
    data = tiny_dataset()
    large = replace(data, obs=data.obs * np.float32(1e20))
    before, after = (fit(d, SMALL, options()).train_loss for d in (data, large))
    np.testing.assert_allclose(before, after, rtol=1e-3)
    with pytest.raises(ValueError, match=r"observations hold .* at most 1e\+09"):
        fit(large, replace(SMALL, observation_scale="none"), options())


def test_arrays_of_another_type_train_like_float32(tiny_dataset):
    data = tiny_dataset()
    double = replace(data, obs=data.obs.astype(np.float64), action=data.action.astype(np.float64))
    data.obs.setflags(write=False)  # such as a file that is mapped into memory
    assert torch.equal(*(weights(fit(each, SMALL, options()).policy) for each in (data, double)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"obs": lambda d: d.obs[:, 0]}, "observations must have two axes"),
        ({"action": lambda d: d.action[..., None]}, "actions must have two axes"),
    ],
)
def test_arrays_of_another_shape_are_refused(change, says, tiny_dataset):
    data = tiny_dataset()
    with pytest.raises(ValueError, match=says):
        fit(replace(data, **{k: f(data) for k, f in change.items()}), SMALL, options())


def test_discrete_actions_are_integers_and_not_too_many(tiny_dataset):
    data, categorical = tiny_dataset(discrete=True), PolicyConfig("categorical")
    with pytest.raises(ValueError, match=r"integers, got float32.*\[M, A\]"):
        fit(replace(data, action=data.action.astype(np.float32)), categorical, options())
    with pytest.raises(ValueError, match="from 0 to 1000000000000"):
        fit(replace(data, action=data.action * 10**12), categorical, options())


# --- outliers --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["quantile", "minmax", "standard"])
@pytest.mark.parametrize("episodes", [2, 3, 20])
def test_an_outlier_is_told_once_with_its_dimension(how, episodes, tiny_dataset):
    data = with_number(tiny_dataset(episodes=episodes, learners=2), "action", 1e3)
    with pytest.warns(UserWarning, match=r"dimension 1 of the actions: 1000 in sample 17") as told:
        fit(data, replace(SMALL, action_scale=how), options(steps=2, members=2))
    assert len(told) == 1


@pytest.mark.filterwarnings("ignore:dimension 1 of the actions")
def test_an_outlier_does_not_make_up_the_loss_where_percentiles_scale(tiny_dataset):
    data, config = tiny_dataset(episodes=20), replace(SMALL, action_scale="quantile")
    clean, spoiled = (fit(d, config, options(steps=300)) for d in (data, with_number(data, "action", 1e4)))
    assert spoiled.train_loss.max() < 1.5 * clean.train_loss.max()


def test_rare_actions_and_heavy_tails_are_no_outliers(tiny_dataset):
    data, rng = tiny_dataset(episodes=200), np.random.default_rng(0)
    rare = (rng.random(len(data)) < 0.005).astype(np.float32)  # a hand that seldom closes
    action = np.stack([rare, rng.laplace(size=len(data)), np.full(len(data), 3.0)], axis=1).astype(np.float32)
    for how in ("quantile", "minmax"):
        fit(replace(data, action=action), replace(SMALL, action_scale=how), options(steps=2))  # warnings are errors


# --- validation ------------------------------------------------------------------------------------------------------
def test_validation_holds_out_whole_episodes_of_every_learner(tiny_dataset):
    data = tiny_dataset(episodes=5, learners=2)
    trainer = Training(data, SMALL, options(validation=0.4, steps=400, members=2))
    for k in range(4):
        trained, held_out = (set(data.episode[rows.flatten()]) for rows in (trainer.batches[:, k], trainer.held_out[k]))
        assert len(trained) == 3
        assert len(held_out) == 2
        assert trained | held_out == set(range(5 * (k // 2), 5 * (k // 2) + 5))


def test_validation_loss_is_the_loss_on_held_out_episodes(tiny_dataset):
    data = tiny_dataset(episodes=5)
    train = options(validation=0.4, steps=100)
    result = fit(data, SMALL, train)
    rows = Training(data, SMALL, train).held_out[0].numpy()
    error = (result.policy(data.obs[rows]) - data.action[rows]) / result.policy.networks[0][0].action_width.numpy()
    assert result.validation_loss.shape == (1, 1)
    assert result.validation_loss[0, 0] == pytest.approx((error**2).sum(axis=1).mean(), rel=1e-4)


def test_validation_needs_episodes_to_hold_out(tiny_dataset):
    with pytest.raises(ValueError, match="cannot hold out 20% of 1 episodes"):
        fit(tiny_dataset(episodes=1), SMALL, options(validation=0.2))


def test_early_stopping_stops_once_nothing_improves_and_not_before(tiny_dataset):
    data = hopeless(tiny_dataset(episodes=4))
    train = options(steps=3_000, validation=0.5, patience=2, learning_rate=3e-3)
    curve = fit(data, SMALL, train).validation_loss.mean(axis=1)
    assert 3 <= len(curve) < 30
    assert curve[-2:].min() >= curve[:-2].min()
    assert all(curve[i - 1 : i + 1].min() < curve[: i - 1].min() for i in range(2, len(curve) - 1))
    assert len(fit(data, SMALL, replace(train, steps=800, patience=0)).validation_loss) == 8


EARLY = {"steps": 3_000, "validation": 0.5, "learning_rate": 3e-3, "members": 2}


def first_stop(curve: np.ndarray, patience: int) -> int:
    """Checks after which a learner with this curve stops, by the slow loop."""
    for checks in range(1, len(curve) + 1):
        if checks - 1 - int(np.argmin(curve[:checks])) >= patience:
            return checks
    return len(curve)


@pytest.mark.parametrize("ema", [0.0, 0.75])
@pytest.mark.parametrize("patience", [1, 4])
def test_each_learner_gets_the_weights_of_its_best_check(ema, patience, tiny_dataset):
    data = hopeless(tiny_dataset(episodes=4, learners=3))
    train = options(**EARLY, ema=ema, patience=patience)
    result = fit(data, SMALL, train)
    curve = result.validation_loss
    stops = [first_stop(curve[:, learner], patience) for learner in range(3)]
    assert len(curve) == max(stops)
    run = Training(data, SMALL, replace(train, patience=0))
    wanted = {(int(np.argmin(curve[: stops[k], k])) + 1) * training.CHECK_EVERY: k for k in range(3)}
    for step in range(1, max(wanted) + 1):
        gradient_step(run)
        for k in [k for k in range(3) if (int(np.argmin(curve[: stops[k], k])) + 1) * training.CHECK_EVERY == step]:
            now = run.models.weights
            for member, network in enumerate(result.policy.networks[k]):
                for name, value in network.named_parameters():
                    assert torch.equal(value, now[name][2 * k + member]), (k, name)


@pytest.mark.parametrize("ema", [0.0, 0.75])
@pytest.mark.parametrize("patience", [0, 3])
def test_the_validation_loss_is_that_of_the_policy_which_is_returned(ema, patience, tiny_dataset):
    data = hopeless(tiny_dataset(episodes=4))
    train = options(**EARLY | {"members": 1, "steps": 800}, ema=ema, patience=patience)
    result = fit(data, SMALL, train)
    rows = Training(data, SMALL, train).held_out[0].numpy()
    error = (result.policy(data.obs[rows]) - data.action[rows]) / result.policy.networks[0][0].action_width.numpy()
    expected = result.validation_loss[:, 0].min() if patience else result.validation_loss[-1, 0]
    assert (error**2).sum(axis=1).mean() == pytest.approx(expected, rel=1e-4)


def test_a_learner_stops_as_if_it_were_alone(tiny_dataset):
    """Learner 0 soon gets worse, learner 1 goes on; their held-out episodes have different lengths."""
    data = tiny_dataset(episodes=10, learners=2)
    action = np.where(data.learner[:, None] == 0, hopeless(data).action, data.action)
    data = replace(data, action=action.astype(np.float32))
    short = data.subset((data.learner == 1) | (np.arange(len(data)) % 20 < 7))
    train = options(steps=1_500, validation=0.5, patience=1, learning_rate=3e-3)
    together = fit(short, SMALL, train)
    alone = fit(short.subset(short.learner == 0), SMALL, train)
    stop = len(alone.validation_loss)
    assert stop < len(together.validation_loss)
    np.testing.assert_allclose(alone.validation_loss[:, 0], together.validation_loss[:stop, 0], rtol=1e-3)
    torch.testing.assert_close(weights(alone.policy), weights(together.policy), atol=1e-3, rtol=1e-3)


def test_a_learner_that_has_stopped_cannot_fail_the_others(tiny_dataset):
    run = Training(tiny_dataset(episodes=4, learners=2), SMALL, options(validation=0.5, patience=1))
    run.waited[0] = 1
    run.step = 99
    run.record(torch.tensor([math.nan, 1.0]))
    run.step = 199
    with pytest.raises(NonFiniteLoss):
        run.record(torch.tensor([1.0, math.nan]))


@pytest.mark.parametrize("head", ["flow", "diffusion", "l2"])
def test_looking_at_the_validation_loss_changes_no_training(head, tiny_dataset, monkeypatch):
    data = tiny_dataset(episodes=4)
    config = PolicyConfig(head, hidden=(16,), diffusion_steps=20)
    often = fit(data, config, options(validation=0.5))
    monkeypatch.setattr(training, "CHECK_EVERY", 1_000)
    assert torch.equal(weights(often.policy), weights(fit(data, config, options(validation=0.5)).policy))


@pytest.mark.parametrize("at", [100, 250, 420])
def test_an_interrupted_run_with_patience_continues_bit_for_bit(at, tiny_dataset, tmp_path, monkeypatch):
    data, path = hopeless(tiny_dataset(episodes=4, learners=2)), tmp_path / "run.safetensors"
    train = options(**EARLY, ema=0.75, patience=3)
    straight = fit(data, SMALL, train)
    run = Training(data, SMALL, train)
    for _ in range(at):
        gradient_step(run)
    run.save(path)
    monkeypatch.setattr(bc, "SAVE_EVERY", 10**6)
    resumed = fit(data, SMALL, train, checkpoint=path)
    np.testing.assert_array_equal(straight.validation_loss, resumed.validation_loss)
    for learner in range(2):
        for member in range(2):
            assert torch.equal(weights(straight.policy, learner, member), weights(resumed.policy, learner, member))


# --- the mask of padded actions --------------------------------------------------------------------------------------
def chunked(**shape) -> PolicyConfig:
    return replace(SMALL, **shape)


def test_with_a_mask_the_executed_actions_of_every_sample_are_real(tiny_dataset):
    data = tiny_dataset(episodes=8, learners=2)
    data = data.subset((data.episode % 2 == 0) | (np.arange(len(data)) % 20 < 2))  # episodes of 20 and of 2 steps
    end = {episode: np.flatnonzero(data.episode == episode)[[0, -1]] for episode in np.unique(data.episode)}
    run = Training(data, chunked(chunk=8, execute=5), options(mask=True, validation=0.25, steps=400))
    for k in range(2):
        trained, held_out = (set(rows.flatten().tolist()) for rows in (run.batches[:, k], run.held_out[k]))
        assert trained.isdisjoint(held_out)
        own = {r for r in range(len(data)) if data.learner[r] == k}
        wanted = {r for r in own if r + 4 <= end[data.episode[r]][1] or r == end[data.episode[r]][0]}
        assert trained | held_out == wanted


def test_a_mask_changes_nothing_where_no_action_is_padded_and_is_off_by_default(tiny_dataset):
    data = tiny_dataset()
    one = [weights(fit(data, SMALL, options(mask=mask)).policy) for mask in (False, True)]
    assert torch.equal(*one)
    config = chunked(chunk=8, execute=4)
    without, default = (fit(data, config, options(**given)).policy for given in ({"mask": False}, {}))
    assert torch.equal(weights(without), weights(default))
    assert not torch.equal(weights(without), weights(fit(data, config, options(mask=True)).policy))


def test_scales_are_those_of_all_training_samples_with_a_mask_too(tiny_dataset):
    """Actions near the end of an episode are targets of chunks that begin before."""
    data, config = tiny_dataset(), chunked(chunk=8, execute=8)
    networks = [fit(data, config, options(mask=mask, steps=1)).policy.networks[0][0] for mask in (False, True)]
    assert torch.equal(*(network.action_width for network in networks))


def test_copies_of_the_last_action_mislead_the_executed_actions_without_a_mask():
    """The action is the time; near the end of an episode, a chunk without a mask learns that time stands still."""
    time = np.tile(np.arange(10.0), 12).astype(np.float32)[:, None]
    episode = np.repeat(np.arange(12), 10)
    data = Dataset(time, time.copy(), episode, 0 * episode, 0 * episode)
    config = PolicyConfig(hidden=(32,), chunk=4, execute=4)
    error = []
    for mask in (False, True):
        policy = fit(data, config, options(steps=1_500, learning_rate=1e-2, mask=mask)).policy
        policy.reset(0)
        plan = [float(policy(np.array([[8.0]], dtype=np.float32))[0, 0]) for _ in range(4)]
        error.append(np.abs(np.array(plan) - [8, 9, 10, 11]).max())
    assert error[0] > 1.5
    assert error[1] < 1.0
