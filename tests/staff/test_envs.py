"""Environments and experts: the Gymnasium contract, repeatability, and physics that can be worked out by hand."""

import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hw1.envs import Fork
from hw1.envs.road import FENCE, WHEELBASE, Cars, Road
from hw1.experts import ForkDriver, LaneExpert, tightrope_expert, two_drivers
from hw1.rollout import rollout
from hw1.tasks import TASKS

NAMES = [task.env_id.split("/")[1].removesuffix("-v0") for task in TASKS.values()]
HORIZONS = {name: task.horizon for name, task in zip(NAMES, TASKS.values(), strict=True)}
DT, MAX_STEER = 0.1, 0.5  # seconds in a step and radians at a command of 1, in the physics tests
every_env = pytest.mark.parametrize("name", NAMES)


def make(name: str, num_envs: int, **options):
    return gym.make_vec(f"hw1/{name}-v0", num_envs=num_envs, **options)


def actions_for(env, steps: int, seed: int = 0) -> list[np.ndarray]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(steps)]


def record(env, seed: int, actions) -> list:
    """Everything that an episode shows, as a flat list of arrays."""
    obs, info = env.reset(seed=seed)
    seen = [obs, *info.values()]
    for action in actions:
        *step, info = env.step(action)
        seen += [*step, *info.values()]
    return [np.asarray(x) for x in seen]


def same(left: list, right: list) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


# --- the contract ----------------------------------------------------------------------------------------------------
@every_env
def test_gymnasiums_checker_passes(name):
    check_env(gym.make(f"hw1/{name}-v0", disable_env_checker=True).unwrapped)


@every_env
def test_a_batch_of_one_equals_the_single_environment_step_by_step(name):
    single, batch = gym.make(f"hw1/{name}-v0"), make(name, 1)
    horizon = HORIZONS[name]
    obs, info = single.reset(seed=5)
    obs_batch, info_batch = batch.reset(seed=5)
    ended = False
    for action in actions_for(batch, horizon):
        np.testing.assert_array_equal(obs, obs_batch[0])
        for key in info:
            np.testing.assert_array_equal(info[key], info_batch[key][0], err_msg=key)
        if ended:
            break
        obs, *outcome, info = single.step(action[0])
        obs_batch, *outcome_batch, info_batch = batch.step(action)
        assert outcome == [x[0] for x in outcome_batch]
        ended = outcome[1] or outcome[2]
    assert ended


@every_env
def test_seeds_reproduce_bit_for_bit_and_different_seeds_differ(name):
    env, again = make(name, 4), make(name, 4)
    actions = actions_for(env, 30)
    first = record(env, 3, actions)
    assert same(first, record(again, 3, actions))
    assert same(first, record(env, 3, actions))  # whatever happened in between
    if name != "Tightrope":  # nothing there is random
        assert not same(first, record(env, 4, actions))


@pytest.mark.parametrize("name", ["Lane", "LaneNoHeading", "Fork"])
def test_environments_of_a_batch_differ_from_each_other(name):
    _, info = make(name, 50).reset(seed=0)
    assert len(np.unique(info["state"], axis=0)) == 50


@every_env
def test_reset_mask_resets_only_its_rows(name):
    env = make(name, 6)
    env.reset(seed=0)
    for action in actions_for(env, 8):
        *_, info = env.step(np.zeros_like(action))
    before = info["state"].copy()
    mask = np.array([True, False, False, True, False, False])
    _, info = env.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(info["state"][~mask], before[~mask])
    assert (info["state"][mask] != before[mask]).any(axis=-1).all()
    assert env.unwrapped.elapsed.tolist() == [0, 8, 8, 0, 8, 8]


@every_env
def test_episodes_are_truncated_at_their_horizon_and_not_before(name):
    env = make(name, 2)
    env.reset(seed=0)
    truncated = [env.step(np.zeros_like(action))[3] for action in actions_for(env, HORIZONS[name])]
    assert np.array(truncated).sum(axis=0).tolist() == [1, 1]
    assert truncated[-1].all()


@every_env
@pytest.mark.parametrize("spoil", [lambda a: a[:-1], lambda a: a[..., None], lambda a: a.sum()])
def test_actions_of_the_wrong_shape_are_refused_by_shape(name, spoil):
    env = make(name, 3)
    env.reset(seed=0)
    action = np.asarray(env.action_space.sample())
    with pytest.raises(ValueError, match="shape") as error:
        env.step(spoil(action))
    assert str(action.shape) in str(error.value)
    assert str(np.shape(spoil(action))) in str(error.value)


@pytest.mark.parametrize("name", ["Lane", "Fork"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_actions_that_are_not_finite_are_refused_and_not_free_of_cost(name, value):
    env = make(name, 3)
    env.reset(seed=0)
    action = env.action_space.sample()
    action[1, 0] = value
    with pytest.raises(ValueError, match="finite"):
        env.step(action)


@pytest.mark.parametrize("name", ["Lane", "Fork"])
def test_actions_beyond_the_box_are_clipped(name):
    env, other = make(name, 3), make(name, 3)
    full = [np.sign(action) for action in actions_for(env, 10)]
    assert same(record(env, 0, full), record(other, 0, [7 * action for action in full]))


@pytest.mark.parametrize(
    ("options", "match"), [({"num_envs": 0}, "num_envs"), ({"num_envs": 2, "render_mode": "human"}, "render_mode")]
)
def test_impossible_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        Fork(**options)


def test_one_seed_serves_the_whole_batch():
    with pytest.raises(TypeError, match="one integer"):
        make("Lane", 2).reset(seed=[1, 2])


# --- rendering -------------------------------------------------------------------------------------------------------
@every_env
def test_render_gives_an_image_and_does_not_change_the_episode(name):
    env, other = make(name, 2, render_mode="rgb_array"), make(name, 2)
    actions = actions_for(env, 4)
    image = None

    def rendering():
        nonlocal image
        for action in actions:
            image = env.render()
            yield action

    assert same(record(env, 0, rendering()), record(other, 0, actions))
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.std() > 0


# --- termination -----------------------------------------------------------------------------------------------------
def crashed_forks() -> gym.vector.VectorEnv:
    """Cars that have steered hard left until all crashed."""
    env = make("Fork", 20)
    env.reset(seed=0)
    hard_left = np.tile(np.array([1.0, 0.0], dtype=np.float32), (20, 1))
    for _ in range(60):
        _, _, terminated, _, _ = env.step(hard_left)
    assert terminated.all()
    return env


def test_after_a_crash_there_is_no_reward_and_the_car_stays_where_it_is():
    env = crashed_forks()
    full_throttle = np.tile(np.array([0.0, 1.0], dtype=np.float32), (20, 1))
    obs, reward, terminated, _, info = env.step(full_throttle)
    for _ in range(100):
        later, reward, terminated, _, info = env.step(full_throttle)
        assert not reward.any()
        assert terminated.all()
        assert not info["success"].any()
    np.testing.assert_array_equal(obs, later)


def test_a_terminated_environment_costs_and_earns_nothing_more(plane):
    steps = rollout(plane(20, edge=1.5), lambda obs: np.full((20, 2), 0.2, dtype=np.float32), 15, seed=0)
    assert 0 < steps.running.sum() < 15 * 20
    np.testing.assert_array_equal(steps.cost > 0, steps.running)


def test_a_reset_brings_crashed_cars_back():
    env = crashed_forks()
    env.reset(options={"reset_mask": np.arange(20) < 5})
    _, _, terminated, _, _ = env.step(np.zeros((20, 2), dtype=np.float32))
    assert terminated.tolist() == [False] * 5 + [True] * 15


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_one_fork_driver_passes_every_tree_and_earns_1_for_each(side):
    env = make("Fork", 50)
    rollout(env, None, HORIZONS["Fork"], 1, expert=ForkDriver(side=side))  # trees of another episode do not count
    steps = rollout(env, None, HORIZONS["Fork"], 0, expert=ForkDriver(side=side))
    np.testing.assert_array_equal(steps.reward.sum(axis=0), steps.info["passed"])
    assert set(np.unique(steps.reward)) == {0.0, 1.0}
    assert steps.info["success"].mean() > 0.9
    assert (steps.info["passed"][steps.info["success"]] == env.unwrapped.trees).all()


def test_going_straight_at_the_tree_is_a_crash():
    steps = rollout(make("Fork", 20), lambda obs: np.zeros((20, 2), dtype=np.float32), HORIZONS["Fork"], 0)
    assert not steps.info["success"].any()
    assert (steps.reward.sum(axis=0) < 5).all()


# --- physics ---------------------------------------------------------------------------------------------------------
def straight_road(num: int = 1) -> Cars:
    return Cars(num, Road(num, curvature=0.0), MAX_STEER, max_accel=4.0)


def test_on_a_straight_road_a_constant_wheel_angle_drives_a_circle_of_the_bicycles_radius():
    cars, speed, steer = straight_road(), 5.0, 0.8
    cars.v[:], cars.e[:] = speed, -4.0
    points = []
    for _ in range(25):
        points.append([cars.s[0], cars.e[0]])
        cars.step(np.array([steer]), 0.0, np.zeros(1), DT)
    radius = WHEELBASE / math.tan(steer * MAX_STEER)
    chord = 2 * radius * math.sin(speed * DT / radius / 2)  # Euler's polygon has sides v DT instead of this chord
    for a, b, c in zip(points[:-2], points[1:-1], points[2:], strict=True):
        ab, bc, ca = math.dist(a, b), math.dist(b, c), math.dist(c, a)
        area = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2
        assert ab * bc * ca / (4 * area) * chord / (speed * DT) == pytest.approx(radius, rel=1e-5)


def test_left_is_positive_and_the_distance_to_the_middle_changes_by_v_sin_psi():
    cars = straight_road(3)
    cars.v[:], cars.psi[:] = 7.0, [0.3, 0.0, -0.3]
    cars.step(np.array([0.0, 1.0, 0.0]), 0.0, np.zeros(3), DT)
    np.testing.assert_allclose(cars.e, 7.0 * np.sin([0.3, 0.0, -0.3]) * DT)
    np.testing.assert_allclose(cars.s, 7.0 * np.cos([0.3, 0.0, -0.3]) * DT)
    np.testing.assert_allclose(cars.psi, [0.3, 7.0 * math.tan(MAX_STEER) / WHEELBASE * DT, -0.3])


def test_in_a_bend_the_matching_wheel_angle_keeps_the_car_where_it_is_on_the_road():
    cars, offset = straight_road(4), np.array([-2.0, 0.0, 1.0, 2.0])
    cars.v[:], cars.e[:] = 10.0, offset
    curvature = np.full(4, 0.03)
    # Inside the bend (e > 0) the circle is smaller: its radius is 1 / curvature - e.
    steer = np.arctan(WHEELBASE / (1 / curvature - offset)) / MAX_STEER
    for _ in range(50):
        cars.step(steer, 0.0, curvature, DT)
    np.testing.assert_allclose(cars.e, offset, atol=1e-9)
    np.testing.assert_allclose(cars.psi, 0.0, atol=1e-9)
    np.testing.assert_allclose(cars.s, 50 * 10.0 * DT / (1 - 0.03 * offset))


def test_speed_and_place_have_limits_and_heading_is_an_angle():
    cars = straight_road(2)
    for _ in range(200):
        cars.step(np.array([0.0, 1.0]), np.array([-1.0, 1.0]), np.zeros(2), DT)
        assert (np.abs(cars.e) <= FENCE).all()
        assert (np.abs(cars.psi) <= np.pi).all()
    assert cars.v[0] == 0.0
    assert cars.s[0] == 0.0


@pytest.fixture
def road():
    road = Road(3, curvature=0.02)
    road.redraw(np.arange(3), np.random.default_rng(0))
    return road


def test_curvature_is_the_derivative_of_the_heading_and_keeps_its_bound(road):
    s, h = np.linspace(0.0, 500.0, 300) * np.ones((3, 1)), 1e-4
    np.testing.assert_allclose(road.curvature(s), (road.heading(s + h) - road.heading(s - h)) / (2 * h), atol=1e-7)
    assert np.abs(road.curvature(s)).max() <= 0.02 * Road.HARMONICS


def test_the_centre_line_is_drawn_by_arc_length_in_the_direction_of_its_heading(road):
    s = np.linspace(0.0, 200.0, 801)
    points = road.points(1, s)
    tangent = np.diff(points, axis=0)
    np.testing.assert_allclose(np.linalg.norm(tangent, axis=1), 0.25, rtol=1e-3)
    heading = road.heading((s[None] + 0.125).repeat(3, axis=0))[1, :-1]
    np.testing.assert_allclose(np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0])), heading, atol=1e-2)
    left = road.points(1, s, 2.0) - points
    np.testing.assert_allclose((left[:-1] * tangent).sum(axis=1), 0.0, atol=5e-3)
    assert (tangent[:, 0] * left[:-1, 1] - tangent[:, 1] * left[:-1, 0] > 0).all()


def test_the_driver_sees_the_centre_line_where_it_is(road):
    """The sightline against the drawn road, turned and shifted into the frame of the car."""
    s, e, psi = np.array([10.0, 60.0, 130.0]), np.array([1.0, -0.5, 0.0]), np.array([0.1, -0.1, 0.05])
    ahead = np.array([2.0, 6.0, 12.0, 20.0])
    seen = road.sightline(s, e, psi, ahead)
    for row in range(3):
        car = road.points(row, s[row : row + 1], e[row])[0]
        offset = road.points(row, s[row] + ahead) - car
        nose = road.heading(s)[row] + psi[row]
        np.testing.assert_allclose(seen[row], offset @ [-math.sin(nose), math.cos(nose)], atol=0.1)


def test_cost_of_a_lane_is_1_exactly_while_the_car_is_off_it():
    steps = rollout(make("Lane", 30), lambda obs: np.full((30, 1), 0.1, dtype=np.float32), 100, 0)
    off = np.abs(steps.state[1:, :, 0]) > 1.75
    np.testing.assert_array_equal(steps.cost[:-1], off)
    assert 0.1 < off.mean() < 0.99


@pytest.mark.parametrize("name", ["Lane", "LaneNoHeading"])
def test_the_camera_sees_the_lane_on_the_side_where_it_is(name):
    """Left pixels are bright when the car is to the right of the lane, whatever the noise."""
    env = make(name, 200, pixel_noise=0.0)
    obs, info = env.reset(seed=0)
    for action in [np.full((200, 1), 0.15, dtype=np.float32)] * 12:
        obs, *_, info = env.step(action)
    row = obs[:, :16]  # the nearest row of pixels
    centre = (row * np.linspace(1, -1, 16)).sum(axis=1) / row.sum(axis=1)
    e = info["state"][:, 0]
    assert np.corrcoef(centre, -e)[0, 1] > 0.9
    assert row.min() >= 0
    assert row.max() <= 1


def test_the_camera_without_heading_cannot_tell_where_the_car_points():
    def view(name, psi):
        env = make(name, 1, pixel_noise=0.0)
        env.reset(seed=0)
        env.unwrapped.cars.psi[:] = psi
        return env.unwrapped._observe()

    assert np.abs(view("Lane", 0.2) - view("Lane", -0.2)).max() > 0.5
    np.testing.assert_allclose(view("LaneNoHeading", 0.2), view("LaneNoHeading", -0.2), atol=1e-6)


@pytest.mark.parametrize("recoverable", [False, True])
def test_tightrope_matches_a_slow_loop(recoverable):
    rng = np.random.default_rng(0)
    env, actions = make("Tightrope", 50, recoverable=recoverable), rng.random((40, 50)) < 0.97
    env.reset(seed=0)
    on_rope, slips = [True] * 50, 0
    for action in actions.astype(np.int64):
        obs, reward, terminated, _, info = env.step(action)
        on_rope = [bool(a) and (recoverable or was) for a, was in zip(action, on_rope, strict=True)]
        assert obs[:, 0].tolist() == info["state"][:, 0].tolist() == on_rope
        assert reward.tolist() == [-float(not on) for on in on_rope]
        assert not terminated.any()
        slips += on_rope.count(False)
    assert 0 < slips < 50 * 40


# --- experts ---------------------------------------------------------------------------------------------------------
EXPERTS = {
    "Lane": LaneExpert(),
    "Fork": two_drivers(6, Fork().trees, np.random.default_rng(0)),
    "Tightrope": tightrope_expert,
}


@pytest.mark.parametrize("name", list(EXPERTS))
def test_experts_label_a_batch_of_states_as_they_would_one_by_one(name):
    env, expert = make(name, 6), EXPERTS[name]
    states = rollout(env, None, 40, 0, expert=expert).state  # (T, N, S)
    labels = expert(states)
    space = env.unwrapped.single_action_space
    assert labels.shape == (40, 6, *space.shape)
    assert labels.dtype == space.dtype
    before = states.copy()
    for t in range(40):
        np.testing.assert_array_equal(labels[t], expert(states[t]))
    np.testing.assert_array_equal(labels, expert(states[::-1])[::-1])  # the order of the questions does not matter
    np.testing.assert_array_equal(states, before)
    single = ForkDriver(side=expert.side[2:3]) if name == "Fork" else expert  # an environment keeps its drivers
    np.testing.assert_array_equal(labels[:, 2:3], single(states[:, 2:3]))
    assert all(space.contains(label) for label in labels.reshape(-1, *space.shape))


def test_the_lane_expert_keeps_the_lane_and_steers_symmetrically():
    steps = rollout(make("Lane", 50), None, HORIZONS["Lane"], 0, expert=LaneExpert())
    assert steps.cost.mean() < 0.01
    state = steps.state * np.array([-1, -1, -1, -1])
    np.testing.assert_allclose(LaneExpert()(state), -LaneExpert()(steps.state), atol=1e-6)


def test_a_coin_decides_at_every_tree_which_of_two_drivers_passes_it(near):
    side = two_drivers(20_000, 2, np.random.default_rng(0)).side
    assert side.shape == (20_000, 2)
    assert set(np.unique(side)) == {-1.0, 1.0}
    near(side, 0.0)
    near(side[:, 0] * side[:, 1], 0.0)


@pytest.mark.parametrize("side", [1.0, -1.0, np.array([1.0, -1.0, 1.0])])
def test_a_fork_driver_may_have_one_side_or_one_for_each_environment(side):
    steps = rollout(make("Fork", 3), None, 60, 0, expert=ForkDriver(side=side))
    wanted = np.broadcast_to(side, 3)
    beside = np.argmax(np.abs(steps.state[..., 0]), axis=0)  # where each car swerves furthest
    np.testing.assert_array_equal(np.sign(steps.state[beside, range(3), 0]), wanted)
    np.testing.assert_array_equal(np.sign(steps.state[beside, range(3), 2] - 10.0), wanted)  # left fast, right slow
