"""Probes of exercise 4.4: who drives, and which states are kept, when a gate decides."""

from collections.abc import Iterable
from functools import partial

import numpy as np

from tests.autograder import forms
from tests.autograder.probes.actors import draw_actor
from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.datasets import (
    DTYPES,
    FIELDS,
    SEVERAL,
    Samples,
    contents,
    drawn_each,
    facts_each,
    owner_facts,
    prefixed,
    run_each,
)
from tests.autograder.probes.relabel import ACTOR, DISCRETE, watched
from tests.autograder.probes.world import (
    Replay,
    World,
    draw_sizes,
    draw_world,
    drivers,
    first_seed,
    is_truncated,
    policy_facts,
)


# --- one rollout -----------------------------------------------------------------------------------------------------
class Schedule:
    """A gate that lets the expert drive at fixed steps, `table [T, N]`. It counts steps from its reset on, and records
    what it is told."""

    def __init__(self, env: World, table: np.ndarray):
        self.env, self.table = env, table != 0
        self.told: list[tuple] = []
        self.types: list[bool] = []
        """Whether expert_drives was an array of bools."""
        self.given: list[tuple[int, np.ndarray]] = []
        """Each answer, and the row of the table that it was a copy of."""
        self.resets: list[tuple[int, int]] = []  # seed, and the number of calls before
        self.step = 0

    def reset(self, seed):
        self.resets.append((int(seed), len(self.told)))
        self.step = 0

    def __call__(self, obs, state, expert_drives):
        self.types.append(np.asarray(expert_drives).dtype == bool)
        given = [np.array(x, dtype=np.float32) for x in (obs, state, expert_drives)]
        shapes = [x.shape for x in self._nothing()]
        self.told.append(tuple(given if [x.shape for x in given] == shapes else self._nothing()))
        step = min(self.step, len(self.table) - 1)
        answer = self.table[step, : len(given[0])].copy()
        self.given.append((step, answer))
        self.step += 1
        return answer

    def _nothing(self) -> list[np.ndarray]:
        envs, width = self.env.observation_space.shape
        shapes = (envs, width), (envs, width - (not self.env.ordinary)), (envs,)
        return [np.full(shape, np.nan, np.float32) for shape in shapes]

    def record(self) -> dict:
        """What it was told, by step, and its resets."""
        columns = zip(*(self.told or [self._nothing()]), strict=True)
        names = ("gate's obs", "gate's state", "gate's expert_drives")
        told = {name: np.stack(column)[: len(self.told)] for name, column in zip(names, columns, strict=True)}
        return told | {
            "gate's seeds": np.array([seed for seed, _ in self.resets], dtype=np.int64),
            "gate's expert_drives are bools": all(self.types),
            "gate's answers are changed": not all(
                np.array_equal(self.table[step][: len(given)], given) for step, given in self.given
            ),
            "gate's calls before each reset": np.array([calls for _, calls in self.resets], dtype=np.int64),
        }


def draw_table(rng: np.random.Generator, steps: int, envs: int) -> np.ndarray:
    """When the expert drives, `[T, N]`: two interventions and a pause; from the start; to the end; one step; never."""
    table = np.zeros((steps, envs), dtype=np.int64)
    for n in range(envs):
        first, second = rng.integers(1, 3), rng.integers(5, 7)
        table[first : rng.integers(first + 1, 5), n] = table[second : rng.integers(second + 1, 9), n] = 1
    if envs > 4:
        one, start, end, never = rng.permutation(envs)[:4]
        table[:, [one, start, end, never]] = 0
        table[rng.integers(1, 5), one] = 1
        table[: rng.integers(2, 4), start] = table[rng.integers(5, 8) :, end] = 1
    return table[:steps]


def draw_long_table(rng: np.random.Generator, steps: int, envs: int, learners: int) -> np.ndarray:
    """Many interventions of one step, with pauses of one step; nothing for 25 steps; a last intervention. The first
    learner has none. In the last environment the expert takes over where it stopped in the one before."""
    table = np.zeros((steps, envs), dtype=np.int64)
    table[:LONG] = (np.arange(LONG)[:, None] + rng.integers(2, size=envs)) % 2
    table[LONG + 25 :] = 1
    table[:, : envs // learners] = table[:, -2:] = 0
    table[3:10, -2] = table[10:12, -1] = 1
    return table


LONG = 36
"""Steps in which most environments have 18 interventions."""


def draw_case(rng: np.random.Generator, table: str | int | None = None, seed: int | None = None, **sizes) -> Arrays:
    """A world of random sizes, except for those that are given. `table`: 0 or 1 at every step; 1 at every step but one
    if "pause"; random if None, like the seed."""
    sizes = draw_sizes(rng) | sizes
    drawn = draw_table(rng, max(sizes["steps"], 9), sizes["envs"])[-sizes["steps"] :]
    if sizes["steps"] == 1:
        drawn = rng.permutation(np.arange(sizes["envs"]) % 2)[None]
    world = draw_world(rng, **sizes)
    lives, steps = world["lives"], sizes["steps"]
    for n in np.flatnonzero((lives == 1) | (lives == steps) | (is_truncated(len(lives)) & (lives < steps))):
        drawn[lives[n] - 1 :, n] = 1  # what leads to an end, and what follows it
    if sizes["steps"] > LONG:
        drawn = draw_long_table(rng, sizes["steps"], sizes["envs"], sizes["learners"])
    if table is not None:
        drawn = np.full_like(drawn, int(table != 0))
    if table == PAUSE:
        drawn[rng.integers(1, sizes["steps"] - 1), rng.integers(sizes["envs"])] = 0
    own = {} if seed is None else {"seed": np.array(seed)}
    return world | own | {"table": drawn}


PAUSE = "pause"


def draw_cases(rng: np.random.Generator, cases: dict[str, dict]) -> Arrays:
    return drawn_each(rng, cases, draw_case)


def intervene(hw1: Homework, inputs: Arrays, env: World | None = None, policy=None, plain: bool = False) -> dict:
    """Seed, actions and dataset of one rollout, and what the gate was told. `policy`: one without memory, if None.
    `plain`: the gate has no `reset`."""
    env = World(inputs) if env is None else env
    expert, forgetful = drivers(inputs)
    gate, policy = Schedule(env, inputs["table"]), forgetful if policy is None else policy
    given = (lambda *told: gate(*told)) if plain else gate
    seed = {"seed": int(inputs["seed"])} if inputs["seed"] or plain else {}  # 0 is the default
    data = hw1.dagger.intervention_rollout(env, policy, expert, given, int(inputs["horizon"]), **seed)
    closed = {"closed": env.closed}
    return closed | env.record() | contents(forms.dataset(data, "intervention_rollout")) | gate.record()


def intervene_each(hw1: Homework, inputs: Arrays, cases: Iterable[str]) -> dict:
    return run_each(inputs, cases, lambda case, own: intervene(hw1, own))


# --- what is kept ----------------------------------------------------------------------------------------------------
def kept_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    samples, drove = Samples(replay, answer), replay.by_expert & replay.running
    right = samples.hold(drove)
    running, by_policy = replay.running, replay.running & ~replay.by_expert
    late, early = (np.roll(drove, shift, axis=0) & running for shift in (1, -1))
    others = {
        "all states are kept": samples.hold(running),
        "the states where the policy drove are kept": samples.hold(by_policy),
        "all states from the first intervention on are kept": samples.hold(
            np.maximum.accumulate(replay.by_expert) & running
        ),
        "the states one step after those where the expert drove are kept": samples.hold(late),
        "the states one step before those where the expert drove are kept": samples.hold(early),
        "the observations after those where the expert drove are kept": samples.hold_next(drove),
        "only the first state of each intervention is kept": samples.hold(drove & ~np.roll(drove, 1, axis=0)),
        "nothing is kept": not len(answer["obs"]),
    }
    wrong = {name: not right and held for name, held in others.items()}
    return {"exactly the states where the expert drove are kept": right} | wrong | samples.labels()


KEPT = {SEVERAL: {}, "N = 1": {"envs": 1}, "T = 1": {"steps": 1}, "A = 1": {"dims": 1}}


@probe(
    "4.4.1",
    "the states where the expert drove, labelled with its actions",
    points=1,
    draw=partial(draw_cases, cases=KEPT),
    facts=partial(facts_each, KEPT, kept_facts),
    asked="Only states in which the expert had control are kept, with the action that the expert took",
)
def kept_states(hw1: Homework, inputs: Arrays) -> dict:
    return intervene_each(hw1, inputs, KEPT)


# --- the gate --------------------------------------------------------------------------------------------------------
def gate_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    length, running = len(replay.action), replay.running
    drove = inputs["table"][:length] != 0
    before = np.concatenate([np.zeros_like(drove[:1]), drove[:-1]])
    calls = answer["gate's calls before each reset"]

    def told(name: str, right: np.ndarray) -> bool:
        given = answer[f"gate's {name}"]
        asked = len(given) >= length and given.shape[1:] == right.shape[1:]
        return bool(asked and np.allclose(given[:length][running], right[running], atol=1e-4))

    return {
        "seed of the environment's reset": answer["seed"].astype(np.int64),
        "steps": replay.steps,
        "times the gate was asked": len(answer["gate's obs"]) if replay.running_on.any() else replay.horizon,
        "the expert drives where the gate decides so": bool((replay.by_expert == drove)[running].all()),
        "the policy drives everywhere else": bool((replay.by_policy == ~drove)[running].all()),
        "the gate is told the observation": told("obs", replay.obs),
        "the gate is told the state": told("state", replay.state),
        "the gate is told who drove one step ago": told("expert_drives", before),
        "the gate is told expert_drives as bools": bool(answer["gate's expert_drives are bools"]),
        "what the gate returned is changed in place": bool(answer["gate's answers are changed"]),
        "the environment is left open": not answer["closed"],
        "the gate is reset before it is first asked": bool((calls == 0).any()),
        "the gate is reset during the rollout": bool((calls > 0).any()),
        "seed of the gate's reset": first_seed(answer, "gate"),
    }


MORTAL = "with terminations"
GATES = {
    SEVERAL: {},
    MORTAL: {"mortal": True},
    "N = 1 ordinary environment": {"envs": 1, "ordinary": True},
    "T = 1, seed 0": {"steps": 1, "seed": 0},
}


@probe(
    "4.4.2",
    "the gate is called at every step and decides who drives",
    points=1,
    draw=partial(draw_cases, cases=GATES),
    facts=partial(facts_each, GATES, gate_facts),
    asked="`seed` resets the environment, and the policy and the gate if they have `reset`.",
)
def gate_control(hw1: Homework, inputs: Arrays) -> dict:
    return intervene_each(hw1, inputs, GATES)


# --- edges -----------------------------------------------------------------------------------------------------------
def never_facts(inputs: Arrays, answer: Arrays) -> dict:
    empty = {f"empty {name}": answer[name][:0] for name in FIELDS}  # shapes and dtypes
    return {"samples": len(answer["obs"])} | empty


def always_facts(inputs: Arrays, answer: Arrays) -> dict:
    samples = Samples(Replay(inputs, answer), answer)
    return {
        "every state is kept if the expert always drives": samples.hold(samples.replay.running),
        "episodes if the expert always drives": len(np.unique(answer["episode"])),
    }


def almost_facts(inputs: Arrays, answer: Arrays) -> dict:
    return {"samples": len(answer["obs"]), "episodes": len(np.unique(answer["episode"]))}


NEVER = {"never": {"table": 0}, "never, discrete actions": {"table": 0, "dims": 0}}
ALWAYS = {"always": {"table": 1}, "always, T = 1": {"table": 1, "steps": 1}}
ALMOST = {"almost always, equal actions and observations": {"table": PAUSE, "agree": True, "blind": True}}


def never_and_always_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    never, always = facts_each(NEVER, never_facts, inputs, answer), facts_each(ALWAYS, always_facts, inputs, answer)
    return never | always | facts_each(ALMOST, almost_facts, inputs, answer)


@probe(
    "4.4.3",
    "no intervention; intervention at every step",
    points=0.5,
    draw=partial(draw_cases, cases=NEVER | ALWAYS | ALMOST),
    rules={f"empty {name} ({case})": rule for case in NEVER for name, rule in DTYPES.items()},
    facts=never_and_always_facts,
    asked="The dataset is empty if the expert never intervened.",
)
def never_and_always(hw1: Homework, inputs: Arrays) -> dict:
    return run_each(inputs, (*NEVER, *ALWAYS, *ALMOST), lambda case, own: intervene(hw1, own, plain=True))


OWNED = (SEVERAL, MORTAL, DISCRETE)


def draw_owned(rng: np.random.Generator) -> Arrays:
    learners = int(rng.integers(2, 4))
    several = {"learners": learners, "envs": learners * int(rng.integers(2, 4))}
    long = {"envs": learners * int(rng.integers(7, 9)), "steps": LONG + int(rng.integers(27, 30))}
    mortal = {"mortal": True}
    cases = several | long, several | mortal, mortal | {"dims": 0, "ordinary": True}
    return draw_cases(rng, dict(zip(OWNED, cases, strict=True)))


def kept_owner_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    samples, drove = Samples(replay, answer), replay.by_expert
    times = samples.times
    kept = {
        "every state where the expert drove is kept up to a termination": bool(
            (times[drove & replay.running] == 1).all()
        ),
        "states after the end of an episode are kept": bool((times[~replay.running] > 0).any()),
    }
    return replay.drove() | kept | samples.labels() | owner_facts(inputs, answer)


@probe(
    "4.4.4",
    "learners, episodes, terminations; discrete actions",
    points=0.5,
    draw=draw_owned,
    rules={name + end: rule for end in ("", f" ({MORTAL})", f" ({DISCRETE})") for name, rule in DTYPES.items()},
    facts=partial(facts_each, OWNED, kept_owner_facts),
    asked="Each intervention is an episode of its own: a gap begins a new one.",
)
def owners(hw1: Homework, inputs: Arrays) -> dict:
    return intervene_each(hw1, inputs, OWNED)


# --- in use ----------------------------------------------------------------------------------------------------------
PLAIN = "N = 1, seed 0, a gate without reset"
REMEMBERING = {SEVERAL: {"mortal": True}, PLAIN: {"envs": 1, "seed": 0}, ACTOR: {"mortal": True}}


def draw_remembering(rng: np.random.Generator) -> Arrays:
    return draw_cases(rng, REMEMBERING) | prefixed(f"{ACTOR}: ", draw_actor(rng))


def remembering_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    return replay.drove() | policy_facts(replay, answer) | {"seed of the policy's reset": first_seed(answer, "policy")}


@probe(
    "4.4.5",
    "in use: policies that remember, and an Actor with history and chunks",
    points=1,
    draw=draw_remembering,
    facts=partial(facts_each, REMEMBERING, remembering_facts),
    asked="At every step the policy and the gate are asked once, about all environments.",
)
def remembering(hw1: Homework, inputs: Arrays) -> dict:
    def run(case: str, own: Arrays) -> dict:
        policy = watched(hw1, own, case == ACTOR)
        return intervene(hw1, own, policy.env, policy, plain=case == PLAIN) | policy.record()

    return run_each(inputs, REMEMBERING, run)
