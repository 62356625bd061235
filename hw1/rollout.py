"""Who drives? One loop for everything that runs a policy: evaluation, DAgger, and every kind of intervention.

A *policy* is a callable: observations `[N, O]` -> actions `[N, A]`, or `[N]` if they are discrete.
An *expert* is a callable too, but it reads the privileged state, of a step `[N, S]` or of a whole rollout `[T, N, S]`.
A *gate* decides who drives: gate(obs, state, expert_drives) -> `[N]` bool, True where the expert takes the wheel;
`expert_drives` is who drove one step ago. DAgger's coin, a human supervisor and an uncertainty alarm are all gates.
Policies and gates that remember something between steps have a method `reset(seed)`, which the loop calls first.

Shapes: T time steps, N parallel environments, O numbers in an observation, S in a state, A in an action, L learners.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float, Int, Shaped

from hw1.adapter import Adapter, flat_actions
from hw1.learners import by_learner

Policy = Callable[[Float[np.ndarray, "N O"]], Shaped[np.ndarray, "N ..."]]
Expert = Callable[[Float[np.ndarray, "... S"]], Shaped[np.ndarray, "..."]]
Gate = Callable[[Float[np.ndarray, "N O"], Float[np.ndarray, "N S"], Bool[np.ndarray, " N"]], Bool[np.ndarray, " N"]]


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments; step t holds what was seen before the action and what followed it.

    Discrete actions have no last axis.
    """

    obs: Float[np.ndarray, "T N O"]
    """Observations; `[T, N, 0]` if they were not to be kept."""
    state: Float[np.ndarray, "T N S"]
    """Privileged states; the observations again if an environment has none."""
    action: Shaped[np.ndarray, "T N ..."]
    """Actions chosen, whoever chose them; the environment may clip them."""
    reward: Float[np.ndarray, "T N"]
    """0 after the end of the episode."""
    running: Bool[np.ndarray, "T N"]
    """False once the episode had ended before this step."""
    expert_drove: Bool[np.ndarray, "T N"]
    """Whether the expert chose the action."""
    learner: Int[np.ndarray, " N"]
    """The learner that each environment belongs to (see `hw1.learners`); all 0 in an ordinary environment."""
    info: dict[str, Any]
    """Each environment's info at the end of its episode, or after the last step. Where it lacks something that other
    environments have, there is 0 or None, and False in Gymnasium's mask "_name"."""
    final_obs: Float[np.ndarray, "N O"] | None = None
    """The observation after each episode's last action."""
    terminated: Bool[np.ndarray, " N"] | None = None
    """Whether each episode ended by a termination, and not by a truncation or the horizon."""

    @property
    def cost(self) -> Float[np.ndarray, "T N"]:
        """Minus the reward."""
        return -self.reward

    def by_learner(self, values: Shaped[np.ndarray, "T N ..."]) -> Shaped[np.ndarray, "L T N/L ..."]:
        """Values of every step and environment, split by learner."""
        return by_learner(values, int(self.learner.max()) + 1, axis=1)


def rollout(
    env: VectorEnv,
    policy: Policy | None,
    horizon: int,
    seed: int,
    expert: Expert | None = None,
    gate: Gate | None = None,
    *,
    keep_obs: bool = True,
) -> Rollout:
    """Run `env` for `horizon` steps from a reset with `seed`; two calls with the same arguments agree.

    Without a gate the policy drives. Without a policy the expert drives. With a gate, the gate decides.

    Every environment plays one episode, which ends with a termination or a truncation (`hw1.adapter`). The loop goes on
    to the horizon; rewards and datasets leave out what an environment does after its end. A policy that plans ahead and
    has a method `replan(rows)` is told where, `[N]`, the expert has just handed back the wheel.

    `keep_obs=False` leaves the observations out of the result: pictures need nearly all the memory, and a test needs
    only states, actions and rewards.

    Raises ValueError if nobody drives, or if the environment's spaces or the actions do not fit.
    """
    if policy is None and expert is None:
        raise ValueError("nobody drives: pass a policy, an expert or both")
    if gate is not None and (policy is None or expert is None):
        raise ValueError("a gate chooses between a policy and an expert: pass both")
    if horizon < 1:
        raise ValueError(f"the horizon must be at least 1 step, got {horizon}")
    world = Adapter(env)
    for part in (policy, gate):
        if hasattr(part, "reset"):
            part.reset(seed)
    obs, state = world.reset(seed)
    expert_drives = np.full(env.num_envs, policy is None)
    steps = []
    for _ in range(horizon):
        if gate is not None:
            expert_drove, expert_drives = expert_drives, _ask(gate, obs, state, expert_drives)
            if hasattr(policy, "replan"):
                policy.replan(expert_drove & ~expert_drives)
        action, running = _choose(env, policy, expert, obs, state, expert_drives), world.running
        next_obs, next_state, reward = world.step(action)
        kept = obs if keep_obs else np.zeros_like(obs[:, :0])
        steps.append((kept, state, action, reward, running, expert_drives))
        obs, state = next_obs, next_state
    learner = getattr(env.unwrapped, "learner", np.zeros(env.num_envs, dtype=np.int64))
    columns = (np.stack(column) for column in zip(*steps, strict=True))
    return Rollout(*columns, learner=learner, info=world.info, final_obs=world.obs, terminated=world.terminated)


def _ask(
    gate: Gate, obs: Float[np.ndarray, "N O"], state: Float[np.ndarray, "N S"], expert_drives: Bool[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """The gate's decision. Raises ValueError if it is not one for each environment."""
    drives = np.array(gate(obs.copy(), state.copy(), expert_drives.copy()))
    if drives.shape != expert_drives.shape or drives.dtype.kind not in "biuf":
        raise ValueError(
            f"a gate must return {len(obs)} bools, True where the expert drives; got {drives.dtype} of the shape "
            f"{list(drives.shape)}"
        )
    return drives.astype(bool)


def _choose(
    env: VectorEnv,
    policy: Policy | None,
    expert: Expert | None,
    obs: Float[np.ndarray, "N O"],
    state: Float[np.ndarray, "N S"],
    expert_drives: Bool[np.ndarray, " N"],
) -> Shaped[np.ndarray, "N ..."]:
    """The action of whoever drives. The policy is asked even where it does not drive: it may remember.

    Everybody gets a copy, and may change it: the rollout holds what was seen.
    """
    if policy is None:
        return flat_actions(env, expert(state.copy()))
    action = flat_actions(env, policy(obs.copy()))
    if not expert_drives.any():
        return action
    expert_action = flat_actions(env, expert(state.copy()))
    return np.where(expert_drives.reshape(-1, *[1] * (action.ndim - 1)), expert_action, action)
