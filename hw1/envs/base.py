"""What the environments have in common: each is one vectorised class, and the single environment is derived from it.

Shapes: N parallel environments, O numbers in an observation, S in a state, A in an action.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float, Int, Shaped, UInt8

from hw1.learners import learner_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and only needed to draw


class BatchedEnv(VectorEnv):
    """N environments as arrays. A subclass sets the two single spaces and defines the methods at the end.

    After reset and after every step, `info["state"]` `[N, S]` holds the privileged state that experts read.
    There is no autoreset: a terminated environment stays where it is, with reward 0, until it is reset
    (`reset(options={"reset_mask": mask})` resets some environments only).
    """

    metadata: ClassVar[dict[str, Any]] = {
        "autoreset_mode": AutoresetMode.DISABLED,
        "render_modes": ["rgb_array"],
        "render_fps": 10,
    }

    def __init__(
        self,
        num_envs: int,
        observation_space: gym.Space,
        action_space: gym.Space,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        learners: int = 1,
    ):
        """`learners`: training seeds that share the environments in equal parts; see `hw1.learners`.
        `max_episode_steps`: None or 0 for no limit.

        Raises ValueError, which names the option and its value, for an option of no use.
        """
        require_whole(num_envs=num_envs, learners=learners)
        if max_episode_steps is not None:
            require_whole(0, max_episode_steps=max_episode_steps)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f'render_mode must be None or "rgb_array", got {render_mode!r}')
        self.num_envs = num_envs
        self.learner: Int[np.ndarray, " N"] = learner_of(num_envs, learners)
        """The learner that each environment belongs to."""
        self.max_episode_steps = max_episode_steps
        self.render_mode = render_mode
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)
        self.elapsed = np.zeros(num_envs, dtype=np.int64)
        self.terminated = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, "N O"], dict[str, np.ndarray]]:
        """Start new episodes: everywhere, or where `options["reset_mask"]` `[N]` is True."""
        if seed is not None and not isinstance(seed, int | np.integer):
            raise TypeError(f"seed must be one integer for the whole batch, got {seed!r}")
        super().reset(seed=None if seed is None else int(seed))
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=bool)))
        if mask.dtype != bool or mask.shape != (self.num_envs,):
            raise ValueError(
                f"reset_mask must be an array of bool, one for each of the {self.num_envs} environments, got "
                f"{mask.dtype} of shape {mask.shape}"
            )
        rows = np.flatnonzero(mask)
        self.elapsed[rows] = 0
        self.terminated[rows] = False
        self._reset_rows(rows)
        return self._observe(), self._info()

    def step(
        self, actions: Shaped[np.ndarray, "N ..."]
    ) -> tuple[
        Float[np.ndarray, "N O"],
        Float[np.ndarray, " N"],
        Bool[np.ndarray, " N"],
        Bool[np.ndarray, " N"],
        dict[str, np.ndarray],
    ]:
        """Advance all environments (see `gymnasium.vector.VectorEnv.step`). Actions outside their Box are clipped."""
        actions = np.asarray(actions)
        if actions.shape != self.action_space.shape:
            raise ValueError(f"expected actions of shape {self.action_space.shape}, got {actions.shape}")
        if actions.dtype.kind not in "biuf":
            raise ValueError(f"actions must be numbers, got an array of {actions.dtype}")
        if not np.isfinite(actions).all():
            raise ValueError("actions must be finite")
        running = ~self.terminated
        reward = np.where(running, self._advance(actions), 0.0)
        self.elapsed += 1
        limit = self.max_episode_steps
        truncated = self.elapsed >= limit if limit else np.zeros(self.num_envs, dtype=bool)
        return self._observe(), reward, self.terminated.copy(), truncated, self._info()

    def render(self) -> UInt8[np.ndarray, "height width 3"]:
        """The first environment as an image."""
        from hw1.envs.render import to_image  # matplotlib is slow to import, and only needed here

        return to_image(self.draw)

    # --- what a subclass defines -------------------------------------------------------------------------------------
    def _reset_rows(self, rows: Int[np.ndarray, " rows"]) -> None:
        """Start new episodes in these environments."""
        raise NotImplementedError

    def _advance(self, actions: Shaped[np.ndarray, "N ..."]) -> Float[np.ndarray, " N"]:
        """Make one step, update `self.terminated`, return the rewards."""
        raise NotImplementedError

    def _observe(self) -> Float[np.ndarray, "N O"]:
        raise NotImplementedError

    def _info(self) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def draw(self, figure: "Figure", row: int = 0) -> None:
        """Draw environment `row` on a matplotlib figure."""
        raise NotImplementedError


def require_whole(least: int = 1, **options: object) -> None:
    """Raises ValueError unless these options are whole numbers from `least` on."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be at least {least} and a whole number, got {value!r}")


def require_number(most: float = np.inf, **options: object) -> None:
    """Raises ValueError unless these options are finite numbers from 0 to `most`."""
    for name, value in options.items():
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (number and np.isfinite(value) and 0 <= value <= most):
            limit = "at least 0 and finite" if most == np.inf else f"from 0 to {most:g}"
            raise ValueError(f"{name} must be a number {limit}, got {value!r}")


def require_bool(**options: object) -> None:
    """Raises ValueError unless these options are True or False: text such as "no" would count as True."""
    for name, value in options.items():
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be True or False, got {value!r}")


class SingleEnv(gym.Env):
    """A `BatchedEnv` of one as an ordinary `gymnasium.Env`, so that the dynamics are implemented only once.

    `reset` ignores its `options`.
    """

    def __init__(self, batched: type[BatchedEnv], **options: Any):
        self.batch = batched(num_envs=1, **options)
        self._seeded = False
        self.metadata = {k: v for k, v in self.batch.metadata.items() if k != "autoreset_mode"}
        self.render_mode = self.batch.render_mode
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**31))
        self._seeded = True
        obs, info = self.batch.reset(seed=seed)
        return obs[0], {key: value[0] for key, value in info.items()}

    def step(self, action):
        obs, reward, terminated, truncated, info = self.batch.step(np.asarray(action)[None])
        info = {key: value[0] for key, value in info.items()}
        return obs[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), info

    def render(self):
        return self.batch.render()
