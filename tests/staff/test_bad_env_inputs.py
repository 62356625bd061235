"""What users of the environments do wrong gets an error that names the option and its value."""

import gymnasium as gym
import numpy as np
import pytest

import hw1.envs  # noqa: F401 (registers the environments)

OPTIONS = [
    ("Lane", {"num_envs": 0}, "num_envs must be at least 1"),
    ("Lane", {"num_envs": -3}, "num_envs must be at least 1 and a whole number, got -3"),
    ("Lane", {"num_envs": 2.5}, "num_envs .* whole number, got 2.5"),
    ("Lane", {"num_envs": "2"}, "num_envs .* got '2'"),
    ("Lane", {"num_envs": True}, "num_envs .* got True"),
    ("Lane", {"learners": 0}, "learners must be at least 1"),
    ("Lane", {"learners": 3}, "4 environments cannot be shared evenly by 3 learners"),
    ("Lane", {"max_episode_steps": -1}, "max_episode_steps must be at least 0 and a whole number, got -1"),
    ("Lane", {"max_episode_steps": float("nan")}, "max_episode_steps .* got nan"),
    ("Lane", {"render_mode": "human"}, "render_mode must be None or"),
    ("Lane", {"heading": "no"}, "heading must be True or False, got 'no'"),
    ("Lane", {"pixel_noise": -1.0}, "pixel_noise must be a number at least 0 and finite, got -1"),
    ("Lane", {"pixel_noise": float("nan")}, "pixel_noise .* got nan"),
    ("Lane", {"gust_probability": 2.0}, "gust_probability must be a number from 0 to 1, got 2"),
    ("Lane", {"curvature": float("inf")}, "curvature .* finite, got inf"),
    ("Fork", {"gust_heading": "0.1"}, "gust_heading .* got '0.1'"),
    ("Fork", {"trees": 0}, "trees must be at least 1"),
    ("Fork", {"trees": 2.0}, "trees .* got 2.0"),
    ("Tightrope", {"recoverable": "no"}, "recoverable must be True or False"),
    ("Tightrope", {"nonsense": 1}, "nonsense"),
]


@pytest.mark.parametrize(("name", "options", "says"), OPTIONS)
def test_an_environment_refuses_options_of_no_use(name, options, says):
    with pytest.raises((ValueError, TypeError), match=says):
        gym.make_vec(f"hw1/{name}-v0", **{"num_envs": 4} | options)


@pytest.mark.parametrize(("name", "says"), [("hw1/Lanes-v0", "Lanes"), ("hw1/Lane-v9", "v9"), ("Lane-v0", "Lane")])
def test_an_unknown_environment_is_named(name, says):
    for make in (gym.make, gym.make_vec):
        with pytest.raises(gym.error.Error, match=says):
            make(name)


@pytest.mark.parametrize("options", [{"trees": 0}, {"gust_probability": -0.1}])
def test_a_single_environment_refuses_the_same(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        gym.make("hw1/Fork-v0", **options)


@pytest.mark.parametrize("mask", [np.array([0, 2]), np.ones(3, bool), [1, 0, 0, 1], "all", None])
def test_a_mask_of_another_shape_or_type_is_refused(mask):
    env = gym.make_vec("hw1/Fork-v0", num_envs=4)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="reset_mask must be an array of bool, one for each of the 4"):
        env.reset(options={"reset_mask": mask})


@pytest.mark.parametrize("seed", [-1, 1.5, "1", [1, 2], float("nan")])
def test_a_seed_of_another_kind_is_refused(seed):
    for env in (gym.make_vec("hw1/Lane-v0", num_envs=2), gym.make("hw1/Lane-v0")):
        with pytest.raises((TypeError, ValueError, gym.error.Error), match=r"[Ss]eed"):
            env.reset(seed=seed)


@pytest.mark.parametrize("action", [[["left"], ["right"]], [[None], [None]], np.zeros((2, 1), complex)])
def test_actions_that_are_no_numbers_are_refused(action):
    env = gym.make_vec("hw1/Lane-v0", num_envs=2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="actions must be numbers"):
        env.step(action)
