"""Rollouts in anybody's environment: when an episode ends, what counts, and what policies and experts get and give."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics, vector

from hw1.demos import collect
from hw1.experts import LaneExpert
from hw1.gates import Hysteresis, Stay
from hw1.rollout import rollout


class Counter(gym.Env):
    """The observation and the reward are the number of steps since the reset (the reward counts from 1)."""

    def __init__(self, ends: int, by: str = "terminated", observation=None, action=None):
        self.observation_space = observation or spaces.Box(0, 100, (1,), np.float64)
        self.action_space = action or spaces.Discrete(2)
        self.ends, self.by, self.actions = ends, by, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._see(), {"count": 0}

    def step(self, action):
        self.actions.append(action)
        self.steps += 1
        end = self.steps >= self.ends
        ends = end and self.by == "terminated", end and self.by == "truncated"
        return self._see(), float(self.steps), *ends, {"count": self.steps, "success": end}

    def _see(self):
        if isinstance(self.observation_space, spaces.Box):
            return np.full(self.observation_space.shape, self.steps, self.observation_space.dtype)
        return {"steps": np.array([[float(self.steps)]]), "odd": self.steps % 2}


def counters(ends=(2, 3, 9), by="terminated", mode=AutoresetMode.NEXT_STEP, copy=True, **options) -> SyncVectorEnv:
    makers = [lambda n=n: Counter(n, by, **options) for n in ends]
    return SyncVectorEnv(makers, autoreset_mode=mode, copy=copy)


def nothing(obs):
    return np.zeros(len(obs), dtype=np.int64)


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("by", ["terminated", "truncated"])
def test_one_rule_for_both_ends_and_all_modes(mode, by):
    steps = rollout(counters(by=by, mode=mode), nothing, 7, seed=0)
    assert steps.running.sum(axis=0).tolist() == [2, 3, 7]
    assert steps.reward.sum(axis=0).tolist() == [3, 6, 28]
    assert steps.terminated.tolist() == [by == "terminated", by == "terminated", False]
    assert steps.final_obs.tolist() == [[2], [3], [7]]
    assert steps.info["count"].tolist() == [2, 3, 7]
    assert steps.info["success"].tolist() == [True, True, False]
    for n, length in enumerate([2, 3, 7]):
        assert steps.obs[:length, n, 0].tolist() == list(range(length))


@pytest.mark.parametrize("mode", AutoresetMode)
def test_demonstrations_are_not_joined_across_a_reset(mode):
    data = collect(counters(mode=mode), nothing, 7, seed=0)
    assert data.obs[:, 0].tolist() == [0, 1, 0, 1, 2, *range(7)]
    assert data.episode.tolist() == [0] * 2 + [1] * 3 + [2] * 7


@pytest.mark.parametrize(("name", "horizon"), [("Lane", 400), ("Fork", 135), ("Tightrope", 100)])
def test_our_environments_end_at_their_limit_too(name, horizon):
    env = gym.make_vec(f"hw1/{name}-v0", num_envs=2)
    act = nothing if name == "Tightrope" else lambda obs: np.zeros(env.action_space.shape, np.float32)
    steps = rollout(env, act, horizon + 5, seed=0)
    assert not steps.running[horizon:].any()
    assert not steps.reward[horizon:].any()
    if name == "Lane":
        assert steps.running[:horizon].all()


def test_the_returns_of_known_environments():
    left = rollout(gym.make_vec("CartPole-v1", 4, vectorization_mode="sync"), nothing, 500, seed=0)
    assert left.reward.sum(axis=0).tolist() == left.running.sum(axis=0).tolist()
    assert left.running.sum(axis=0).max() < 12  # always to one side: CartPole falls within a few steps
    still = rollout(
        gym.make_vec("Pendulum-v1", 2, vectorization_mode="sync"), lambda obs: np.zeros((2, 1), np.float32), 450, seed=0
    )
    assert still.running.sum(axis=0).tolist() == [200, 200]


def test_observations_that_the_environment_reuses_are_copied():
    steps = rollout(counters(copy=False), nothing, 6, seed=0)
    assert steps.obs[:, 2, 0].tolist() == list(range(6))
    assert steps.obs.dtype == np.float32


def test_observations_that_are_not_kept_change_nothing_else():
    seen = []
    drive = lambda obs: seen.append(obs[:, 0].tolist()) or nothing(obs)  # noqa: E731
    with_obs, without = (rollout(counters(), drive, 6, seed=0, keep_obs=keep) for keep in (True, False))
    assert without.obs.shape == (6, 3, 0)
    assert seen[:6] == seen[6:], "the policy sees them"
    for name in ("state", "action", "reward", "running", "final_obs", "terminated"):
        assert np.array_equal(getattr(with_obs, name), getattr(without, name)), name


def test_observations_of_any_structure_are_flattened():
    space = spaces.Dict({"steps": spaces.Box(0, 100, (1, 1), np.float64), "odd": spaces.Discrete(2)})
    for mode in AutoresetMode:
        steps = rollout(counters(observation=space, mode=mode), nothing, 4, seed=0)
        assert steps.obs.shape == (4, 3, 3)
        wanted = [spaces.utils.flatten(space, {"steps": np.array([[t]]), "odd": t % 2}) for t in range(4)]
        np.testing.assert_array_equal(steps.obs[:, 2], wanted)
        last = spaces.utils.flatten(space, {"steps": np.array([[2.0]]), "odd": 0})
        np.testing.assert_array_equal(steps.final_obs[0], last)


def test_images_and_boxes_of_actions_are_flattened():
    box = spaces.Box(-2, 5, (2, 3), np.float32)
    env = counters(observation=spaces.Box(0, 255, (2, 2, 3), np.uint8), action=box)
    flat = np.arange(18, dtype=np.float64).reshape(3, 6) - 4
    steps = rollout(env, lambda obs: flat, 2, seed=0)
    assert steps.obs.shape == (2, 3, 12)
    assert steps.action.shape == (2, 3, 6)
    np.testing.assert_array_equal(env.envs[0].actions[0], np.clip(flat[0].reshape(2, 3), -2, 5))
    steps = rollout(env, None, 2, seed=0, expert=lambda obs: flat.reshape(3, 2, 3))
    np.testing.assert_array_equal(steps.action[0], flat)


@pytest.mark.parametrize("start", [-1, 0, 5])
def test_discrete_actions_are_those_of_the_environment(start):
    env = counters(action=spaces.Discrete(3, start=start))
    rollout(env, lambda obs: np.full(3, start + 2), 1, seed=0)
    assert env.envs[0].actions == [start + 2]
    for wrong in (start - 1, start + 3):
        with pytest.raises(ValueError, match=f"integers from {start} to {start + 2}"):
            rollout(env, lambda obs, wrong=wrong: np.full(3, wrong), 1, seed=0)
    with pytest.raises(ValueError, match=f"integers from {start} to {start + 2}.*shape \\[3, 1\\]"):
        rollout(env, lambda obs: np.zeros((3, 1)), 1, seed=0)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ([[np.nan]] * 3, "finite numbers"),
        ([["go"]] * 3, "finite numbers"),
        ([[0.0, 0.0]] * 3, r"shape \[1\]"),
        ([[0.0]], r"shape \[1\]"),
    ],
)
def test_actions_that_do_not_fit_a_box_are_refused(action, says):
    env = counters(action=spaces.Box(-1, 1, (1,), np.float32))
    with pytest.raises(ValueError, match=says):
        rollout(env, lambda obs: np.array(action), 1, seed=0)


def test_spaces_that_no_policy_can_use_are_named():
    with pytest.raises(ValueError, match=r"MultiDiscrete.*needs Box or Discrete"):
        rollout(counters(action=spaces.MultiDiscrete([2, 2])), nothing, 1, seed=0)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        rollout(counters(), nothing, 0, seed=0)
    with pytest.raises(ValueError, match=r"no vector environment; make it with gymnasium\.make_vec"):
        rollout(Counter(3), nothing, 1, seed=0)


@pytest.mark.parametrize("noise", [0.0, 0.5, 10.0])
def test_noise_stays_in_the_environments_own_box(noise):
    env = gym.make_vec("Pendulum-v1", 50, vectorization_mode="sync")
    data = collect(env, lambda state: np.full((50, 1), 1.9, np.float32), 20, seed=0, noise=noise)
    assert data.action.max() == pytest.approx(1.9 if noise == 0 else 2.0)
    assert data.action.min() >= -2.0
    with pytest.raises(ValueError, match=r"noise 0.1 cannot be added to discrete actions"):
        collect(counters(), nothing, 2, seed=0, noise=0.1)


# --- plans and gates -------------------------------------------------------------------------------------------------
class Planner:
    def __init__(self):
        self.told = []

    def replan(self, rows):
        self.told.append(rows.tolist())

    def __call__(self, obs):
        return np.zeros((len(obs), 1), np.float32)


def scripted(table):
    """A gate that follows a table, `[T][N]`."""
    rows = iter(np.array(table, dtype=bool))
    return lambda obs, state, expert_drives: next(rows)


def test_a_policy_that_plans_is_told_where_the_wheel_came_back():
    env, policy = gym.make_vec("hw1/Lane-v0", num_envs=2), Planner()
    gate = scripted([[1, 0], [0, 0], [0, 1], [1, 1], [0, 0]])
    rollout(env, policy, 5, seed=0, expert=LaneExpert(), gate=gate)
    assert policy.told == [[False, False], [True, False], [False, False], [False, False], [True, True]]


class Doubt:
    """A gate whose doubt follows a list."""

    threshold = 0.5

    def reset(self, seed):
        self.values = iter([0.1, 0.6, 0.4, 0.6, 0.4, 0.2, 0.4, 0.6])

    def doubt(self, obs):
        return np.full(len(obs), next(self.values))

    def __call__(self, obs, state, expert_drives):
        return self.doubt(obs) > self.threshold


def drives(gate, length=8):
    env = gym.make_vec("hw1/Lane-v0", num_envs=1)
    return (
        rollout(env, Planner(), length, seed=0, expert=LaneExpert(), gate=gate).expert_drove[:, 0].astype(int).tolist()
    )


def test_hysteresis_and_a_minimum_stay_make_fewer_switches():
    assert drives(Doubt()) == [0, 1, 0, 1, 0, 0, 0, 1]
    assert drives(Hysteresis(Doubt(), handback=0.3)) == [0, 1, 1, 1, 1, 0, 0, 1]
    assert drives(Stay(Doubt(), 3)) == [0, 1, 1, 1, 0, 0, 0, 1]
    assert drives(Stay(Doubt(), 1)) == drives(Doubt())
    assert drives(Stay(Hysteresis(Doubt(), handback=0.3), 6)) == [0, 1, 1, 1, 1, 1, 1, 1]


def test_gates_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"handback 0.6 must not exceed the gate's threshold 0.5"):
        Hysteresis(Doubt(), handback=0.6)
    with pytest.raises(ValueError, match="handback nan"):
        Hysteresis(Doubt(), handback=np.nan)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        Stay(Doubt(), 0)


# --- infos and states of any kind ------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("inside", [True, False], ids=["of each environment", "of the vector"])
def test_nested_infos_are_those_of_each_episodes_end(mode, inside):
    makers = [lambda n=n: RecordEpisodeStatistics(Counter(n)) if inside else Counter(n) for n in (2, 3, 9)]
    env = SyncVectorEnv(makers, autoreset_mode=mode)
    info = rollout(env if inside else vector.RecordEpisodeStatistics(env), nothing, 7, seed=0).info
    assert info["_episode"].tolist() == [True, True, False]
    assert info["episode"]["r"].tolist() == [3, 6, 0]
    assert info["episode"]["l"].tolist() == [2, 3, 0]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_an_end_in_the_last_step_leaves_the_infos_of_the_others(mode):
    assert rollout(counters(mode=mode), nothing, 3, seed=0).info["count"].tolist() == [2, 3, 3]


class Sparse(Counter):
    """Gives infos by a function of the number of steps in this episode and of the episodes so far."""

    def __init__(self, ends, infos, **options):
        super().__init__(ends, **options)
        self.infos, self.episodes = infos, 0

    def reset(self, *, seed=None, options=None):
        obs, _ = super().reset(seed=seed)
        self.episodes += 1
        return obs, self.infos(0, self.episodes)

    def step(self, action):
        *seen, _ = super().step(action)
        return *seen, self.infos(self.steps, self.episodes)


def sparse(infos, ends=(2, 9), **options):
    return SyncVectorEnv([lambda n=n: Sparse(n, infos, **options) for n in ends])


def test_an_info_of_the_next_episode_does_not_count():
    info = rollout(sparse(lambda step, episode: {"won": True} if episode > 1 else {}), nothing, 7, seed=0).info
    assert not info["won"].any()
    assert not info["_won"].any()


def test_an_info_does_not_depend_on_the_other_environments():
    def infos(step, episode):
        return {"lap": step} if step == 2 else {}

    alone = rollout(sparse(infos, ends=[5]), nothing, 5, seed=0).info
    assert alone.get("lap", np.zeros(1)).tolist() == [0]
    assert rollout(sparse(infos, ends=[5, 2]), nothing, 5, seed=0).info["lap"].tolist() == [0, 2]


def test_infos_whose_shape_changes_are_kept():
    class Growing(gym.vector.VectorWrapper):
        steps = 0

        def step(self, actions):
            *seen, _ = self.env.step(actions)
            self.steps += 1
            return *seen, {"path": np.full((self.num_envs, self.steps), self.steps)}

    path = rollout(Growing(counters()), nothing, 7, seed=0).info["path"]
    assert [row.tolist() for row in path] == [[2] * 2, [3] * 3, [7] * 7]


def test_infos_that_the_environment_reuses_are_copied():
    class Reusing(gym.vector.VectorWrapper):
        steps = np.zeros(3, dtype=np.int64)

        def step(self, actions):
            *seen, _ = self.env.step(actions)
            self.steps += 1
            return *seen, {"steps": self.steps}

    assert rollout(Reusing(counters()), nothing, 7, seed=0).info["steps"].tolist() == [2, 3, 7]


def test_infos_that_are_no_dict_are_refused():
    with pytest.raises(ValueError, match="got a list; leave out the wrapper"):
        rollout(vector.DictInfoToList(counters()), nothing, 3, seed=0)


@pytest.mark.parametrize(
    ("state", "shape"),
    [(float, [2, 1]), (lambda t: [t, -t], [2, 2]), (lambda t: np.full((2, 3), t), [2, 6])],
    ids=["number", "list", "matrix"],
)
def test_states_are_flattened(state, shape):
    steps = rollout(sparse(lambda t, _: {"state": state(t)}), nothing, 4, seed=0)
    assert list(steps.state.shape[1:]) == shape
    assert steps.state[:2, 0, 0].tolist() == [0, 1]


@pytest.mark.parametrize("when", [lambda t: t == 0, lambda t: t > 0, lambda t: t != 2], ids=["reset", "step", "most"])
def test_states_that_are_sometimes_missing_are_refused(when):
    env = sparse(lambda t, _: {"state": np.array([float(t)])} if when(t) else {}, ends=[9, 9])
    with pytest.raises(ValueError, match=r'info\["state"\].* at every reset and step, or never'):
        rollout(env, nothing, 4, seed=0)


def test_a_state_may_be_missing_after_the_end():
    env = sparse(lambda t, _: {"state": np.array([float(t)])} if t < 2 else {}, ends=[2, 2])
    assert rollout(env, nothing, 2, seed=0).state[..., 0].tolist() == [[0, 0], [1, 1]]


def test_rewards_of_another_shape_are_refused():
    class Column(gym.vector.VectorWrapper):
        def step(self, actions):
            obs, reward, *ends = self.env.step(actions)
            return obs, reward[:, None], *ends

    with pytest.raises(ValueError, match=r"rewards must have the shape \[N\], got \[3, 1\]"):
        rollout(Column(counters()), nothing, 3, seed=0)


# --- policies, experts and gates of any kind -------------------------------------------------------------------------
def test_a_policy_may_change_what_it_gets_and_reuse_what_it_gives():
    given = np.zeros(3, dtype=np.int64)

    def policy(obs):
        given[:] = obs[:, 0] % 2
        obs += 10
        return given

    for options in ({"policy": policy}, {"policy": None, "expert": policy}):
        steps = rollout(counters((9, 9, 9)), horizon=3, seed=0, **options)
        assert steps.obs[:, 0, 0].tolist() == [0, 1, 2]
        assert steps.action[:, 0].tolist() == [0, 1, 0]


def test_a_slow_driver_may_change_what_it_gets():
    def driver(state):
        state += 1
        return (state[:, 0] == 1).astype(int)

    assert collect(counters((9, 9, 9)), driver, 3, seed=0, latency=5).action.tolist() == [1] * 9


def test_a_gate_of_numbers_counts_as_one_of_bools():
    def gate(obs, state, expert_drives):
        return (obs[:, 0] == 1).astype(int)

    planner, expert = Planner(), lambda state: np.ones(3)
    steps = rollout(boxes(1, num=3), planner, 3, seed=0, expert=expert, gate=gate)
    assert steps.expert_drove[:, 0].tolist() == [False, True, False]
    assert planner.told == [[False] * 3] * 2 + [[True] * 3]


@pytest.mark.parametrize("decision", [True, np.ones((3, 1), dtype=bool), ["a"] * 3])
def test_a_gate_that_does_not_decide_for_each_environment_is_refused(decision):
    with pytest.raises(ValueError, match="a gate must return 3 bools"):
        rollout(counters(), nothing, 3, seed=0, expert=nothing, gate=lambda *seen: decision)


def boxes(*shape, low=-1, high=1, dtype=np.float32, num=2):
    return SyncVectorEnv([lambda: Counter(9, action=spaces.Box(low, high, shape, dtype))] * num)


def test_whole_numbers_are_rounded_not_cut_off():
    env = boxes(2, low=0, high=3, dtype=np.int8)
    rollout(env, lambda obs: np.array([[0.99, 2.6], [-7.0, 9.0]]), 1, seed=0)
    assert [each.actions[0].tolist() for each in env.envs] == [[1, 3], [0, 3]]


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_recorded_actions_are_those_that_were_carried_out(noise, dtype):
    env = boxes(1, dtype=dtype)
    data = collect(env, lambda obs: np.array([[5.0], [0.4]]), 4, seed=0, noise=noise)
    assert data.action.ravel().tolist() == np.concatenate([each.actions for each in env.envs]).ravel().tolist()


@pytest.mark.parametrize("shape", [(), (1,)])
def test_one_number_for_each_environment_fits_a_box_of_one(shape):
    data = collect(boxes(*shape), lambda obs: np.ones(len(obs), dtype=int), 2, seed=0)
    assert data.action.dtype == np.float32
    assert data.action.tolist() == [[1]] * 4
    steps = rollout(
        boxes(*shape),
        lambda obs: np.zeros((2, 1)),
        2,
        seed=0,
        expert=lambda state: np.ones(2),
        gate=lambda *seen: np.array([True, False]),
    )
    assert steps.action.tolist() == [[[1], [0]]] * 2
