"""The phases of a run: demonstrations, rounds of training, evaluation.

Shapes: L learners, M samples.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, fields, replace

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from jaxtyping import Float

from hw1 import demos
from hw1.bc import fit
from hw1.dagger import Round, dagger
from hw1.demos import Dataset, record, save, side_of
from hw1.learners import by_learner
from hw1.policy import Actor
from hw1.rollout import Expert, Policy, Rollout, rollout
from hw1.tasks import Task
from scripts.training.folder import Folder
from scripts.training.gating import Gates
from scripts.training.options import Options
from scripts.training.refusals import check_validation

ROLLOUTS = 10  # episodes that a round of DAgger collects for each learner
EVALUATION_SEED = 1_000_000  # far from the seeds of training


@dataclass(frozen=True)
class Run:
    """One run: its options and its task, None if data is cloned that needs no environment."""

    options: Options
    task: Task | None

    @property
    def horizon(self) -> int:
        """Time steps of an episode."""
        return self.options.horizon or self.task.horizon

    def env(self, each: int) -> VectorEnv:
        """`each` environments for every learner."""
        return self.task.env(each * self.options.seeds, learners=self.options.seeds)

    # --- demonstrations ---
    def drives(self, env: VectorEnv, expert: Expert, seed: int, horizon: int | None = None) -> Rollout:
        """The expert's drives, with human hands."""
        options = self.options
        noise = options.noise if isinstance(env.single_action_space, spaces.Box) else 0.0
        return record(env, expert, horizon or self.horizon, seed, noise=noise, latency=options.latency)

    def stored(self) -> Dataset:
        """The dataset, for every learner. Raises ValueError if it does not fit the environment or the learners."""
        options = self.options
        drives = self.task is not None and (options.evaluations or options.dagger)
        env = self.task.env(1) if drives else None
        data = for_learners(demos.load(options.dataset, options.datasets, env=env), options)
        check_validation(options, min(len(np.unique(data.episode[data.learner == i])) for i in range(options.seeds)))
        return data

    def collected(self, rng: np.random.Generator) -> tuple[Expert, Dataset]:
        """Who demonstrated, and new demonstrations, which are stored on request."""
        options = self.options
        env = self.env(options.demonstrations)
        expert = self.task.expert(env, rng)
        steps = self.drives(env, expert, options.train.seed)
        side = side_of(expert, steps)
        if options.save_demos:
            place = save(steps, options.save_demos, options.datasets, seed=options.train.seed, env=env, driver=side)
            print(f"stored in {place}")
        return expert, Dataset.from_rollout(steps, steps.action, driver=side)

    # --- training ---
    def rehearse(self, data: Dataset | None) -> None:
        """Every function that the run calls, once, in miniature: an unfinished exercise or an expert that does not fit
        is found before the run begins. `data` is what is stored already."""
        train, rng = self.options.train, np.random.default_rng(0)
        small = replace(train, steps=1, batch_size=2, members=min(train.members, 2), validation=0.0, patience=0)
        if self.task is None:
            fit(_first_samples(data), self.options.policy, small)
            return
        env = self.env(1)
        with redirect_stdout(io.StringIO()):
            expert = self.task.expert(env, rng) if data is None or self.options.dagger else None
            if data is None:
                steps = self.drives(env, expert, train.seed, horizon=2)
                data = Dataset.from_rollout(steps, steps.action)
            last = self._rounds(
                Run(replace(self.options, demonstrations=1), self.task).gates(1, horizon=2),
                env,
                expert,
                lambda dataset: fit(dataset, self.options.policy, small).policy,
                _first_samples(data),
                rng,
                min(self.options.dagger, 1),
                horizon=2,
            )[-1]
            if self.options.evaluations:
                rollout(env, last.policy, 2, seed=0)

    def _rounds(
        self,
        gates: Gates,
        env: VectorEnv,
        expert: Expert,
        fit: Callable[[Dataset], Policy],
        data: Dataset,
        rng: np.random.Generator,
        rounds: int,
        horizon: int,
    ) -> list[Round]:
        """Cloning, then rounds of DAgger. The arguments are those of `hw1.dagger.dagger`."""
        if not rounds:
            return [Round(data, fit(data))]
        done = dagger(env, expert, fit, data, rounds, horizon, rng, beta=gates.beta, collect=gates.collect)
        if len(done) != rounds + 1:
            raise ValueError(f"dagger returned {len(done)} rounds instead of {rounds + 1}; look at exercise 4.3")
        return done

    def gates(self, each: int, horizon: int) -> Gates:
        """The gates of DAgger, for `each` environments of every learner."""

        def held_out(episodes: int) -> Rollout:
            env = self.env(episodes)
            seed = int(np.random.SeedSequence([self.options.train.seed, 2]).generate_state(1)[0] >> 1)
            return self.drives(env, self.task.expert(env, np.random.default_rng(seed)), seed, horizon)

        return Gates(self.options, each, held_out)

    def train(self, folder: Folder, data: Dataset | None) -> list[dict]:
        """Every round: the key of its fit in the folder, labels and losses. What is finished is not fitted again."""
        options, rng = self.options, np.random.default_rng([self.options.train.seed, 0])
        expert = None
        if data is None:
            expert, data = self.collected(rng)
        elif options.dagger:
            expert = self.task.expert(self.env(ROLLOUTS), rng)
        print(f"{len(data)} steps of {len(np.unique(data.episode))} demonstrations")
        count = 0

        def remembered(dataset: Dataset) -> Policy:
            nonlocal count
            kept = folder.finished_fit(folder.key(dataset)) is not None
            if options.dagger:
                again = ", kept from the interrupted run" if kept else ""
                print(f"round {count} of {options.dagger}: {len(dataset)} samples{again}", flush=True)
            count += 1
            return folder.fit(dataset).policy

        if not options.dagger:
            remembered(data)
            return [self._about(folder, data, 0)]
        gates = self.gates(ROLLOUTS, self.horizon)
        done = self._rounds(gates, self.env(ROLLOUTS), expert, remembered, data, rng, options.dagger, self.horizon)
        return [self._about(folder, round.dataset, gates.extra_labels) for round in done]

    def _about(self, folder: Folder, dataset: Dataset, extra: np.ndarray | int) -> dict:
        key = folder.key(dataset)
        kept = folder.finished_fit(key)
        if kept is None:
            raise ValueError("dagger returned a dataset to which no policy was fitted; look at exercise 4.3")
        labels = np.bincount(dataset.learner, minlength=self.options.seeds) + extra
        losses = {"train_loss": kept.train_loss.tolist(), "validation_loss": kept.validation_loss.tolist()}
        return {"key": key, "labels": labels.tolist(), **losses}

    # --- evaluation ---
    def evaluate(self, policy: Actor) -> dict[str, list[float]]:
        """Means over held-out episodes, for each learner."""
        learners = self.options.seeds
        env = self.env(self.options.evaluations)
        drives = rollout(env, policy, self.horizon, seed=EVALUATION_SEED + self.options.train.seed)
        measured = {"return": drives.reward.sum(axis=0), "length": drives.running.sum(axis=0)}
        if (success := success_of(drives)) is not None:
            measured["success"] = success
        return {key: by_learner(value, learners).mean(axis=1).tolist() for key, value in measured.items()}


def success_of(drives: Rollout) -> Float[np.ndarray, " N"] | None:
    """What the environment says of each episode's success, 0 if it says nothing; None if it never tells a number."""
    for name in ("success", "is_success"):
        try:
            told = np.array([each or 0 for each in drives.info[name]], dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            continue
        if told.shape == drives.learner.shape:
            return told
    return None


def for_learners(data: Dataset, options: Options) -> Dataset:
    """A stored dataset for as many learners as there are seeds: each clones all of it if it holds only one.

    Raises ValueError if it holds several learners, but another number.
    """
    found, learner = np.unique(data.learner, return_inverse=True)
    data, seeds = replace(data, learner=learner.astype(np.int64)), options.seeds
    if len(found) == seeds:
        return data
    if len(found) > 1:
        raise ValueError(
            f"--dataset {options.dataset} holds the demonstrations of {len(found)} learners; "
            f"give --seeds {len(found)}, not {seeds}"
        )
    copies = {field.name: np.concatenate([getattr(data, field.name)] * seeds) for field in fields(data)}
    number = np.repeat(np.arange(seeds), len(data))
    copies["episode"] = copies["episode"] + number * (data.episode.max() + 1)
    return Dataset(**copies | {"learner": number})


def _first_samples(data: Dataset) -> Dataset:
    """One sample of each learner."""
    keep = np.zeros(len(data), dtype=bool)
    keep[np.unique(data.learner, return_index=True)[1]] = True
    return data.subset(keep)
