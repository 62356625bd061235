"""Who drives? One loop for everything that runs a policy: evaluation, DAgger, and every kind of intervention.

A *policy* is a callable, observations `[N, O]` -> actions `[N, A]`.
An *expert* is a callable too, but reads the privileged state: states `[N, S]` -> actions `[N, A]`.
A *gate* decides who drives: gate(obs, state, expert_drives) -> `[N]` bool, True where the expert takes the wheel;
`expert_drives` says who had it a step ago. DAgger's coin, a human supervisor and an uncertainty alarm are all gates.
Policies and gates that remember something between steps have a method `reset(seed)`, which the loop calls first.

Shapes: T steps, N parallel environments.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gymnasium.vector import VectorEnv

Policy = Callable[[np.ndarray], np.ndarray]
Expert = Callable[[np.ndarray], np.ndarray]
Gate = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments; step t is what was seen before the action and what followed it."""

    obs: np.ndarray
    """`[T, N, O]` observations."""
    state: np.ndarray
    """`[T, N, S]` privileged states; the observations again where an environment has none."""
    action: np.ndarray
    """`[T, N, A]` actions carried out, whoever chose them."""
    reward: np.ndarray
    """`[T, N]`."""
    running: np.ndarray
    """`[T, N]` bool: False once the environment had terminated before this step."""
    expert_drove: np.ndarray
    """`[T, N]` bool: whether the expert chose the action."""
    info: dict[str, np.ndarray]
    """The environments' info after the last step."""

    @property
    def cost(self) -> np.ndarray:
        """`[T, N]`, minus the reward."""
        return -self.reward


def rollout(
    env: VectorEnv,
    policy: Policy | None,
    horizon: int,
    seed: int,
    expert: Expert | None = None,
    gate: Gate | None = None,
) -> Rollout:
    """Run `env` for `horizon` steps from a reset with `seed`; two calls with the same arguments agree.

    Without a gate the policy drives; without a policy the expert does; with a gate, who it says.
    """
    if policy is None and expert is None:
        raise ValueError("nobody to drive: pass a policy, an expert or both")
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
    return Rollout(*(np.stack(column) for column in zip(*steps, strict=True)), info=info)


def _choose(policy, expert, obs, state, expert_drives: np.ndarray) -> np.ndarray:
    """The action of whoever drives, `[N, A]`. The policy is asked even where it does not drive: it may remember."""
    if policy is None:
        return expert(state)
    action = policy(obs)
    if not expert_drives.any():
        return action
    extra = (slice(None),) + (None,) * (action.ndim - 1)
    return np.where(expert_drives[extra], expert(state), action)
