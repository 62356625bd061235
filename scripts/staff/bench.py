"""How fast the homework is, against its targets and against what others offer: `python -m scripts.staff.bench`.

Everything is measured in CPU seconds of one thread (the demo and the tests: in minutes on the wall). The two arms of
a comparison take turns in one run, so that a busy machine slows both alike; what is reported are medians. The peer
`imitation` lives in its own virtual environment, which is made on the first run.
"""

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from tqdm import tqdm

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.bc import TrainConfig, fit
from hw1.dagger import dagger
from hw1.demos import Dataset, collect
from hw1.experts import ForkDriver, LaneExpert
from hw1.losses import mixture_nll
from hw1.policy import PolicyConfig
from hw1.rollout import Policy, rollout
from scripts.staff.bench_peers import classes
from scripts.staff.bench_peers.pendulum_expert import pendulum_expert
from scripts.staff.bench_peers.process import Finished, Imitation, Unmeasured, run_command
from tests.autograder import worker
from tests.autograder.judge import judge
from tests.autograder.oracle import draw
from tests.autograder.probes import PROBES
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.runner import InProcess, Runner
from tests.autograder.staff.live import Live
from tests.autograder.staff.sandbox import Sandbox, SandboxError

Name = Literal["envs", "seeds", "bc", "dagger", "mixture", "grade", "isolation", "batch", "demo", "test"]


@dataclass(frozen=True)
class Options:
    """Measure the targets of `make bench` and write them as a table."""

    only: tuple[Name, ...] = ()
    """Measure only these, for instance `--only envs mixture`; everything if empty."""
    out: Path = Path("out/bench.json")
    """Where the results go, as a list of rows."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: float | None
    """In `unit`; None if it could not be measured (then `note` says why)."""
    peer: float | None
    """In `unit`; None where nothing is compared."""
    ratio: float | None
    """ours / peer, or peer / ours where the target asks how many times cheaper ours is."""
    target: str
    holds: bool
    unit: str = ""
    note: str = ""


def main(options: Options) -> None:
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in options.only or get_args(Name):
        begin = time.monotonic()
        try:
            for row in MEASUREMENTS[name]():
                rows.append(row)
                write(rows, options.out)  # at once, so that an interruption loses little
        except Unmeasured as error:
            rows.append(Row(name, None, None, None, target="", holds=False, note=f"not measured: {error}"))
            write(rows, options.out)
        say(f"{name}: {time.monotonic() - begin:.0f} s")
    print(markdown(rows))


# --- how to measure --------------------------------------------------------------------------------------------------
def interleaved(repeats: int, **arms: Callable[[], float]) -> dict[str, float]:
    """Median cost of each arm; the arms take turns. One more turn at first, uncounted, warms everything up."""
    costs: dict[str, list[float]] = {name: [] for name in arms}
    for _ in tqdm(range(repeats + 1), desc=", ".join(arms), leave=False):
        for name, arm in arms.items():
            costs[name].append(arm())
    return {name: statistics.median(values[1:]) for name, values in costs.items()}


def cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


# --- environments ----------------------------------------------------------------------------------------------------
NUM_ENVS = 256


def measure_envs() -> Iterator[Row]:
    """Steps per CPU second of the batch, against SyncVectorEnv over the same single environment."""
    for name, expert in (("Lane", LaneExpert()), ("Fork", ForkDriver(side=1.0))):
        ours = gym.make_vec(f"hw1/{name}-v0", NUM_ENVS)
        peer = gym.make_vec(f"hw1/{name}-v0", NUM_ENVS, vectorization_mode="sync")
        costs = interleaved(
            5, ours=partial(seconds_per_step, ours, expert), SyncVectorEnv=partial(seconds_per_step, peer, expert)
        )
        speed, peer_speed = 1 / costs["ours"], 1 / costs["SyncVectorEnv"]
        ratio, unit = speed / peer_speed, "steps/CPU s"
        what = f"{name}, {NUM_ENVS} environments, against SyncVectorEnv"
        yield Row(what, speed, peer_speed, ratio, ">= 30x", ratio >= 30, unit)
        if name == "Fork":
            yield Row("Fork, state observation", speed, None, None, ">= 500,000", speed >= 5e5, unit)


def seconds_per_step(env, expert: Callable, steps: int = 100) -> float:
    """Only `env.step` is on the clock; the expert keeps the cars on the road, so that nothing terminates."""
    _, info = env.reset(seed=0)
    seconds = 0.0
    for _ in range(steps):
        action = expert(info["state"])
        begin = time.process_time()
        info = env.step(action)[-1]
        seconds += time.process_time() - begin
    return seconds / (steps * env.num_envs)


# --- training --------------------------------------------------------------------------------------------------------
SEEDS = 10
FEW, MANY = 100, 600  # gradient steps; the difference of two runs is free of what is paid once
SHAPE = {"batch_size": 64, "obs_dim": 128, "action_dim": 1, "samples": 2000, "seed": 0}  # observations as in Lane
PER_STEP_NOTE = f"a run of {MANY} steps minus one of {FEW}, so set-up is left out"


def measure_seeds() -> Iterator[Row]:
    """Ten seeds trained in one batched computation against one of them alone."""
    together = partial(ms_per_step, lambda steps: train_seconds(SEEDS, steps, "l2"))
    alone = partial(ms_per_step, lambda steps: train_seconds(1, steps, "l2"))
    costs = interleaved(7, together=together, alone=alone)
    ratio = costs["together"] / costs["alone"]
    what = "10 seeds trained together against one alone (2x64, batch 64)"
    yield Row(what, costs["together"], costs["alone"], ratio, "<= 3x", ratio <= 3, "ms/step", PER_STEP_NOTE)


def measure_bc() -> Iterator[Row]:
    """A BC step per seed against imitation's, which trains one seed at a time; both with a Gaussian policy."""
    with Imitation() as peer:
        costs = interleaved(
            7,
            together=partial(ms_per_step, lambda steps: train_seconds(SEEDS, steps, "gaussian")),
            alone=partial(ms_per_step, lambda steps: train_seconds(1, steps, "gaussian")),
            imitation=partial(ms_per_step, lambda steps: peer.ask("bc", steps=steps, **SHAPE)["cpu_seconds"]),
        )
    ours, theirs = costs["together"] / SEEDS, costs["imitation"]
    note = (
        f"{PER_STEP_NOTE}; one seed of ours alone: {costs['alone']:.2f} ms; imitation's policy keeps a value function, "
        "cut down to one linear unit"
    )
    what = "BC step per seed, 10 seeds together, against imitation 1.0.1 (2x64, batch 64)"
    yield Row(what, ours, theirs, theirs / ours, ">= 8x less", theirs / ours >= 8, "CPU ms", note)


def ms_per_step(run: Callable[[int], float]) -> float:
    """Milliseconds for each further step of `run`, which maps a number of steps to CPU seconds."""
    return 1e3 * (run(MANY) - run(FEW)) / (MANY - FEW)


def train_seconds(learners: int, steps: int, head: str) -> float:
    data = noise_dataset(learners)
    train = TrainConfig(steps=steps, batch_size=SHAPE["batch_size"])
    return cpu_seconds(lambda: fit(data, PolicyConfig(head=head), train))


def noise_dataset(learners: int) -> Dataset:
    """Clone noise: what a step costs does not depend on what is learned."""
    rng = np.random.default_rng(SHAPE["seed"])
    size = learners * SHAPE["samples"]
    return Dataset(
        obs=rng.random((size, SHAPE["obs_dim"]), dtype=np.float32),
        action=rng.uniform(-1, 1, (size, SHAPE["action_dim"])).astype(np.float32),
        episode=np.arange(size) // 100,
        learner=np.arange(size) // SHAPE["samples"],
        driver=np.zeros(size, dtype=np.int64),
    )


# --- DAgger ----------------------------------------------------------------------------------------------------------
ROUNDS, PENDULUMS, EPISODE = 10, 3, 200  # 10 x 3 x 200 = 6,000 steps of collecting, in both arms
UPDATES, LAST_UPDATES = 10, 400  # few in the rounds that only say where to collect, many for the policy that counts
DAGGER_BATCH, DAGGER_RATE = 256, 2e-2  # 125,000 samples in all; imitation, 4 epochs a round, sees 131,000
HELD_OUT_EPISODES, HELD_OUT_SEED = 100, 2**20
RUNS = 3  # measured runs of each arm, each with its own seed


class DaggerArm:
    """One way to run DAgger: what its runs cost, and the returns of the last policies on the held-out episodes."""

    def __init__(self, run: Callable[[int], tuple[float, Policy]]):
        """`run` maps a seed to the CPU seconds of a run and its last policy."""
        self.run = run
        self.returns: list[float] = []

    def __call__(self) -> float:
        seconds, policy = self.run(len(self.returns))
        self.returns.append(held_out_return(policy))
        return seconds

    @property
    def mean_return(self) -> float:
        return statistics.mean(self.returns[1:])  # the first run warms up, see `interleaved`


def measure_dagger() -> Iterator[Row]:
    """Ten rounds on Pendulum-v1, one run (seed) at a time, against imitation's SimpleDAggerTrainer."""
    average_updates = ((ROUNDS - 1) * UPDATES + LAST_UPDATES) // ROUNDS
    our_recipe = {"updates": average_updates, "batch_size": DAGGER_BATCH, "learning_rate": DAGGER_RATE}
    with Imitation() as peer:
        arms = {
            "ours": DaggerArm(run_dagger),
            "imitation": DaggerArm(partial(ask_dagger, peer)),
            "imitation with its evaluations": DaggerArm(partial(ask_dagger, peer, hidden_evaluation=True)),
            "imitation with our recipe": DaggerArm(partial(ask_dagger, peer, **our_recipe)),
        }
        costs = interleaved(RUNS, **arms)
    ratio = costs["imitation"] / costs["ours"]
    holds = ratio >= 8 and arms["ours"].mean_return >= arms["imitation"].mean_return
    what = "DAgger, 10 rounds on Pendulum, one run, against imitation's SimpleDAggerTrainer (2x64)"
    target = ">= 8x less, at an equal or better return"
    yield Row(what, costs["ours"], costs["imitation"], ratio, target, holds, "CPU s", dagger_note(costs, arms))


def dagger_note(costs: dict[str, float], arms: dict[str, DaggerArm]) -> str:
    """The returns, and what one has to know to judge whether the comparison is fair."""

    def cost_and_return(name: str) -> str:
        return f"{costs[name]:.1f} CPU s and {arms[name].mean_return:.0f}"

    return (
        f"cost of a run and return of its last policy, mean over {RUNS} runs of {HELD_OUT_EPISODES} held-out episodes "
        f"(the expert: {held_out_return(pendulum_expert):.0f}): ours {cost_and_return('ours')}; "
        f"imitation {cost_and_return('imitation')} with its defaults (4 epochs of batch 32 in a round, 4,108 updates) "
        f"but without the evaluations for its log; with them {cost_and_return('imitation with its evaluations')}; "
        f"with our batch, learning rate and number of updates {cost_and_return('imitation with our recipe')}. "
        f"Ours: {ROUNDS - 1} fits of {UPDATES} updates and a last one of {LAST_UPDATES}, batch {DAGGER_BATCH}"
    )


def run_dagger(seed: int) -> tuple[float, Policy]:
    """CPU seconds and the last policy of one run of ours; the first round collects with the expert, as imitation's."""
    begin = time.process_time()
    env = gym.make_vec("Pendulum-v1", PENDULUMS)
    demos = collect(env, pendulum_expert, EPISODE, seed)
    size_at_last = ROUNDS * len(demos)

    def fit_round(dataset: Dataset) -> Policy:
        steps = LAST_UPDATES if len(dataset) == size_at_last else UPDATES
        train = TrainConfig(steps=steps, batch_size=DAGGER_BATCH, learning_rate=DAGGER_RATE, seed=seed)
        return fit(dataset, PolicyConfig(), train, deterministic=True).policy

    rng = np.random.default_rng(seed)
    history = dagger(env, pendulum_expert, fit_round, demos, ROUNDS - 1, EPISODE, rng, beta=experts_share)
    return time.process_time() - begin, history[-1].policy


def experts_share(i: int) -> float:
    """The expert's share in round i, imitation's default schedule."""
    return max(0.0, 1 - i / 15)


def ask_dagger(peer: Imitation, seed: int, **options) -> tuple[float, Policy]:
    """CPU seconds and the last policy of one run of imitation."""
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/weights.npz"
        answer = peer.ask("dagger", rounds=ROUNDS, envs=PENDULUMS, weights=weights, seed=seed, **options)
        if answer["rounds"] != ROUNDS:
            raise Unmeasured(f"imitation made {answer['rounds']} rounds of DAgger instead of {ROUNDS}.")
        return answer["cpu_seconds"], mean_action(weights)


def mean_action(path: str) -> Policy:
    """The deterministic policy whose layers `imitation_peer.save_mean` wrote."""
    with np.load(path) as file:
        layers = [(file[f"weight{i}"], file[f"bias{i}"]) for i in range(len(file.files) // 2)]

    def act(obs: np.ndarray) -> np.ndarray:
        for weight, bias in layers[:-1]:
            obs = np.maximum(obs @ weight.T + bias, 0.0)
        weight, bias = layers[-1]
        return obs @ weight.T + bias

    return act


def held_out_return(policy: Policy) -> float:
    """Mean return over episodes whose starts nobody trained on, the same for everybody; the actions are the modes."""
    env = gym.make_vec("Pendulum-v1", HELD_OUT_EPISODES)
    return float(rollout(env, policy, EPISODE, HELD_OUT_SEED).reward.sum(axis=0).mean())


# --- the mixture's loss ----------------------------------------------------------------------------------------------
COMPONENTS, ACTION_DIM = 5, 7
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def measure_mixture() -> Iterator[Row]:
    """Forward and backward of exercise 1.4 against `MixtureSameFamily`."""
    finite, peer_finite = gradient_is_finite(mixture_nll), gradient_is_finite(library_nll)
    for batch, passes in ((256, 200), (4096, 40)):
        arms = {"ours": mixture_nll, "library": library_nll, "unchecked": partial(library_nll, checks=False)}
        costs = interleaved(15, **{name: partial(ms_per_pass, loss, batch, passes) for name, loss in arms.items()})
        ratio = costs["ours"] / costs["library"]
        note = (
            f"against the library without its checks of arguments {costs['ours'] / costs['unchecked']:.2f}x; gradient "
            f"at log_std -20, distance 1e3: ours {_finite(finite)}, the library's {_finite(peer_finite)}"
        )
        what = f"mixture NLL forward + backward against MixtureSameFamily, batch {batch} (K = 5, A = 7)"
        target = "<= 0.7x, finite gradient"
        yield Row(what, costs["ours"], costs["library"], ratio, target, ratio <= 0.7 and finite, "CPU ms", note)


def library_nll(logits: Tensor, means: Tensor, log_stds: Tensor, action: Tensor, checks: bool | None = None) -> Tensor:
    """`hw1.losses.mixture_nll` as torch.distributions has it; `checks` None is the library's default, on."""
    components = Independent(Normal(means, log_stds.exp(), validate_args=checks), 1, validate_args=checks)
    weights = Categorical(logits=logits, validate_args=checks)
    return -MixtureSameFamily(weights, components, validate_args=checks).log_prob(action).mean()


def ms_per_pass(loss: Loss, batch: int, passes: int) -> float:
    generator = torch.Generator().manual_seed(0)
    shapes = (batch, COMPONENTS), (batch, COMPONENTS, ACTION_DIM), (batch, COMPONENTS, ACTION_DIM), (batch, ACTION_DIM)
    *leaves, action = (torch.randn(shape, generator=generator) for shape in shapes)
    for leaf in leaves:
        leaf.requires_grad_()

    def work() -> None:
        for _ in range(passes):
            torch.autograd.grad(loss(*leaves, action), leaves)

    return 1e3 * cpu_seconds(work) / passes


def gradient_is_finite(loss: Loss) -> bool:
    """Whether all gradients are, one component at a distance of 1e3 with log_std -20, where the density is 0."""
    logits, means, log_stds = torch.zeros(1, 2), torch.zeros(1, 2, 1), torch.full((1, 2, 1), -20.0)
    leaves = [leaf.requires_grad_() for leaf in (logits, means, log_stds)]
    gradients = torch.autograd.grad(loss(*leaves, torch.full((1, 1), 1e3)), leaves)
    return all(bool(gradient.isfinite().all()) for gradient in gradients)


def _finite(finite: bool) -> str:
    return "finite" if finite else "not finite"


# --- grading ---------------------------------------------------------------------------------------------------------
COPIES, CLASS, CORES = 12, 200, 2


def measure_grade() -> Iterator[Row]:
    """One submission with a cold start, many in a batch, and what a worker needs at most."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = [classes.submission(folder / f"student {i}") for i in range(COPIES)]
        cold = [classes.Batch(copies[:1], folder / f"cold {i}", "--jobs", "1").finish() for i in range(3)]
        yield limit("grading one submission, cold", statistics.median(cold), 20, "s")

        few = classes.Batch(copies[:CORES], folder / "few", "--jobs", f"{CORES}").finish()
        many = classes.Batch(copies, folder / "many", "--jobs", f"{CORES}").finish()
        warm = statistics.median(classes.seconds(folder / "many"))
        note = f"median; {CORES} at once, so that the batch needs {(many - few) / (COPIES - CORES):.1f} s for each"
        yield limit("grading a submission, warm in a batch", warm, 6, "s", note)

        bomb = classes.attack(classes.HOSTILE / "losses_memory_bomb.py", folder)
        right = classes.Batch(copies[:2], folder / "right", "--jobs", "1").peak_of_workers() / 2**20
        paths = [classes.submission(folder / "bomb", bomb)]
        peak = classes.Batch(paths, folder / "peak", "--jobs", "1").peak_of_workers() / 2**20
        note = f"of a submission that takes what it can get; of the reference {right:.0f} MiB"
        yield limit("peak memory of a worker", max(peak, right), 768, "MiB", note)


def measure_isolation() -> Iterator[Row]:
    """The reference in a sandbox that is warm, and in this process, which is warm as well: both import its files."""
    inputs = [(probe, draw(probe, classes.SEED)) for probe in PROBES.values()]
    try:
        with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
            student = classes.submission(Path(folder) / "student")
            for what, work in (("all probes", partial(ask_all, inputs)), ("a submission judged", judge_all)):
                isolated = partial(seconds_isolated, work, sandbox, student)
                costs = interleaved(15, isolated=isolated, in_process=partial(seconds_in_process, work, student))
                ratio = costs["isolated"] / costs["in_process"]
                note = (
                    f"{len(inputs)} probes, level {sandbox.level}, with the start and the end of the worker; wall clock"
                )
                yield Row(
                    f"{what}, isolated against in process", *costs.values(), ratio, "<= 1.3x", ratio <= 1.3, "s", note
                )
    except SandboxError as error:
        raise Unmeasured(str(error)) from error


def ask_all(inputs: list[tuple[Probe, Arrays]], runner: Runner | InProcess) -> None:
    """Only what a student's code answers."""
    answers = {probe.id: runner.ask(probe, given) for probe, given in inputs}
    if failed := [id for id, answer in answers.items() if answer.status != "ok"]:
        raise Unmeasured(f"the reference does not answer the probes {', '.join(failed)}.")


def judge_all(runner: Runner | InProcess) -> None:
    """The reference's answers and the verdicts, too."""
    verdicts = [v for own in judge(runner, Live(classes.SEED), PROBES.values(), reveal=False) for v in own]
    if failed := [v.probe.id for v in verdicts if v.status != "passed"]:
        raise Unmeasured(f"the reference does not pass the probes {', '.join(failed)}.")


def seconds_isolated(work: Callable[[Runner], None], sandbox: Sandbox, student: Path) -> float:
    begin = time.monotonic()
    with Runner(sandbox.launcher(student)) as runner:
        work(runner)
    return time.monotonic() - begin


def seconds_in_process(work: Callable[[InProcess], None], student: Path) -> float:
    begin = time.monotonic()
    worker.use(student)
    work(InProcess(Homework(), student))
    return time.monotonic() - begin


def measure_batch() -> Iterator[Row]:
    """A class of right, wrong, unusable and hostile submissions, killed at a random moment, and taken up again."""
    rng = random.Random()
    options = ("--jobs", f"{CORES}", "--probe-timeout", f"{classes.PROBE_SECONDS:g}")
    with tempfile.TemporaryDirectory() as name:
        out, moment = Path(name) / "out", rng.randrange(1, CLASS)
        paths = classes.mixed(Path(name), CLASS, rng)
        begin = time.monotonic()
        left = classes.Batch(paths, out, *options).kill_after(moment)
        before = classes.finished(out)
        classes.Batch(paths, out, *options).finish()
        minutes = (time.monotonic() - begin) / 60
        after, times = classes.finished(out), classes.times_graded(out)
    kept = all(after[name] == before[name] for name in before)
    # A grade whose line in the log the kill prevented counts as well: its file has not been written again.
    once = sum(times.get(name, 1 if name in before else 0) == 1 for name in after)
    note = f"killed after {len(before)}, {minutes:.1f} minutes in all, {len(left)} processes left by the kill"
    holds = once == CLASS and kept and not left
    what = f"a class of {CLASS}, right, wrong and hostile, kill -9 and again: graded exactly once"
    yield Row(what, once, None, None, f"{CLASS}", holds, "submissions", note)


# --- whole commands --------------------------------------------------------------------------------------------------
def measure_demo() -> Iterator[Row]:
    """The demo full, with everything cached, and coarse; into fresh folders."""
    with tempfile.TemporaryDirectory() as folder:
        full = run_figures(f"{folder}/full")
        yield limit("make demo", full.minutes, 15, "minutes")
        yield limit("peak memory of make demo", full.gibibytes, 2, "GiB", "of the largest of its processes")
        cached = run_figures(f"{folder}/full")
        yield limit("make demo, everything cached", cached.minutes * 60, 10, "s")
        quick = run_figures(f"{folder}/quick", "--quick")
        yield limit("make demo --quick", quick.minutes * 60, 90, "s")


def run_figures(folder: str, *options: str) -> Finished:
    say(f"  python -m scripts.figures {' '.join(options)}")
    return run_command(["-m", "scripts.figures", "--out", folder, *options])


def measure_test() -> Iterator[Row]:
    """The whole test suite."""
    yield limit("make test", run_command(["-m", "pytest", "-q"]).minutes, 10, "minutes")


def limit(what: str, measured: float, most: float, unit: str, note: str = "") -> Row:
    return Row(what, measured, None, None, f"<= {most:g} {unit}", measured <= most, unit, note)


MEASUREMENTS: dict[Name, Callable[[], Iterator[Row]]] = {
    "envs": measure_envs,
    "seeds": measure_seeds,
    "bc": measure_bc,
    "dagger": measure_dagger,
    "mixture": measure_mixture,
    "grade": measure_grade,
    "isolation": measure_isolation,
    "batch": measure_batch,
    "demo": measure_demo,
    "test": measure_test,
}


# --- results ---------------------------------------------------------------------------------------------------------
def write(rows: list[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def markdown(rows: list[Row]) -> str:
    """The table for the README, the notes below it."""
    lines = ["| what | ours | peer | ratio | target | holds |", "|---|---|---|---|---|---|"]
    notes = []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" ({len(notes)})"
        ratio = "" if row.ratio is None else f"{number(row.ratio)}x"
        cells = [row.what + mark, quantity(row.ours, row.unit), quantity(row.peer, row.unit), ratio, row.target]
        lines.append(f"| {' | '.join(cells)} | {'yes' if row.holds else 'no'} |")
    return "\n".join([*lines, "", *(f"{i}. {note}" for i, note in enumerate(notes, start=1))])


def quantity(value: float | None, unit: str) -> str:
    return "" if value is None else f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three digits that count: 0.123, 12.3, 123,000."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


if __name__ == "__main__":
    main(tyro.cli(Options))
