"""Behaviour cloning: training of all heads and seeds, checkpoints, errors, and the policies that come out."""

import inspect
import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from hw1 import bc, given_heads, heads
from hw1.bc import fit, gradient_step
from hw1.demos import Dataset
from hw1.policy import DISCRETE, HEADS, PRESETS, Actor, PolicyConfig, PolicyNetwork, centre_and_width
from hw1.training import NonFiniteLoss, TrainConfig, Training

MARKS = {
    "gaussian": pytest.mark.ex2_1,
    "mixture": pytest.mark.ex2_2,
    "autoregressive": pytest.mark.exE_1,
    "diffusion": pytest.mark.exE_2,
    "flow": pytest.mark.exE_3,
}
CONTINUOUS = [name for name in HEADS if name not in DISCRETE]
DRAWLESS = [name for name in CONTINUOUS if name not in ("diffusion", "flow")]  # their loss needs no random numbers


def each_head(names):
    return pytest.mark.parametrize("head", [pytest.param(n, marks=MARKS.get(n, ())) for n in names])


def config(head="l2", **options) -> PolicyConfig:
    return PolicyConfig(**{"head": head, "hidden": (16, 16), "bins": 9, "diffusion_steps": 20} | options)


def training(**options) -> TrainConfig:
    return TrainConfig(**{"steps": 150, "batch_size": 16} | options)


def weights(actor: Actor, learner: int = 0, member: int = 0) -> torch.Tensor:
    """All parameters and scales of one policy, as one vector."""
    return torch.cat([v.flatten() for v in actor.networks[learner][member].state_dict().values()])


def own(data: Dataset, learner: int) -> Dataset:
    return data.subset(data.learner == learner)


# --- learning --------------------------------------------------------------------------------------------------------
@each_head(HEADS)
def test_every_head_learns_with_history_and_chunks_for_several_seeds(head, tiny_dataset):
    data = tiny_dataset(learners=2, discrete=head in DISCRETE)
    shape = {} if head in DISCRETE else {"history": 2, "chunk": 3, "execute": 2}
    result = fit(data, config(head, **shape), training(steps=300, learning_rate=3e-3))
    assert result.train_loss.shape == (3, 2)
    start, end = result.train_loss[0], result.train_loss[-1]
    assert (end < start - 0.05 * np.abs(start)).all()
    obs = data.obs[:4]
    for _ in range(5):
        action = result.policy(obs)
        assert action.shape == ((4,) if head in DISCRETE else (4, 2))
        assert np.isfinite(action).all()


def test_a_linear_expert_is_cloned_to_the_least_squares_solution():
    rng = np.random.default_rng(0)
    obs = rng.standard_normal((64, 2)).astype(np.float32)
    action = (obs @ [[1.0, -0.5], [2.0, 0.3]] + [0.5, -3.0]).astype(np.float32)
    zeros = np.zeros(64, dtype=np.int64)
    data = Dataset(obs, action, zeros, zeros, zeros)
    options = training(steps=1_000, batch_size=64, learning_rate=1e-2, weight_decay=0.0)
    result = fit(data, PolicyConfig(hidden=(64,), action_scale="standard"), options)
    np.testing.assert_allclose(result.policy(obs), action, atol=0.05)


# --- seeds and neighbours --------------------------------------------------------------------------------------------
@each_head(CONTINUOUS)
def test_two_runs_with_one_seed_agree_bit_for_bit_and_other_seeds_differ(head, tiny_dataset):
    data = tiny_dataset()
    first, again = (fit(data, config(head), training(ema=0.75)) for _ in range(2))
    assert torch.equal(weights(first.policy), weights(again.policy))
    assert np.array_equal(first.train_loss, again.train_loss)
    other = fit(data, config(head), training(ema=0.75, seed=1))
    assert not torch.equal(weights(first.policy), weights(other.policy))


@each_head(DRAWLESS)
def test_a_learner_trained_together_with_others_equals_the_same_learner_alone(head, tiny_dataset):
    data = tiny_dataset(learners=3)
    together = fit(data, config(head), training())
    alone = fit(own(data, 0), config(head), training())
    torch.testing.assert_close(weights(together.policy, 0), weights(alone.policy), atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(together.train_loss[:, 0], alone.train_loss[:, 0], rtol=1e-4, atol=1e-5)
    assert (weights(together.policy, 1) - weights(together.policy, 0)).abs().max() > 0.01


def test_a_learner_sees_no_data_but_its_own(tiny_dataset):
    data = tiny_dataset(learners=2)
    changed = replace(data, action=np.where(data.learner[:, None] == 1, data.action, -data.action))
    before, after = fit(data, config(), training()).policy, fit(changed, config(), training()).policy
    torch.testing.assert_close(weights(before, 1), weights(after, 1), atol=1e-5, rtol=1e-5)
    assert (weights(before, 0) - weights(after, 0)).abs().max() > 0.01


def test_the_members_of_an_ensemble_differ_and_their_mean_acts(tiny_dataset):
    data = tiny_dataset(learners=2)
    policy = fit(data, config(), training(members=3)).policy
    assert [len(group) for group in policy.networks] == [3, 3]
    obs = data.obs[:6]
    answers = np.stack([member(obs) for member in policy.members()])  # (E, N, A)
    assert answers.std(axis=0).min() > 1e-4
    np.testing.assert_allclose(policy(obs), answers.mean(axis=0), atol=1e-5)
    one = fit(data, config(), training()).policy
    torch.testing.assert_close(weights(one, 1), weights(policy, 1, 0), atol=1e-4, rtol=1e-4)


def test_training_leaves_the_global_random_stream_alone(tiny_dataset):
    before = torch.get_rng_state()
    fit(tiny_dataset(), config("flow"), training(steps=3))
    assert torch.equal(before, torch.get_rng_state())


def test_the_moving_average_of_the_weights_lags_behind_them(tiny_dataset):
    """With power 0 < p < 1 the average weighs step t by (1 + t)^-p; replayed here with the weights after each step."""
    data, power, steps = tiny_dataset(), 0.75, 6
    trainer = Training(data, config(), training(steps=steps, ema=power))
    average = {k: v.detach().clone() for k, v in trainer.models.params.items()}
    for t in range(1, steps + 1):
        gradient_step(trainer)
        share = (1 + t) ** -power
        average = {k: (1 - share) * v + share * trainer.models.params[k].detach() for k, v in average.items()}
    result = trainer.policies()[0][0].state_dict()
    for name, expected in average.items():
        torch.testing.assert_close(result[name], expected[0])
        assert not torch.equal(result[name], trainer.models.params[name][0])


def test_each_epoch_sees_every_sample_once(tiny_dataset):
    data = tiny_dataset(episodes=2, learners=2)  # 40 samples each
    trainer = Training(data, config(), training(steps=10, batch_size=8))
    for k in range(2):
        for epoch in trainer.batches[:, k].reshape(2, 40):
            assert sorted(epoch.tolist()) == list(range(40 * k, 40 * k + 40))
    assert not torch.equal(trainer.batches[:5, 0], trainer.batches[5:, 0])


# --- checkpoints -----------------------------------------------------------------------------------------------------
class Interrupted:
    """Stands in for a user who presses Ctrl-C in the middle of gradient step `at`, counted from 0."""

    def __init__(self, monkeypatch, at: int):
        def interrupted(trainer):
            losses = trainer.losses

            def interrupted_losses(rows):
                loss = losses(rows)  # the noise has been drawn, the weights have not moved
                if trainer.step == at:
                    os.kill(os.getpid(), signal.SIGINT)
                return loss

            trainer.losses = interrupted_losses
            gradient_step(trainer)
            trainer.losses = losses

        monkeypatch.setattr(bc, "gradient_step", interrupted)


@each_head(["l2", "gaussian", "diffusion"])
@pytest.mark.parametrize("at", [0, 110])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(head, at, tiny_dataset, tmp_path, monkeypatch):
    data, path = tiny_dataset(learners=2), tmp_path / "deep" / "run.safetensors"
    options = training(steps=120, ema=0.75, validation=0.34, members=2)
    straight = fit(data, config(head), options)
    with monkeypatch.context() as patch:
        Interrupted(patch, at)
        with pytest.raises(KeyboardInterrupt):
            fit(data, config(head), options, checkpoint=path)
    assert list(path.parent.iterdir()) == [path]
    resumed = fit(data, config(head), options, checkpoint=path)
    for learner in range(2):
        for member in range(2):
            assert torch.equal(weights(straight.policy, learner, member), weights(resumed.policy, learner, member))
    np.testing.assert_array_equal(straight.train_loss, resumed.train_loss)
    np.testing.assert_array_equal(straight.validation_loss, resumed.validation_loss)


def test_what_an_interrupt_stops_is_saved_whenever_it_comes(tiny_dataset, tmp_path, monkeypatch):
    """Also between two looks at whether Ctrl-C was pressed: the answers are no, yes, yes, ..."""
    answers = chain([False], repeat(True))
    monkeypatch.setattr(bc, "interrupts_after_steps", lambda: nullcontext(lambda: next(answers)))
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_dataset(), config(), training(), checkpoint=path)
    assert path.exists()


def test_a_resumed_run_does_only_what_is_left(tiny_dataset, tmp_path, monkeypatch):
    data, path, options = tiny_dataset(), tmp_path / "run.safetensors", training(steps=60)
    monkeypatch.setattr(bc, "SAVE_EVERY", 20)
    fit(data, config(), options, checkpoint=path)  # the last checkpoint is of step 60
    monkeypatch.setattr(bc, "gradient_step", None)  # none is left to be made
    again = fit(data, config(), options, checkpoint=path)
    monkeypatch.undo()
    assert torch.equal(weights(again.policy), weights(fit(data, config(), options).policy))


def checkpointed(data, path):
    trainer = Training(data, config(), training())
    gradient_step(trainer)
    trainer.save(path)


def test_a_checkpoint_of_another_run_is_refused(tiny_dataset, tmp_path):
    data, path = tiny_dataset(), tmp_path / "run.safetensors"
    checkpointed(data, path)
    others = [
        (data, config("gaussian"), training()),
        (data, config(), training(seed=1)),
        (replace(data, action=-data.action), config(), training()),
        (tiny_dataset(episodes=5), config(), training()),
    ]
    for arguments in others:
        with pytest.raises(ValueError, match=r"run\.safetensors: a checkpoint of a run with other .*delete it"):
            fit(*arguments, checkpoint=path)


@pytest.mark.parametrize("damage", ["truncate", "empty", "foreign"])
def test_a_damaged_checkpoint_is_named(damage, tiny_dataset, tmp_path):
    data, path = tiny_dataset(), tmp_path / "run.safetensors"
    checkpointed(data, path)
    content = path.read_bytes()
    if damage == "foreign":
        save_file({"x": torch.zeros(3)}, path)  # of another program: without our metadata
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncate" else b"")
    with pytest.raises(ValueError, match=r"run\.safetensors: .*delete it to start again"):
        fit(data, config(), training(), checkpoint=path)


# --- what can go wrong -----------------------------------------------------------------------------------------------
def replace_loss(monkeypatch, name: str, loss) -> None:
    """Another loss for all heads, the given ones too."""
    for module in (heads, given_heads):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, loss)


@each_head(["l2", "gaussian", "mixture", "independent", "autoregressive", "diffusion", "flow"])
@pytest.mark.parametrize("learners", [1, 2])
def test_a_loss_that_is_not_finite_names_the_exercise(head, learners, tiny_dataset, monkeypatch):
    broken = {"gaussian": "gaussian_nll", "mixture": "mixture_nll", "independent": "categorical_nll"}
    broken |= {"autoregressive": "categorical_nll"}
    name = broken.get(head, "mse_loss")
    correct = getattr(heads, name)
    replace_loss(monkeypatch, name, lambda *inputs: correct(*inputs) * float("nan"))
    with pytest.raises(NonFiniteLoss, match=f"{head} head became nan") as error:
        fit(tiny_dataset(learners=learners), config(head), training())
    expected = {"l2": "1.1", "gaussian": "1.3", "mixture": "1.4", "diffusion": "E.2", "flow": "E.3"}
    assert expected.get(head, "1.2") in str(error.value)


def branching(pred, action):
    """A right answer that looks at values, which no `vmap` can batch."""
    error = (action - pred).square().sum(dim=-1)
    return error.mean() if error.max() > 0 else error.sum()


def over_rows(pred, action):
    return sum(((action[b] - pred[b]) ** 2).sum() for b in range(len(pred))) / len(pred)


def with_item(pred, action):
    error = (action - pred).square().sum(dim=-1).mean()
    return error if error.item() < 1e9 else error.clamp(max=1e9)


def in_place(pred, action):
    total = torch.zeros(())
    total += (action - pred).square().sum(dim=-1).mean()
    return total


def through_numpy(pred, action):
    return (torch.from_numpy(action.numpy()) - pred).square().sum(dim=-1).mean()


@pytest.mark.ex1_1
@pytest.mark.parametrize("loss", [branching, over_rows, with_item, in_place, through_numpy])
def test_a_right_loss_trains_to_the_same_weights_however_it_is_written(loss, tiny_dataset, monkeypatch):
    data = tiny_dataset(learners=2)
    expected = fit(data, config(), training(steps=60))
    replace_loss(monkeypatch, "mse_loss", loss)
    got = fit(data, config(), training(steps=60))
    for learner in range(2):
        torch.testing.assert_close(
            weights(got.policy, learner), weights(expected.policy, learner), atol=1e-4, rtol=1e-4
        )


def test_an_error_inside_a_loss_is_not_mistaken_for_one_of_vmap(tiny_dataset, monkeypatch):
    def wrong(pred, action):
        raise RuntimeError("the size of tensor a must match")

    replace_loss(monkeypatch, "mse_loss", wrong)
    with pytest.raises(RuntimeError, match="the size of tensor a"):
        fit(tiny_dataset(learners=2), config(), training())


def test_two_layers_may_share_their_weights(tiny_dataset, monkeypatch):
    class Tied(given_heads.DeterministicHead):
        def __init__(self, *dims):
            super().__init__(*dims)
            self.first = torch.nn.Linear(dims[0], dims[0])
            self.second = torch.nn.Linear(dims[0], dims[0])
            self.second.weight = self.first.weight

        def forward(self, features):
            return self.linear(self.second(self.first(features)))

    monkeypatch.setitem(HEADS, "l2", lambda config, *dims: Tied(*dims))
    data = tiny_dataset(learners=2)
    result = fit(data, config(), training(steps=300, learning_rate=3e-3))
    head = result.policy.networks[1][0].head
    assert head.second.weight is head.first.weight
    data = own(data, 1)
    with torch.no_grad():
        loss = result.policy.networks[1][0].loss(
            torch.from_numpy(data.obs)[:, None], torch.from_numpy(data.action)[:, None]
        )
    assert loss < 2 * result.train_loss[-1, 1], "the policy acts with the weights that were trained"
    assert result.train_loss[-1, 1] < result.train_loss[0, 1] / 2


def test_an_empty_dataset_is_refused(tiny_dataset):
    data = tiny_dataset()
    with pytest.raises(ValueError, match="empty"):
        fit(data.subset(np.zeros(len(data), dtype=bool)), config(), training())


def test_a_learner_without_samples_is_named(tiny_dataset):
    with pytest.raises(ValueError, match="learner 0 has no samples"):
        fit(own(tiny_dataset(learners=2), 1), config(), training())


@pytest.mark.parametrize(("head", "discrete", "kind"), [("l2", True, "discrete"), ("categorical", False, "continuous")])
def test_a_head_that_does_not_fit_the_actions_is_refused(head, discrete, kind, tiny_dataset):
    with pytest.raises(ValueError, match=f"{head} head does not fit the dataset's {kind} actions"):
        fit(tiny_dataset(discrete=discrete), config(head), training())


def test_an_ensemble_of_categorical_heads_votes(tiny_dataset):
    data = tiny_dataset(discrete=True)
    policy = fit(data, config("categorical"), training(members=3, steps=20)).policy
    votes = np.stack([member(data.obs) for member in policy.members()]).sum(axis=0)
    assert {1, 2} & set(votes)  # they do not always agree
    np.testing.assert_array_equal(policy(data.obs), votes >= 2)


def test_a_loss_that_is_not_a_scalar_names_the_exercise(tiny_dataset, monkeypatch):
    replace_loss(monkeypatch, "mse_loss", lambda pred, action: (pred - action).square().sum(dim=-1))  # no mean
    for learners in (1, 2):
        with pytest.raises(ValueError, match=r"scalar.*1\.1"):
            fit(tiny_dataset(learners=learners), config(), training())


def test_a_single_sample_can_be_cloned(tiny_dataset):
    data = tiny_dataset()
    data = data.subset(np.arange(len(data)) == 3)
    policy = fit(data, config(), training(steps=300, learning_rate=1e-2)).policy
    np.testing.assert_allclose(policy(data.obs), data.action, atol=0.05)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"steps": 0}, "at least 1"),
        ({"validation": 1.0}, "validation"),
        ({"patience": 3}, "set validation"),
    ],
)
def test_impossible_training_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        TrainConfig(**options)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"execute": 2}, "execute"),
        ({"history": 0}, "history"),
        ({"head": "categorical", "chunk": 2}, "chunk must be 1"),
    ],
)
def test_impossible_policies_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        PolicyConfig(**options)


# --- scaling ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["standard", "minmax", "quantile"])
def test_actions_are_scaled_as_named_and_constant_dimensions_are_not_stretched(how):
    rng = np.random.default_rng(0)
    action = np.stack([rng.exponential(3.0, 500) - 7, np.full(500, 4.0), 4 + 1e-6 * rng.random(500)], axis=1)
    centre, width = centre_and_width(torch.from_numpy(action).float(), how)
    low, high = {
        "standard": (action.mean(0) - action.std(0), action.mean(0) + action.std(0)),
        "minmax": (action.min(0), action.max(0)),
        "quantile": (np.percentile(action, 1, axis=0), np.percentile(action, 99, axis=0)),
    }[how]
    np.testing.assert_allclose(centre, (low + high) / 2, rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(width, [(high - low)[0] / 2, 1.0, 1.0], rtol=5e-3)


@pytest.mark.parametrize("scale", ["standard", "none"])
def test_observations_are_standardised_or_left_alone(scale):
    policy = PolicyNetwork(config(observation_scale=scale, history=2), 3, 2)
    obs = torch.randn(500, 3) * torch.tensor([1.0, 20.0, 0.0]) + torch.tensor([5.0, 0.0, 2.0])
    policy.set_scales(obs, torch.rand(500, 2))
    policy.trunk = torch.nn.Identity()
    seen = policy.features(torch.stack([obs, obs], dim=1))  # (B, W * O), the oldest observation first
    expected = obs if scale == "none" else (obs - obs.mean(0)) / torch.tensor([*obs.std(0)[:2], 1.0])
    torch.testing.assert_close(seen, torch.cat([expected, expected], dim=1), rtol=5e-3, atol=5e-3)


# --- the actor -------------------------------------------------------------------------------------------------------
class Transparent(PolicyNetwork):
    """Its plan is written by hand: action h of a chunk is the mean of its history plus 100 h."""

    def act(self, obs, generator=None, deterministic=False):
        assert obs.shape[1:] == (self.config.history, self.obs_dim)
        weight = torch.arange(1.0, self.config.history + 1)  # the newest counts most
        base = (obs * weight[:, None]).sum(dim=1)  # (B, O)
        return base[:, None] + 100 * torch.arange(self.config.chunk)[:, None]


@pytest.mark.parametrize(("history", "chunk", "execute"), [(1, 1, 1), (3, 1, 1), (1, 4, 2), (2, 5, 5), (3, 4, 3)])
def test_history_and_chunks_match_a_slow_loop(history, chunk, execute):
    shape = {"history": history, "chunk": chunk, "execute": execute}
    actor = Actor([[Transparent(config(**shape), 2, 2)]])
    rng = np.random.default_rng(0)
    for episode in range(2):
        actor.reset(episode)
        seen = []
        for t in range(11):
            seen.append(rng.standard_normal((5, 2)).astype(np.float32))
            planned_at = t - t % execute
            expected = 100.0 * (t - planned_at)
            for m in range(history):  # m = history - 1 is the newest; before the start, the first observation
                expected = expected + (m + 1) * seen[max(planned_at - history + 1 + m, 0)]
            np.testing.assert_allclose(actor(seen[-1]), expected, rtol=1e-5, atol=1e-4)


def test_learners_share_the_environments_in_consecutive_parts_with_streams_of_their_own(tiny_dataset):
    data = tiny_dataset(learners=3)
    policy = fit(data, config("gaussian"), training(steps=5)).policy
    obs = data.obs[:6]
    policy.reset(7)
    answers = policy(obs)
    for s in range(3):
        generator = torch.Generator().manual_seed(7 * 1_000 + s)
        with torch.no_grad():
            own_answer = policy.networks[s][0].act(torch.from_numpy(obs[2 * s : 2 * s + 2, None]), generator)
        np.testing.assert_allclose(answers[2 * s : 2 * s + 2], own_answer[:, 0], atol=1e-6)
    policy.reset(0)
    with pytest.raises(ValueError, match="5 environments cannot be shared evenly by 3"):
        policy(data.obs[:5])


def test_a_reset_repeats_the_draws_and_a_deterministic_policy_has_none(tiny_dataset):
    data = tiny_dataset()
    policy = fit(data, config("gaussian"), training(steps=5)).policy
    draws = []
    for seed in (0, 0, 1):
        policy.reset(seed)
        draws.append(policy(data.obs))
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    steady = fit(data, config("gaussian"), training(steps=5), deterministic=True).policy
    answers = []
    for seed in (0, 1):
        steady.reset(seed)
        answers.append(steady(data.obs))
    assert np.array_equal(*answers)


@each_head(["l2", "mixture", "diffusion", "categorical"])
def test_saved_policies_act_as_before(head, tiny_dataset, tmp_path):
    data = tiny_dataset(learners=2, discrete=head in DISCRETE)
    policy = fit(data, config(head, hidden=(8, 12)), training(steps=5)).policy
    policy.save(tmp_path / "deep" / "policy.safetensors")
    loaded = Actor.load(tmp_path / "deep" / "policy.safetensors")
    assert loaded.config == policy.config
    for actor in (policy, loaded):
        actor.reset(3)
    for _ in range(3):
        np.testing.assert_array_equal(policy(data.obs[:4]), loaded(data.obs[:4]))


def test_saved_ensembles_keep_their_members_and_stay_deterministic(tiny_dataset, tmp_path):
    data = tiny_dataset(learners=2)
    policy = fit(data, config("gaussian"), training(steps=5, members=2)).policy
    policy.save(tmp_path / "policy.safetensors")
    loaded = Actor.load(tmp_path / "policy.safetensors")
    for actor in (policy, loaded):
        actor.reset(3)
    np.testing.assert_array_equal(policy(data.obs[:4]), loaded(data.obs[:4]))
    assert loaded.deterministic
    assert [len(group) for group in loaded.networks] == [2, 2]


@pytest.mark.parametrize("damage", ["missing", "truncate", "empty", "foreign", "checkpoint", "other layers"])
def test_a_file_that_is_not_a_policy_is_named(damage, tiny_dataset, tmp_path):
    data, path = tiny_dataset(), tmp_path / "policy.safetensors"
    fit(data, config(), training(steps=5)).policy.save(path)
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "truncate":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "foreign":
            save_file({"x": torch.zeros(3)}, path)
        case "checkpoint":
            checkpointed(data, path)
        case "other layers":  # the head was edited since
            with safe_open(path, "pt") as file:
                save_file({"0.0.trunk.0.weight": torch.zeros(3, 3)}, path, metadata=file.metadata())
    with pytest.raises(ValueError, match=r"(?s)policy\.safetensors: .*(train it again|makes one)"):
        Actor.load(path)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_train_and_act(name, tiny_dataset):
    data = tiny_dataset(learners=2)
    preset = replace(PRESETS[name], hidden=(16, 16))
    policy = fit(data, preset, training(steps=2)).policy
    for _ in range(preset.execute + 1):
        action = policy(data.obs[:4])
        assert action.shape == (4, 2)
        assert np.isfinite(action).all()


def test_every_option_of_the_training_is_documented():
    source = inspect.getsource(TrainConfig) + inspect.getsource(PolicyConfig)
    fields = [*TrainConfig.__dataclass_fields__, *PolicyConfig.__dataclass_fields__]
    assert source.count('\n    """') == len(fields) + 2  # and the two classes
