"""Demonstrations: windows that never leave an episode, what is recorded, and datasets on disk, intact and broken."""

import os
from dataclasses import fields
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from hypothesis import given
from hypothesis import strategies as st

from hw1.demos import Dataset, DatasetError, collect, load, record, save
from hw1.experts import ForkDriver, LaneExpert, two_drivers
from hw1.learners import by_learner, learner_of
from hw1.rollout import Rollout, rollout


def lane(num_envs=4, **options):
    return gym.make_vec("hw1/Lane-v0", num_envs=num_envs, **options)


def assert_same(left: Dataset, right: Dataset):
    for field in fields(Dataset):
        got, expected = getattr(left, field.name), getattr(right, field.name)
        np.testing.assert_array_equal(got, expected, err_msg=field.name)
        assert got.dtype == expected.dtype, field.name


# --- windows ---------------------------------------------------------------------------------------------------------
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(1, 4), st.integers(1, 6))
def test_windows_match_a_slow_loop_and_never_leave_an_episode(lengths, history, chunk):
    episode = np.repeat(np.arange(len(lengths)) * 3, lengths)  # episode numbers may have gaps
    size = len(episode)
    zeros = np.zeros(size, dtype=np.int64)
    back, ahead = Dataset(zeros[:, None], zeros[:, None], episode, zeros, zeros).windows(history, chunk)
    assert back.shape == (size, history)
    assert ahead.shape == (size, chunk)
    for i in range(size):
        own = [j for j in range(size) if episode[j] == episode[i]]
        assert back[i].tolist() == [max(i - k, own[0]) for k in reversed(range(history))]
        assert ahead[i].tolist() == [min(i + k, own[-1]) for k in range(chunk)]


def test_windows_of_the_docstrings_example():
    zeros = np.zeros(4, dtype=np.int64)
    back, ahead = Dataset(zeros, zeros, zeros, zeros, zeros).windows(history=2, chunk=3)
    assert back[0].tolist() == [0, 0]
    assert ahead[2].tolist() == [2, 3, 3]


def test_windows_of_an_empty_dataset_are_empty(tiny_dataset):
    data = tiny_dataset()
    back, ahead = data.subset(np.zeros(len(data), dtype=bool)).windows(2, 3)
    assert back.shape == (0, 2)
    assert ahead.shape == (0, 3)


def test_arrays_of_different_length_are_refused(tiny_dataset):
    data = tiny_dataset()
    with pytest.raises(ValueError, match=r"same length.*'episode': 3"):
        Dataset(data.obs, data.action, data.episode[:3], data.learner, data.driver)


# --- from a rollout --------------------------------------------------------------------------------------------------
def numbered_rollout(running, learners=1) -> Rollout:
    """The observation of step t in environment n is 100 n + t."""
    length, num = running.shape
    number = (100 * np.arange(num) + np.arange(length)[:, None]).astype(np.float32)
    zeros = np.zeros((length, num))
    learner = learner_of(num, learners)
    return Rollout(number[..., None], number[..., None], -number[..., None], zeros, running, zeros > 0, learner, {})


def test_a_rollout_becomes_one_environment_after_the_other():
    steps = numbered_rollout(np.ones((3, 4), dtype=bool), learners=2)
    data = Dataset.from_rollout(steps, steps.action, driver=np.array([1, -1, 0, 1]))
    assert data.obs[:, 0].tolist() == [0, 1, 2, 100, 101, 102, 200, 201, 202, 300, 301, 302]
    np.testing.assert_array_equal(data.action, -data.obs)
    assert data.episode.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert data.learner.tolist() == [0] * 6 + [1] * 6
    assert data.driver.tolist() == [1] * 3 + [-1] * 3 + [0] * 3 + [1] * 3


def test_a_gap_begins_a_new_episode_and_nothing_is_kept_after_a_termination():
    running = np.ones((5, 3), dtype=bool)
    running[3:, 1] = False
    keep = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [1, 1, 1]], dtype=bool)
    steps = numbered_rollout(running)
    data = Dataset.from_rollout(steps, steps.action, keep)
    assert data.obs[:, 0].tolist() == [0, 1, 3, 4, 100, 102, 204]
    assert data.episode.tolist() == [0, 0, 1, 1, 2, 3, 4]
    assert len(Dataset.from_rollout(steps, steps.action)) == 13


def test_environments_that_cannot_be_shared_evenly_are_refused():
    with pytest.raises(ValueError, match="3 environments cannot be shared evenly by 2"):
        lane(3, learners=2)
    with pytest.raises(ValueError, match="3 environments cannot be shared evenly by 2"):
        by_learner(np.zeros((4, 3)), 2, axis=1)


def test_values_are_split_by_learner_along_either_axis():
    steps = numbered_rollout(np.ones((3, 4), dtype=bool), learners=2)
    split = steps.by_learner(steps.obs)
    assert split.shape == (2, 3, 2, 1)  # [L, T, N / L, O]
    assert split[1, :, 0, 0].tolist() == [200, 201, 202]
    np.testing.assert_array_equal(by_learner(steps.obs[0], 2), split[:, 0])
    np.testing.assert_array_equal(by_learner(torch.from_numpy(steps.obs[0]), 2), split[:, 0])


def test_a_foreign_environment_has_one_learner():
    steps = rollout(gym.make_vec("Pendulum-v1", 3), lambda obs: np.zeros((3, 1), np.float32), 2, seed=0)
    assert steps.learner.tolist() == [0, 0, 0]


# --- collecting ------------------------------------------------------------------------------------------------------
def test_demonstrations_are_what_the_expert_did_and_repeat_with_the_seed():
    data = collect(lane(), LaneExpert(), 50, seed=3)
    steps = rollout(lane(), None, 50, 3, expert=LaneExpert())
    assert_same(data, Dataset.from_rollout(steps, LaneExpert()(steps.state)))
    assert_same(data, collect(lane(), LaneExpert(), 50, seed=3))
    assert not np.array_equal(data.obs, collect(lane(), LaneExpert(), 50, seed=4).obs)


@pytest.mark.parametrize("latency", [1, 4])
def test_with_latency_the_action_is_the_experts_of_so_many_steps_before(plane, latency):
    def expert(state):
        return (-0.5 * state).astype(np.float32)

    env = plane(3)
    data = collect(env, expert, 12, seed=0, latency=latency)
    for n in range(3):
        states, actions = (x[data.episode == n] for x in (data.obs / env.UNITS, data.action))
        for t in range(12):
            np.testing.assert_allclose(actions[t], expert(states[max(t - latency, 0)]), atol=1e-5)
        np.testing.assert_allclose(np.diff(states, axis=0), actions[:-1], atol=1e-5)  # and it was carried out


def test_noise_wobbles_slowly_around_the_expert_and_is_recorded(plane, near):
    def still(state):
        return np.zeros(state.shape, dtype=np.float32)

    env = plane(200)
    data = collect(env, still, 100, seed=0, noise=0.1)
    wobble = data.action.reshape(200, 100, 2)
    np.testing.assert_allclose(np.diff(data.obs.reshape(200, 100, 2) / env.UNITS, axis=1), wobble[:, :-1], atol=1e-4)
    near(wobble[:, -1], 0.0)
    near(wobble[:, -1] ** 2, 0.1**2)
    near(wobble[:, -1] * wobble[:, -4], 0.1**2 * 0.8**3)
    loud = collect(env, still, 20, seed=0, noise=3.0).action
    assert np.abs(loud).max() == 1.0
    assert loud.dtype == np.float32


def test_datasets_know_their_drivers():
    env = gym.make_vec("hw1/Fork-v0", num_envs=6, trees=3, gust_probability=0.0)
    drivers = two_drivers(6, 3, np.random.default_rng(0))
    data = collect(env, drivers, 60, seed=0)
    steps = rollout(env, None, 60, 0, expert=drivers)
    for n in range(6):
        tree = steps.state[steps.running[:, n], n, 5].astype(int)
        assert len(set(tree)) > 1
        np.testing.assert_array_equal(data.driver[data.episode == n], drivers.side[n][tree])
    assert set(collect(env, ForkDriver(side=-1), 5, seed=0).driver) == {-1}
    assert set(collect(lane(), LaneExpert(), 5, seed=0).driver) == {0}


@pytest.mark.parametrize("options", [{"noise": -0.1}, {"latency": -1}])
def test_negative_noise_and_latency_are_refused(options):
    with pytest.raises(ValueError, match="must not be negative"):
        collect(lane(), LaneExpert(), 5, seed=0, **options)


# --- on disk ---------------------------------------------------------------------------------------------------------
NAME = "lane/expert-v0"


@pytest.fixture
def saved(tmp_path):
    """The folder and the contents of a dataset of 12 episodes (so that 10 sorts before 2 as a string)."""
    data = collect(lane(12, learners=2), LaneExpert(), 7, seed=0)
    save(data, NAME, tmp_path, seed=0, env=lane(12))
    return tmp_path, data


def write_foreign(root, monkeypatch, name, episodes, **options):
    """A dataset as another program would write it: without our infos."""
    import minari
    from minari.data_collector import EpisodeBuffer

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    buffers = [
        EpisodeBuffer(
            id=i,
            observations=obs,
            actions=action,
            rewards=np.zeros(len(action)),
            terminations=np.zeros(len(action), dtype=bool),
            truncations=np.arange(len(action)) == len(action) - 1,
        )
        for i, (obs, action) in enumerate(episodes)
    ]
    minari.create_dataset_from_buffers(name, buffers, **options)


def write_arms(root, monkeypatch, start=0, **options) -> list[tuple[np.ndarray, np.ndarray]]:
    """The foreign dataset "foreign/arms-v0" of two episodes with discrete actions; returns them."""
    rng = np.random.default_rng(0)
    episodes = [(rng.random((n + 1, 2, 3)).astype(np.float32), start + rng.integers(4, size=n)) for n in (3, 5)]
    observations, actions = spaces.Box(0, 1, (2, 3), np.float32), spaces.Discrete(4, start=start)
    options |= {"observation_space": observations, "action_space": actions}
    write_foreign(root, monkeypatch, "foreign/arms-v0", episodes, **options)
    return episodes


def test_minari_gives_back_what_was_saved(saved):
    root, data = saved
    assert_same(load(NAME, root), data)
    assert_same(load(NAME, root, env=lane()), data)


def test_saving_again_replaces_the_dataset(saved):
    root, _ = saved
    other = collect(lane(), LaneExpert(), 4, seed=1)
    save(other, NAME, root, seed=1, env=lane())
    assert_same(load(NAME, root), other)


def test_saved_datasets_hold_their_seed_and_leave_the_environment_variable_alone(saved, monkeypatch):
    import minari

    root, _ = saved
    monkeypatch.setenv("MINARI_DATASETS_PATH", "elsewhere")
    load(NAME, root)
    assert os.environ["MINARI_DATASETS_PATH"] == "elsewhere"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    stored = minari.load_dataset(NAME)
    assert "seed 0" in stored.storage.metadata["description"]
    assert {int(m["seed"]) for m in stored.storage.get_episode_metadata(range(12))} == {0}


@pytest.mark.parametrize("start", [0, 1])
def test_a_foreign_dataset_with_discrete_actions_can_be_cloned_from(tmp_path, monkeypatch, start):
    episodes = write_arms(tmp_path, monkeypatch, start)
    data = load("foreign/arms-v0", tmp_path)
    np.testing.assert_allclose(data.obs, np.concatenate([obs[:-1].reshape(-1, 6) for obs, _ in episodes]))
    np.testing.assert_array_equal(
        data.action, np.concatenate([a for _, a in episodes])
    )  # numbered as in the environment
    assert data.action.dtype == np.int64
    assert data.episode.tolist() == [0] * 3 + [1] * 5
    assert not data.learner.any()
    assert not data.driver.any()


def says(where, *parts):
    """Expect a DatasetError that names the dataset, the folder and what to do."""
    return pytest.raises(DatasetError, match=".*".join([f"'{where[0]}'", str(where[1]), *parts]))


def test_a_missing_dataset_is_named_with_the_command_that_makes_it(tmp_path):
    with says((NAME, tmp_path), "python -m scripts.train"):
        load(NAME, tmp_path)


@pytest.mark.parametrize("damage", ["truncate", "empty file", "garbage", "no metadata"])
def test_a_damaged_dataset_is_named(saved, damage):
    root, _ = saved
    (file,) = root.rglob("*.hdf5")
    content = file.read_bytes()
    if damage == "no metadata":
        (file.parent / "metadata.json").unlink()
    else:
        file.write_bytes({"truncate": content[: len(content) // 2], "empty file": b"", "garbage": b"x" * 999}[damage])
    with says((NAME, root), "cannot be read", "collect it again under another name"):
        load(NAME, root)


@pytest.mark.parametrize("damage", ["data", "metadata"])
def test_collecting_again_replaces_a_damaged_dataset(saved, damage):
    root, data = saved
    for file in root.rglob("*.hdf5" if damage == "data" else "metadata.json"):
        file.write_bytes(b"x")
    save(data, NAME, root, seed=0, env=lane())
    assert_same(load(NAME, root), data)


def test_an_empty_dataset_is_named(saved):
    import h5py

    root, _ = saved
    (path,) = root.rglob("*.hdf5")
    with h5py.File(path, "r+") as file:
        for episode in list(file):
            del file[episode]
    with says((NAME, root), "collect it again"):
        load(NAME, root)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    data = collect(lane(), LaneExpert(), 7, seed=0)
    data.action[5] = np.nan
    save(data, NAME, tmp_path, seed=0, env=lane())
    with says((NAME, tmp_path), "not finite"):
        load(NAME, tmp_path)


@pytest.mark.parametrize("other", ["LaneNoHeading", "Fork", "Tightrope"])
def test_a_dataset_of_another_environment_is_refused_with_both_spaces(saved, other):
    root, _ = saved
    with says((NAME, root), "observations", r"\(128,\)"):
        load(NAME, root, env=gym.make_vec(f"hw1/{other}-v0", num_envs=1))


def test_a_dataset_of_actions_that_are_no_box_is_refused(tmp_path, monkeypatch):
    write_foreign(
        tmp_path,
        monkeypatch,
        "foreign/keys-v0",
        [(np.zeros((4, 1), dtype=np.float32), np.zeros((3, 2), dtype=np.int64))],
        observation_space=spaces.Box(0, 1, (1,), np.float32),
        action_space=spaces.MultiDiscrete([2, 2]),
    )
    with says(("foreign/keys-v0", tmp_path), "needs observations that can be flattened and Box or Discrete actions"):
        load("foreign/keys-v0", tmp_path)


def test_observations_of_any_structure_are_flattened_as_in_a_rollout(tmp_path, monkeypatch):
    space = spaces.Dict({"arm": spaces.Box(-1, 1, (2, 2), np.float64), "hand": spaces.Discrete(3)})
    arm, hand = np.arange(16.0).reshape(4, 2, 2), np.array([0, 1, 2, 0])
    write_foreign(
        tmp_path,
        monkeypatch,
        "foreign/arm-v0",
        [({"arm": arm, "hand": hand}, np.zeros((3, 2, 1), dtype=np.float32))],
        observation_space=space,
        action_space=spaces.Box(-1, 1, (2, 1), np.float32),
    )
    data = load("foreign/arm-v0", tmp_path)
    wanted = [spaces.utils.flatten(space, {"arm": a, "hand": h}) for a, h in zip(arm[:3], hand[:3], strict=True)]
    np.testing.assert_array_equal(data.obs, np.float32(wanted))
    assert data.action.shape == (3, 2)


def test_numbers_beyond_32_bits_are_told_with_their_dimension(tmp_path, monkeypatch):
    obs = np.zeros((4, 3))
    obs[2, 1] = 1e39
    write_foreign(
        tmp_path,
        monkeypatch,
        "foreign/huge-v0",
        [(obs, np.zeros((3, 1), dtype=np.float32))],
        observation_space=spaces.Box(-np.inf, np.inf, (3,), np.float64),
        action_space=spaces.Box(-1, 1, (1,), np.float32),
    )
    with says(("foreign/huge-v0", tmp_path), "observations are not finite 32-bit.*step 2 in dimension 1"):
        load("foreign/huge-v0", tmp_path)


@pytest.mark.parametrize("storage", ["hdf5", "arrow", "parquet"])
def test_every_format_of_minari_is_read(tmp_path, monkeypatch, storage):
    if storage != "hdf5":
        pytest.importorskip("pyarrow")
    episodes = write_arms(tmp_path, monkeypatch, data_format=storage)
    np.testing.assert_array_equal(load("foreign/arms-v0", tmp_path).action, np.concatenate([a for _, a in episodes]))


def test_a_missing_package_is_no_damage(saved, monkeypatch):
    import minari

    def broken(name):
        raise ImportError("pyarrow is not installed")

    monkeypatch.setattr(minari, "load_dataset", broken)
    with says((NAME, saved[0]), "pyarrow is not installed", "pip install pyarrow"):
        load(NAME, saved[0])


# --- true rewards, ends and environments -----------------------------------------------------------------------------
def stored(root: Path, name: str, monkeypatch):
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    return minari.load_dataset(name)


def test_a_stored_rollout_has_true_rewards_ends_and_the_last_observation(tmp_path, monkeypatch):
    env = gym.make_vec("CartPole-v1", 6, vectorization_mode="sync")
    steps = record(env, lambda state: (state[:, 2] > 0).astype(int), 45, seed=0)
    save(steps, "cart/pole-v0", tmp_path, seed=0, env=env)
    found = stored(tmp_path, "cart/pole-v0", monkeypatch)
    lengths = steps.running.sum(axis=0)
    assert len(set(lengths)) > 2
    assert [len(episode) for episode in found] == lengths.tolist()
    assert [episode.terminations[-1] for episode in found] == steps.terminated.tolist() == (lengths < 45).tolist()
    assert [episode.truncations[-1] for episode in found] == (lengths == 45).tolist()
    assert [episode.rewards.sum() for episode in found] == lengths.tolist()
    np.testing.assert_array_equal(np.stack([episode.observations[-1] for episode in found]), steps.final_obs)
    assert_same(load("cart/pole-v0", tmp_path, env=env), Dataset.from_rollout(steps, steps.action))


def test_the_environment_can_be_recovered_with_its_options(tmp_path, monkeypatch):
    env = gym.make_vec("hw1/LaneNoHeading-v0", num_envs=2, learners=2, pixel_noise=0.25)
    save(record(env, LaneExpert(), 5, seed=0), NAME, tmp_path, seed=0, env=env)
    again = stored(tmp_path, NAME, monkeypatch).recover_environment()
    assert again.spec.id == "hw1/LaneNoHeading-v0"
    assert again.unwrapped.batch.pixel_noise == 0.25
    assert again.observation_space.shape == (16,)


def test_a_dataset_whose_rewards_are_not_known_says_so(tmp_path, monkeypatch):
    save(collect(lane(), LaneExpert(), 5, seed=0), NAME, tmp_path, seed=0, env=lane())
    assert all(np.isnan(episode.rewards).all() for episode in stored(tmp_path, NAME, monkeypatch))


# --- nothing of others is deleted ------------------------------------------------------------------------------------
def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lane", "write NAMESPACE/NAME-v0"),
        ("lane/expert", "write NAMESPACE/NAME-v0"),
        (".", "write NAMESPACE/NAME-v0"),
        ("", "write NAMESPACE/NAME-v0"),
        ("..", "write NAMESPACE/NAME-v0"),
        ("../lane/expert-v0", "write NAMESPACE/NAME-v0"),
        ("/lane/expert-v0", "write NAMESPACE/NAME-v0"),
        ("lane/expert-v0/", "write NAMESPACE/NAME-v0"),
        ("lane/my expert-v0", "write NAMESPACE/NAME-v0"),
        ("lane/expert-v0/more-v0", "is no folder of datasets"),
        ("lane/notes-v0", "is no dataset"),
        ("file/expert-v0", "is no folder of datasets"),
    ],
)
def test_no_other_folder_is_touched(saved, name, why):
    root, data = saved
    (root / "lane/notes-v0").mkdir()
    (root / "lane/notes-v0/mine.txt").write_text("mine")
    (root / "file").write_text("mine")
    before = contents(root)
    with pytest.raises(DatasetError, match=why):
        save(data, name, root, seed=0, env=lane())
    assert contents(root) == before


def test_the_old_dataset_stays_until_the_new_one_is_complete(saved, monkeypatch):
    import minari

    root, data = saved
    before = contents(root)

    def broken(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(minari, "create_dataset_from_buffers", broken)
    with pytest.raises(KeyboardInterrupt):
        save(data, NAME, root, seed=0, env=lane())
    assert contents(root) == before


def test_other_datasets_of_the_namespace_stay(saved):
    root, data = saved
    before = contents(root)
    save(data, "lane/other-v0", root, seed=0, env=lane())
    assert before.items() <= contents(root).items()
    save(data, "lane/other-v0", root, seed=0, env=lane())
    assert before.items() <= contents(root).items()
    assert {path.name for path in root.iterdir()} == {"lane"}


# --- parts of datasets -----------------------------------------------------------------------------------------------
def test_a_gap_in_a_subset_begins_a_new_episode():
    zeros = np.zeros(10, dtype=np.int64)
    data = Dataset(np.arange(10.0)[:, None], zeros[:, None], np.repeat([4, 2], 5), zeros, zeros)
    part = data.subset(np.isin(np.arange(10), [0, 1, 3, 5, 6, 7, 9]))
    assert part.episode.tolist() == [4, 4, 5, 2, 2, 2, 6]
    assert data.subset(np.arange(10) > 6).episode.tolist() == [2, 2, 2]
    assert data.subset(np.zeros(10, dtype=bool)).episode.tolist() == []
    back, ahead = part.windows(2, 2)
    assert back[2].tolist() == [2, 2]
    assert ahead[1].tolist() == [1, 1]


# --- spaces of any kind ----------------------------------------------------------------------------------------------
class Seen(gym.Env):
    """Shows samples of any observation space."""

    def __init__(self, space):
        self.observation_space, self.action_space = space, spaces.Discrete(3, start=1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


def seen(space, num_envs=2):
    return gym.vector.SyncVectorEnv([lambda: Seen(space)] * num_envs)


def ones(state):
    return np.ones(len(state), dtype=int)


PARTS = {"arm": spaces.Box(-1, 1, (2, 2), np.float64), "hand": spaces.Discrete(3)}


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(4),
        spaces.Discrete(4, start=-2, dtype=np.int32),
        spaces.MultiDiscrete([2, 3]),
        spaces.Tuple([spaces.MultiBinary(2), spaces.Text(3)]),
        spaces.Dict(PARTS),
        spaces.Box(0, 255, (2, 2, 3), np.uint8),
    ],
    ids=lambda space: type(space).__name__,
)
def test_demonstrations_of_any_observation_space_come_back(tmp_path, space):
    steps = record(seen(space), ones, 3, seed=0)
    save(steps, NAME, tmp_path, seed=0, env=seen(space))
    assert_same(load(NAME, tmp_path, env=seen(space)), Dataset.from_rollout(steps, steps.action))


def test_the_parts_of_an_observation_are_in_the_environments_order(tmp_path, monkeypatch):
    space = spaces.Dict([("hand", spaces.Box(0, 9, (1,))), ("arm", spaces.Box(0, 9, (1,)))])  # Minari sorts them
    obs = {"hand": np.full((4, 1), 7, np.float32), "arm": np.full((4, 1), 2, np.float32)}
    about = {"observation_space": space, "action_space": spaces.Discrete(3, start=1)}
    write_foreign(tmp_path, monkeypatch, "foreign/parts-v0", [(obs, np.ones(3, dtype=int))], **about)
    assert load("foreign/parts-v0", tmp_path, env=seen(space)).obs.tolist() == [[7, 2]] * 3


@pytest.mark.parametrize(
    ("has", "needs"),
    [
        (spaces.Box(0, 1, (3, 2, 2)), spaces.Box(0, 1, (2, 2, 3))),
        (spaces.Dict({"a": spaces.Box(0, 1, (4,))}), spaces.Dict({"b": spaces.Box(0, 1, (4,))})),
        (spaces.Dict(PARTS), spaces.Dict(PARTS | {"arm": spaces.Box(-1, 1, (4,))})),
        (spaces.MultiDiscrete([2, 3]), spaces.MultiDiscrete([3, 2])),
        (spaces.Discrete(4), spaces.Discrete(4, start=1)),
    ],
)
def test_as_many_numbers_of_another_meaning_do_not_fit(tmp_path, monkeypatch, has, needs):
    rows = list(iterate(batch_space(has, 3), batch_space(has, 3).sample()))
    obs = create_empty_array(has, 3)
    concatenate(has, rows, obs)
    about = {"observation_space": has, "action_space": spaces.Discrete(3, start=1)}
    write_foreign(tmp_path, monkeypatch, "foreign/other-v0", [(obs, np.ones(2, dtype=int))], **about)
    assert len(load("foreign/other-v0", tmp_path, env=seen(has))) == 2
    with says(("foreign/other-v0", tmp_path), "its observations are .*, the environment's are .*"):
        load("foreign/other-v0", tmp_path, env=seen(needs))


def test_a_dataset_that_claims_to_be_ours_but_has_no_infos_is_named(tmp_path, monkeypatch):
    about = {"observation_space": spaces.Box(0, 1, (1,)), "action_space": spaces.Discrete(2)}
    episodes = [(np.zeros((4, 1), np.float32), np.ones(3, dtype=int))]
    write_foreign(tmp_path, monkeypatch, "foreign/ours-v0", episodes, algorithm_name="hw1.demos", **about)
    with says(("foreign/ours-v0", tmp_path), "lack what hw1.demos stores.*collect it again under another name"):
        load("foreign/ours-v0", tmp_path)


def test_demonstrations_in_an_environment_that_is_not_registered_are_stored(tmp_path):
    spec = gym.envs.registration.EnvSpec("Nowhere-v0", entry_point=lambda: Seen(spaces.Discrete(2)))
    env = gym.make_vec(spec, num_envs=1, vectorization_mode="sync")
    save(record(env, ones, 2, seed=0), NAME, tmp_path, seed=0, env=env)
    assert len(load(NAME, tmp_path, env=env)) == 2
