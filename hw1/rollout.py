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

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float, Int, Shaped

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
    """Observations."""
    state: Float[np.ndarray, "T N S"]
    """Privileged states; the observations again if an environment has none."""
    action: Shaped[np.ndarray, "T N ..."]
    """Actions carried out, whoever chose them."""
    reward: Float[np.ndarray, "T N"]
    running: Bool[np.ndarray, "T N"]
    """False once the environment had terminated before this step."""
    expert_drove: Bool[np.ndarray, "T N"]
    """Whether the expert chose the action."""
    learner: Int[np.ndarray, " N"]
    """The learner that each environment belongs to (see `hw1.learners`); all 0 in an ordinary environment."""
    info: dict[str, np.ndarray]
    """The environments' info after the last step."""

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
) -> Rollout:
    """Run `env` for `horizon` steps from a reset with `seed`; two calls with the same arguments agree.

    Without a gate the policy drives. Without a policy the expert drives. With a gate, the gate decides.
    """
    if policy is None and expert is None:
        raise ValueError("nobody drives: pass a policy, an expert or both")
    if gate is not None and (policy is None or expert is None):
        raise ValueError("a gate chooses between a policy and an expert: pass both")
    for part in (policy, gate):
        if hasattr(part, "reset"):
            part.reset(seed)
    obs, info = env.reset(seed=seed)
    running = np.ones(env.num_envs, dtype=bool)
    expert_drives = np.full(env.num_envs, policy is None)
    steps = []
    for _ in range(horizon):
        state = info.get("state", obs)
        if gate is not None:
            expert_drives = gate(obs, state, expert_drives)
        action = _choose(policy, expert, obs, state, expert_drives)
        next_obs, reward, terminated, _, info = env.step(action)
        steps.append((obs, state, action, reward, running, expert_drives))
        obs, running = next_obs, running & ~terminated
    learner = getattr(env.unwrapped, "learner", np.zeros(env.num_envs, dtype=np.int64))
    return Rollout(*(np.stack(column) for column in zip(*steps, strict=True)), learner=learner, info=info)


def _choose(
    policy: Policy | None,
    expert: Expert | None,
    obs: Float[np.ndarray, "N O"],
    state: Float[np.ndarray, "N S"],
    expert_drives: Bool[np.ndarray, " N"],
) -> Shaped[np.ndarray, "N ..."]:
    """The action of whoever drives. The policy is asked even where it does not drive: it may remember."""
    if policy is None:
        return expert(state)
    action = policy(obs)
    if not expert_drives.any():
        return action
    extra = (slice(None),) + (None,) * (action.ndim - 1)
    return np.where(expert_drives[extra], expert(state), action)
