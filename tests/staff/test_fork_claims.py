"""What Fork's claims measure: who demonstrates, from which start, which sides are chosen, and on whose data."""

import numpy as np
import pytest

from hw1.demos import record
from hw1.experts import ForkDriver
from hw1.rollout import rollout
from hw1.tasks import FORK
from scripts.experiments.base import Results
from scripts.experiments.fork import data, heads, lab, sides


# --- who demonstrates -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", range(len(lab.DRIVERS)))
def test_every_driver_passes_all_trees_on_one_side(number):
    env = FORK.env(20, trees=lab.TREES)
    drives = record(env, lab.DRIVERS[number], FORK.horizon, seed=number, noise=lab.NOISE)
    assert drives.info["success"].all()
    assert lab.DRIVERS[number].side == (1, -1)[number % 2]


def test_no_two_drivers_act_alike():
    state = np.array([[0.2, 0.0, 10.0, 0.0, distance, 0.0] for distance in np.arange(-6.0, 30.0)])
    actions = [driver(state) for driver in lab.DRIVERS]
    for i, one in enumerate(actions):
        assert all(np.abs(one - other).max() > 0.1 for other in actions[:i])


def test_a_crew_of_two_is_the_two_drivers_of_the_task():
    env = FORK.env(30, trees=lab.TREES)
    crew = lab.crew(env, lab.BOTH, seed=3)
    same = ForkDriver(side=np.where(crew.at_tree == 0, 1.0, -1.0))
    ours, wanted = (rollout(env, None, FORK.horizon, 1, expert=driver) for driver in (crew, same))
    np.testing.assert_array_equal(ours.action, wanted.action)
    np.testing.assert_array_equal(crew.side_at(ours.state), same.side_at(ours.state))
    assert 0.3 < crew.at_tree.mean() < 0.7


def test_datasets_side_by_side_keep_their_samples_learners_and_episodes():
    parts = [lab.demonstrations((0, 1), 3, 1), lab.demonstrations((0, 1), 2, 8)]
    joined = lab.side_by_side(parts)
    for number, part in enumerate(parts):
        for learner in (0, 1):
            own = joined.subset(joined.learner == 2 * number + learner)
            before = part.subset(part.learner == learner)
            np.testing.assert_array_equal(own.action, before.action)
            assert len(np.unique(own.episode)) == (3, 2)[number]
    assert len(np.unique(joined.episode)) == 2 * (3 + 2)


# --- one and the same start -------------------------------------------------------------------------------------------
def test_groups_share_road_tree_and_start_and_only_they_do():
    env = sides.OneStart(starts=2, learners=2)
    env.reset(seed=5)
    for _ in range(20):
        obs, *_ = env.step(np.full((env.num_envs, 2), 0.1))
        groups = obs.reshape(4, sides.REPEATS, -1)
        assert (groups == groups[:, :1]).all()
    assert len(np.unique(groups[:, 0], axis=0)) == 4


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_offset_at_the_tree_is_that_of_the_drivers_side(side):
    steps = rollout(sides.OneStart(2, 1), None, sides.STEPS, 0, expert=ForkDriver(side=side))
    offsets = sides.last_before_tree(steps)
    assert steps.info["passed"].all()
    assert (np.abs(offsets - side * 2.8) < 0.3).all()


def test_the_offset_of_a_car_that_ends_before_the_tree_is_its_last():
    steps = rollout(sides.OneStart(1, 1), lambda obs: np.tile([1.0, 0.0], (len(obs), 1)), sides.STEPS, 0)
    assert steps.terminated.all()
    assert not steps.info["passed"].any()
    assert (np.abs(sides.last_before_tree(steps)) > 2.0).all()


@pytest.mark.parametrize(("left", "bits"), [(0, 0.0), (8, 0.0), (4, 1.0), (2, 0.8112781), (6, 0.8112781)])
def test_the_entropy_is_that_of_a_coin(left, bits):
    offsets = np.where(np.arange(8) < left, 2.5, -2.5)
    assert sides.entropy(offsets[None]) == pytest.approx(bits, abs=1e-6)
    assert sides.entropy(np.stack([offsets, np.full(8, 2.5)])) == pytest.approx(bits / 2, abs=1e-6)


def test_always_left_succeeds_but_does_not_cover_both_sides():
    """From some starts left and from others right is no better: each start is judged by itself."""
    both = np.where(np.arange(sides.REPEATS) % 2, 2.5, -2.5) * np.ones((3, sides.STARTS, 1))
    left = np.full_like(both, 2.5)
    fixed = left * np.array([1.0, -1.0, 1.0, -1.0])[:, None]
    for offsets, covers in ((both, True), (left, False), (fixed, False)):
        arrays = {"success": np.ones(3), "offsets": offsets}
        results = Results({f"fork {name}": arrays for name in ("mixture", "left l2")})
        results["fork drivers"] = {"offsets": both}
        (success,) = heads.claim("", "mixture", at_least=0.95)(results)
        (coverage,) = sides.claim("", "mixture", at_least=sides.BOTH_SIDES)(results)
        (one_side,) = sides.claim("", "left l2", at_most=sides.ONE_SIDE)(results)
        assert success.holds
        assert coverage.holds == covers
        assert one_side.holds == (offsets is not both)


# --- whose demonstrations, and how many -------------------------------------------------------------------------------
@pytest.mark.parametrize("policy", data.VERSIONS)
def test_each_kind_of_data_is_trained_once_and_found_again(policy):
    kinds = data.kinds(policy)
    assert len(set(kinds)) == len(kinds)
    success = np.array([[100 * drivers + episodes for episodes, drivers in kinds]])
    results = Results({f"fork data {policy}": {"success": success}})
    own = data.VERSIONS[policy]
    assert data.by_episodes(results, policy).tolist() == [[100 * own + e for e in data.EPISODES]]
    assert data.by_drivers(results, policy).tolist() == [[100 * d + data.MOST for d in data.DRIVERS]]


def test_success_belongs_to_the_seed_and_the_kind_of_data_it_was_trained_on():
    """l2 on the left driver succeeds, on both it does not, whichever comes first."""
    kinds = ((20, 1), (20, 2))
    for order in (kinds, kinds[::-1]):
        success = data.by_data((0, 1), "l2", order, steps=100, evaluations=10)["success"]
        assert success.shape == (2, 2)
        one, both = success[:, order.index((20, 1))], success[:, order.index((20, 2))]
        assert one.min() > both.max()
