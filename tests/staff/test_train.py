"""`python -m scripts.train`: anybody's environment, interruptions, and what is refused in words."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from hw1 import demos
from hw1.demos import Dataset
from hw1.exercises import ROOT
from hw1.policy import Actor
from hw1.rollout import rollout
from scripts import train
from scripts.training import options as command_line
from scripts.training import worlds
from scripts.training.phases import for_learners, success_of

HERE = Path(__file__).parent
NAME = Path(__file__).stem  # the experts below are found by this name: pytest puts this folder on the path


# --- experts and environments, as somebody would write them ----------------------------------------------------------
def swing_up(obs):
    cos, sin, speed = obs.T
    pump = np.where(speed**2 / 6 + 5 * (cos - 1) < 0, 2.0, -2.0) * np.sign(speed + 1e-6)
    return np.clip(np.where(cos > 0.8, -12 * np.arctan2(sin, cos) - 2.5 * speed, pump), -2, 2)[:, None]


def balance(obs):
    return (obs @ np.array([0.1, 0.5, 4.0, 1.0]) > 0).astype(int)


def swing(obs):
    return np.where(obs[:, 4] > 0, 0, 2)


def push(obs):
    return np.clip(obs[:, 2:4], 0, 512)


def keep_lane(obs):
    return np.ones(len(obs), dtype=int)


def wrong_shape(obs):
    return swing_up(obs)[:, 0][:1]


def too_far(obs):
    return np.full((len(obs), 1), 3.0)


def nan(obs):
    return np.full((len(obs), 1), np.nan)


def fails(obs):
    return obs["speed"]


def no_such_action(obs):
    return np.full(len(obs), 2)


def leaves(obs):
    sys.exit(0)


def half_actions(obs):
    return np.full(len(obs), 0.5)


class Counter(gym.Env):
    """Counts up to 3; the expert reads info["state"]."""

    def __init__(self, actions=None, observations=None):
        self.observation_space = observations or gym.spaces.Box(0, 10, (2, 2), np.float32)
        self.action_space = actions or gym.spaces.Discrete(2, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.zeros((2, 2), np.float32), {"state": np.zeros(1), "success": False}

    def step(self, action):
        self.count += int(action == 6)
        over = self.count == 3
        return np.full((2, 2), self.count, np.float32), 1.0, over, False, {"state": np.ones(1), "success": over}


def count(state):
    assert state.shape[1:] == (1,), state.shape
    return np.full(len(state), 6)


class Crash(gym.Env):
    """Fails, or shows what its space does not promise."""

    def __init__(self, when="never", shown=2):
        self.observation_space, self.action_space = gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(2)
        self.when, self.shown = when, shown

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.see("reset"), {}

    def step(self, action):
        return self.see("step"), 0.0, False, False, {}

    def see(self, where):
        if self.when == where:
            raise KeyError("no mesh")
        return np.zeros(self.shown, np.float32)


for _name, _options in {
    "CrashReset-v0": {"when": "reset"},
    "CrashStep-v0": {"when": "step"},
    "CrashShape-v0": {"shown": 3},
}.items():
    if f"train/{_name}" not in gym.registry:
        gym.register(f"train/{_name}", entry_point=Crash, kwargs=_options, max_episode_steps=8)


def quits(**options):
    sys.exit("no licence")


if "train/Quits-v0" not in gym.registry:
    gym.register("train/Quits-v0", entry_point=quits)

for _name, _options in {
    "Counter-v0": {},
    "Switches-v0": {"actions": gym.spaces.MultiDiscrete([2, 3])},
    "Graph-v0": {"observations": gym.spaces.Graph(gym.spaces.Discrete(2), None)},
    "Broken-v0": {"nonsense": 1},
}.items():
    if f"train/{_name}" not in gym.registry:
        gym.register(f"train/{_name}", entry_point=Counter, kwargs=_options)

SMALL = ("--demonstrations", 2, "--steps", 20, "--evaluations", 2, "--hidden", 8)
PENDULUM = ("--env", "Pendulum-v1", "--horizon", 20, "--expert", f"{NAME}:swing_up")
CARTPOLE = ("--env", "CartPole-v1", "--horizon", 20, "--expert", f"{NAME}:balance")
LANE = ("--task", "lane", "--horizon", 20)


def run(*arguments: object) -> int:
    """The exit status of the command, in this process."""
    try:
        return train.main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return ended.code


def result(out: Path) -> dict:
    return json.loads((out / "result.json").read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder, and every folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


# --- anybody's environment -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("env", "expert", "head"),
    [
        ("Pendulum-v1", "swing_up", "l2"),
        ("CartPole-v1", "balance", "categorical"),
        ("Acrobot-v1", "swing", "categorical"),
    ],
)
def test_a_registered_environment_is_cloned_improved_and_evaluated(tmp_path, env, expert, head):
    arguments = ("--env", env, "--expert", f"{NAME}:{expert}", "--horizon", 30, "--dagger", 1, "--out", tmp_path)
    assert run(*arguments, *SMALL) == 0
    found = result(tmp_path)
    assert found["options"]["policy"]["head"] == head
    labels = [round["labels"][0] for round in found["rounds"]]
    assert labels[0] == 60 < labels[1] <= 360  # up to 2 and 10 episodes of 30 steps
    assert 0 < found["evaluation"]["length"][0] <= 30
    assert found["evaluation"] == found["rounds"][-1]["evaluation"]
    assert {"torch", "gymnasium"} <= set(found["versions"])
    assert Actor.load(tmp_path / "policy.safetensors").config.head == head
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.safetensors", "result.json"]


def test_a_clone_of_cartpole_balances_much_longer_than_chance(tmp_path):
    arguments = ("--env", "CartPole-v1", "--expert", f"{NAME}:balance", "--horizon", 200, "--out", tmp_path)
    assert run(*arguments, "--demonstrations", 5, "--steps", 300, "--evaluations", 10) == 0
    assert result(tmp_path)["evaluation"]["return"][0] > 150  # chance: about 22


@pytest.mark.skipif(not hasattr(demos, "record"), reason="hw1 drives only environments with flat observations")
def test_actions_that_do_not_start_at_0_and_a_privileged_state(tmp_path):
    arguments = ("--env", f"{NAME}:train/Counter-v0", "--expert", f"{NAME}:count", "--horizon", 8, "--dagger", 1)
    stored = ("--save-demos", "counter/demo-v0", "--datasets", tmp_path / "demos")
    assert run(*arguments, *stored, *SMALL, "--out", tmp_path / "a") == 0
    evaluation = result(tmp_path / "a")["evaluation"]
    assert evaluation == {"return": [3.0], "length": [3.0], "success": [1.0]}
    cloned = ("--env", "train/Counter-v0", "--dataset", "counter/demo-v0", "--horizon", 8, *SMALL)
    assert run(*cloned, *stored[2:], "--out", tmp_path / "b") == 0
    assert result(tmp_path / "b")["evaluation"] == evaluation


@pytest.mark.parametrize(
    ("package", "env", "expert"),
    [
        ("gym_pusht", "gym_pusht:gym_pusht/PushT-v0", "push"),
        ("highway_env", "highway_env:highway-fast-v0", "keep_lane"),
    ],
)
def test_an_environment_of_another_package_is_learned(tmp_path, package, env, expert):
    pytest.importorskip(package)
    arguments = ("--env", env, "--expert", f"{NAME}:{expert}", "--horizon", 30, "--dagger", 1, "--out", tmp_path)
    assert run(*arguments, *SMALL) == 0
    assert 0 < result(tmp_path)["evaluation"]["length"][0] <= 30


def test_success_is_that_of_the_first_episode():
    steps = rollout(worlds.any_task("train/Counter-v0").env(2), lambda obs: np.array([6, 5]), 7, seed=0)
    assert steps.info["success"].tolist() == [True, False]
    assert steps.running.sum(axis=0).tolist() == [3, 7]
    assert steps.learner.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("told", "success"),
    [
        ({"success": np.array([True, None], dtype=object)}, [1, 0]),  # the second episode never told
        ({"success": np.array(["yes", "no"]), "is_success": np.array([0, 1])}, [0, 1]),
        ({"success": {"door": np.ones(2)}}, None),
        ({"success": np.ones((2, 3))}, None),
        ({}, None),
    ],
)
def test_success_is_one_number_for_each_episode_or_not_told(told, success):
    steps = rollout(worlds.any_task("train/Counter-v0").env(2), lambda obs: np.array([6, 5]), 1, seed=0)
    found = success_of(replace(steps, info=told))
    assert (found if found is None else found.tolist()) == success


@pytest.mark.parametrize(("preset", "chunk"), [("pi0", 50), ("openvla", 1)])
def test_a_preset_holds_in_any_environment(preset, chunk):
    parsed = train.parse([str(x) for x in (*PENDULUM, "--preset", preset)])
    assert (parsed.policy.chunk, parsed.task, parsed.env) == (chunk, "", "Pendulum-v1")


def test_one_of_our_environments_by_its_id_keeps_its_recipes():
    assert train.parse(["--env", "hw1/Lane-v0"]).policy.observation_scale == "none"


def test_a_chunk_alone_shortens_what_is_carried_out():
    parsed = train.parse(["--task", "fork", "--chunk", "2"])
    assert (parsed.policy.chunk, parsed.policy.execute) == (2, 2)
    assert train.parse(["--task", "fork", "--chunk", "9"]).policy.execute == 4


def test_the_expert_is_asked_step_by_step_and_its_actions_become_flat():
    box = gym.spaces.Box(-1, 1, (2, 3), np.float32)
    asked = []

    def expert(state):
        asked.append(state.shape)
        return np.zeros((len(state), 2, 3))

    action = worlds.Checked("m:f", expert, box)(np.zeros((4, 5, 7)))
    assert (action.shape, action.dtype) == ((4, 5, 6), np.float32)
    assert asked == [(5, 7)] * 4


# --- datasets --------------------------------------------------------------------------------------------------------
def test_a_stored_dataset_is_cloned_without_its_expert(tmp_path):
    stored = ("--datasets", tmp_path / "demos", "--env", "CartPole-v1", "--horizon", 20, *SMALL)
    assert run("--expert", f"{NAME}:balance", "--save-demos", "cp/demo-v0", "--out", tmp_path / "a", *stored) == 0
    assert run("--dataset", "cp/demo-v0", "--out", tmp_path / "b", *stored) == 0
    assert (tmp_path / "a/policy.safetensors").read_bytes() == (tmp_path / "b/policy.safetensors").read_bytes()
    # One learner in the data, two seeds: both clone it.
    assert run("--dataset", "cp/demo-v0", "--seeds", 2, "--out", tmp_path / "c", *stored) == 0
    assert result(tmp_path / "c")["rounds"][0]["labels"] == [40, 40]


def store(name: str, root: Path, offset: float = 0.0, **about) -> None:
    """A Minari dataset as somebody else would have made it: two episodes of ten steps, three numbers, two actions."""
    import minari
    from minari.data_collector import EpisodeBuffer

    rng = np.random.default_rng(0)
    buffers = [
        EpisodeBuffer(
            id=number,
            observations=rng.random((11, 3), dtype=np.float32) + np.float32(offset),
            actions=np.arange(10) % 2,
            rewards=np.zeros(10),
            terminations=np.zeros(10, dtype=bool),
            truncations=np.arange(10) == 9,
            infos={},
        )
        for number in range(2)
    ]
    spaces = {
        "observation_space": gym.spaces.Box(0, 2, (3,), np.float32),
        "action_space": gym.spaces.Discrete(2),
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MINARI_DATASETS_PATH", str(root))
        minari.create_dataset_from_buffers(name, buffers, **spaces, **about)


def test_a_dataset_is_cloned_although_its_environment_is_not_here(tmp_path, capsys):
    store("other/one-v0", tmp_path / "demos")
    arguments = ("--dataset", "other/one-v0", "--datasets", tmp_path / "demos", "--steps", 20, "--out", tmp_path / "a")
    assert run(*arguments, "--evaluations", 0) == 0
    found = result(tmp_path / "a")
    assert found["options"]["policy"]["head"] == "categorical"  # the default for its actions
    assert "evaluation" not in found
    capsys.readouterr()
    assert run(*arguments, "--evaluations", 1) == 1
    said = capsys.readouterr().err
    assert "other/one-v0" in said
    assert "--env" in said
    assert run(*arguments, "--evaluations", 1, "--env", "CartPole-v1") == 1  # other observations
    assert "other/one-v0" in capsys.readouterr().err


def test_the_environment_that_a_dataset_names_is_used(tmp_path):
    store("other/cp-v0", tmp_path, env="CartPole-v1")
    for name, where in {"other/cp-v0": ("", "CartPole-v1"), "other/none-v0": ("", "")}.items():
        parsed = train.parse(["--dataset", name, "--datasets", str(tmp_path)])
        assert (parsed.task, parsed.env) == where
    about = tmp_path / "other/cp-v0/data/metadata.json"
    about.write_text(about.read_text().replace("CartPole-v1", "hw1/Lane-v0").replace("cp-v0", "lane-v0"))
    about.parent.parent.rename(tmp_path / "other/lane-v0")
    assert train.parse(["--dataset", "other/lane-v0", "--datasets", str(tmp_path)]).task == "lane"


def test_a_dataset_that_somebody_else_collected_is_not_replaced(tmp_path, capsys):
    store("other/one-v0", tmp_path)
    before = contents(tmp_path)
    arguments = (*CARTPOLE, *SMALL, "--datasets", tmp_path, "--out", tmp_path / "run")
    assert run(*arguments, "--save-demos", "other/one-v0") == 1
    said = capsys.readouterr().err
    assert "--save-demos other/one-v0" in said
    assert "choose another name" in said
    assert contents(tmp_path) == before
    for _ in range(2):  # our own are replaced
        assert run(*arguments, "--save-demos", "other/two-v0") == 0


def dataset(learner: list[int]) -> Dataset:
    size = len(learner)
    zeros = np.zeros(size, np.int64)
    return Dataset(np.zeros((size, 1), np.float32), zeros, np.arange(size) // 2, np.array(learner), zeros)


def test_every_learner_clones_the_data_of_a_single_one():
    options = command_line.Options(seeds=3, dataset="aa/b-v0")
    data = for_learners(dataset([4, 4, 4, 4]), options)
    assert data.learner.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.episode.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_learners_of_a_dataset_stay_or_are_refused():
    two = dataset([0, 0, 1, 1])
    kept = for_learners(two, command_line.Options(seeds=2, dataset="aa/b-v0"))
    assert kept.learner.tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="--seeds 2"):
        for_learners(two, command_line.Options(seeds=3, dataset="aa/b-v0"))


# --- gates -----------------------------------------------------------------------------------------------------------
GATES = {
    "beta": (*PENDULUM, "--gate", "beta", "--beta", 0.3),
    "human": (*LANE, "--gate", "human", "--stay", 3),
    "uncertainty": (*PENDULUM, "--gate", "uncertainty", "--members", 2, "--handback", 0.5, "--seeds", 2),
}


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_decides_which_steps_become_labels(tmp_path, gate):
    assert run(*GATES[gate], "--dagger", 2, "--out", tmp_path, *SMALL) == 0
    labels = np.array([round["labels"] for round in result(tmp_path)["rounds"]])
    new = np.diff(labels, axis=0)
    assert ((new == 200) if gate == "beta" else (new >= 0) & (new < 200)).all()
    # The demonstrations, and for the ensemble one more that sets its threshold.
    assert (labels[0] == (60 if gate == "uncertainty" else 40)).all()


def test_beta_falls_by_the_same_factor_in_each_round():
    from scripts.training.gating import Gates

    gates = Gates(command_line.Options(gate="beta", beta=0.5, dagger=3), 1, None)
    assert [gates.beta(i) for i in (1, 2, 3)] == [0.5, 0.25, 0.125]
    assert Gates(command_line.Options(dagger=3), 1, None).beta(1) == 0


def test_the_ensembles_threshold_is_a_quantile_of_each_learners_own_doubt():
    from types import SimpleNamespace

    from scripts.training.gating import Gates

    # Two learners with two drives each; the members differ by the observation.
    obs = np.array([[[1.0], [2.0], [10.0], [20.0]]]).repeat(3, axis=0)
    drives = SimpleNamespace(obs=obs, running=np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 0, 1, 0]], dtype=bool))
    ensemble = SimpleNamespace(members=lambda: [lambda obs: obs, lambda obs: -obs])
    gate = Gates(command_line.Options(gate="uncertainty", seeds=2, quantile=0.5), 2, lambda each: drives).alarm(
        ensemble
    )
    assert gate.threshold.tolist() == [1.0, 1.0, 10.0, 10.0]


# --- interruptions ---------------------------------------------------------------------------------------------------
def start(*arguments: object, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "scripts.train", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes, **options)


def interrupt(process: subprocess.Popen, line: str, pause: float) -> None:
    """Ctrl-C some seconds after the command has printed a line that begins like this."""
    while line and not (said := process.stdout.readline()).startswith(line):
        assert said, process.communicate()
    time.sleep(pause)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "run the same command" in err
    assert "Traceback" not in err


LONG = ("--task", "lane", "--horizon", 80, "--dagger", 2, "--demonstrations", 3, "--steps", 400, "--hidden", 8)
LONG = (*LONG, "--evaluations", 200)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    assert run(*LONG, "--out", out) == 0
    return out


# The line after which Ctrl-C is pressed, and how many seconds later.
MOMENTS = {
    "starting, cloning": [("", 1.0), ("round 0", 0.3)],
    "in a round, twice": [("round 1", 0.3), ("round 1", 0.3)],
    "collecting, evaluating, evaluating": [("round 2", 0.0), ("last", 0.0), ("round 0: return", 0.05)],
}


@pytest.mark.parametrize("moments", MOMENTS.values(), ids=MOMENTS)
def test_an_interrupted_dagger_continues_and_ends_like_an_uninterrupted_one(tmp_path, uninterrupted, moments):
    for line, pause in moments:
        interrupt(start(*LONG, "--out", tmp_path), line, pause)
    assert (tmp_path / "rounds/run.json").exists()
    process = start(*LONG, "--out", tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert ("training is finished already" in out) == ("return" in moments[-1][0])
    found, expected = result(tmp_path), result(uninterrupted)
    del found["options"]["out"], expected["options"]["out"]
    assert found == expected
    assert (tmp_path / "policy.safetensors").read_bytes() == (uninterrupted / "policy.safetensors").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.safetensors", "result.json"]


def test_a_job_that_ignores_ctrl_c_begins_like_any_other():
    process = start("--evaluations", -1, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err[:6]) == (1, "error:")


def test_ctrl_c_between_two_rounds_keeps_the_finished_ones(tmp_path, uninterrupted, monkeypatch, capsys):
    from scripts.training.folder import Folder

    done = []

    def fit(self, dataset):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(dataset)
        return original(self, dataset)

    original = Folder.fit
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "fit", fit)
        assert run(*LONG, "--out", tmp_path) == 130
    assert "run the same command" in capsys.readouterr().err
    assert run(*LONG, "--out", tmp_path) == 0
    assert capsys.readouterr().out.count("kept from the interrupted run") == 2
    assert result(tmp_path)["rounds"] == result(uninterrupted)["rounds"]


def fail(*arguments):
    raise ValueError("the simulator is gone")


def finished_fits(out: Path) -> int:
    return len([path for path in out.glob("rounds/*.json") if len(path.stem) == 16])


def test_a_failure_in_the_evaluation_loses_nothing(tmp_path, monkeypatch):
    from scripts.training.phases import Run

    with monkeypatch.context() as patched:
        patched.setattr(Run, "evaluate", fail)
        assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 1
    assert Actor.load(tmp_path / "policy.safetensors").config.head == "categorical"
    assert "evaluation" not in result(tmp_path)
    monkeypatch.setattr(Run, "train", fail)
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 0
    assert result(tmp_path)["evaluation"]["length"]


def test_training_is_kept_only_for_the_same_stored_data(tmp_path, monkeypatch):
    from scripts.training.folder import Folder

    arguments = ("--dataset", "other/one-v0", "--datasets", tmp_path, "--steps", 20, "--evaluations", 0)
    for number, offset in enumerate((0.0, 1.0)):
        store("other/one-v0", tmp_path, offset=offset)
        with monkeypatch.context() as patched:
            patched.setattr(Folder, "close", fail)
            assert run(*arguments, "--out", tmp_path / "run") == 1
        assert finished_fits(tmp_path / "run") == number + 1
        shutil.rmtree(tmp_path / "other/one-v0")


def test_a_full_disk_gets_a_sentence_and_loses_nothing(tmp_path, monkeypatch, capsys):
    def full(self, path, value):
        if path.name == "trained.json":
            raise OSError(28, "No space left on device", str(path))
        original(self, path, value)

    from scripts.training.folder import Folder

    original = Folder.write
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "write", full)
        assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 1
    assert "No space left" in capsys.readouterr().err
    assert finished_fits(tmp_path) == 1
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 0


def test_an_unfinished_run_is_not_overwritten_by_one_with_other_options(tmp_path, monkeypatch, capsys):
    from scripts.training.phases import Run

    with monkeypatch.context() as patched:
        patched.setattr(Run, "evaluate", fail)
        assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 1
    before = contents(tmp_path)
    assert run(*CARTPOLE, *SMALL, "--seed", 1, "--out", tmp_path) == 1
    assert "seed: 0 there, 1 here" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_an_earlier_result_is_kept(tmp_path):
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 0
    first = (tmp_path / "policy.safetensors").read_bytes()
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 0  # the same again changes nothing
    assert not (tmp_path / "earlier").exists()
    assert run(*CARTPOLE, *SMALL, "--seed", 1, "--out", tmp_path) == 0
    assert (tmp_path / "earlier/1/policy.safetensors").read_bytes() == first
    assert (tmp_path / "earlier/1/result.json").exists()


@pytest.mark.parametrize(
    "name", ["policy.safetensors", "result.json", "checkpoint.safetensors", "rounds/notes.txt", "rounds/run.json"]
)
def test_files_of_somebody_else_are_told_and_stay(tmp_path, capsys, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 1
    said = capsys.readouterr().err
    assert "--out" in said
    assert "choose another" in said
    assert contents(tmp_path) == before


@pytest.mark.parametrize("text", ["[]", "null", "{}", "{"])
def test_files_of_a_run_that_are_damaged_are_made_again(tmp_path, monkeypatch, text):
    with monkeypatch.context() as patch:
        patch.setattr("scripts.training.phases.Run.evaluate", fail)
        assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 1
    for path in (tmp_path / "rounds").glob("*.json"):
        if path.name != "run.json":
            path.write_text(text)
    assert run(*CARTPOLE, *SMALL, "--out", tmp_path) == 0
    assert result(tmp_path)["evaluation"]


def test_unfinished_exercises_are_named_before_anything_is_computed(student, tmp_path):
    release = student({"4.1": None, "4.3": None})
    done = release.run("scripts.train", "--task", "lane", "--dagger", "1", *map(str, SMALL), "--out", "run")
    assert done.returncode == 1
    assert "TODO 4.1, 4.3 is not done yet" in done.stderr
    assert not (release.folder / "run").exists()
    release = student({"2.2": None})
    done = release.run("scripts.train", "--task", "fork", "--head", "mixture", *map(str, SMALL), "--out", "run")
    assert (done.returncode, done.stdout) == (1, "")
    assert "TODO 2.2 is not done yet" in done.stderr
    assert not (release.folder / "run").exists()


# --- mistakes --------------------------------------------------------------------------------------------------------
# Arguments, then what the answer must say: the option with its value, and the remedy.
FORK, PLAIN = ("--task", "fork"), ("--task", "lane")
ANY = ("--env", "Pendulum-v1", "--expert")
MISTAKES = [
    ((*PLAIN, "--steps", 0), "--steps 0", "at least 1"),
    ((*PLAIN, "--steps", -5), "--steps -5", "at least 1"),
    ((*PLAIN, "--members", 0), "--members 0", "at least 1"),
    ((*PLAIN, "--seeds", 0), "--seeds 0", "at least 1"),
    ((*PLAIN, "--seeds", -2), "--seeds -2", "at least 1"),
    ((*PLAIN, "--seed", -1), "--seed -1", "must be"),
    ((*PLAIN, "--demonstrations", 0), "--demonstrations 0", "at least 1"),
    ((*PLAIN, "--demonstrations", -1), "--demonstrations -1", "at least 1"),
    ((*PLAIN, "--evaluations", -1), "--evaluations -1", "0 for none"),
    ((*PLAIN, "--dagger", -1), "--dagger -1", "0 for none"),
    ((*PLAIN, "--latency", -1), "--latency -1", "0 for none"),
    ((*PLAIN, "--noise", -0.1), "--noise -0.1", "at least 0"),
    ((*PLAIN, "--noise", "nan"), "--noise nan", "finite"),
    ((*PLAIN, "--noise", "inf"), "--noise inf", "finite"),
    ((*PLAIN, "--steps", "many"), "--steps", "int"),
    ((*PLAIN, "--demonstrations", 3, "--validation", 0.1), "--validation 0.1", "collect more"),
    ((*PLAIN, "--patience", 2), "--patience 2", "set validation"),
    ((*PLAIN, "--device", "cuda"), "--device cuda", "use cpu"),
    ((*PLAIN, "--history", 0), "--history 0", "at least 1"),
    ((*PLAIN, "--execute", 2), "--execute 2", "chunk"),
    ((*PLAIN, "--horizon", 401), "--horizon 401", "at most 400"),
    ((*PLAIN, "--head", "categorical"), "--head categorical", "choose another --head"),
    ((*FORK, "--head", "categorical"), "--head categorical", "mixture"),
    ((*FORK, "--chunk", 2, "--execute", 3), "--execute 3", "between 1 and chunk"),
    ((*FORK, "--chunk", 0), "--chunk 0", "must"),
    ((*FORK, "--dagger", 2), "--dagger 2", "choose another --task: lane"),
    (("--task", "nonsense"), "--task", "lane"),
    (("--task", ""), "--task", "choose one of"),
    (("--preset", "nonsense"), "--preset", "pi0"),
    (("--task", "tightrope", "--preset", "pi0"), "--preset pi0", "categorical"),
    (("--task", "tightrope", "--chunk", 2), "--chunk 2", "chunk must be 1"),
    # gates
    ((*PLAIN, "--gate", "human"), "--gate human", "--dagger"),
    ((*PLAIN, "--dagger", 1, "--gate", "nobody"), "--gate", "uncertainty"),
    ((*PLAIN, "--dagger", 1, "--beta", 0.5), "--beta 0.5", "--gate beta"),
    ((*PLAIN, "--dagger", 1, "--gate", "beta", "--beta", 1.5), "--beta 1.5", "between 0 and 1"),
    ((*PLAIN, "--dagger", 1, "--gate", "beta", "--stay", 3), "--stay 3", "--gate human"),
    ((*PLAIN, "--dagger", 1, "--gate", "human", "--stay", -3), "--stay -3", "0 for none"),
    ((*PLAIN, "--dagger", 1, "--gate", "human", "--handback", 0.5), "--handback 0.5", "--gate uncertainty"),
    ((*PLAIN, "--dagger", 1, "--gate", "uncertainty"), "--gate uncertainty", "--members 2"),
    (
        (*PLAIN, "--dagger", 1, "--gate", "uncertainty", "--members", 2, "--quantile", 0.5, "--handback", 0.6),
        "--handback 0.6",
        "below --quantile",
    ),
    (
        (*PLAIN, "--dagger", 1, "--gate", "uncertainty", "--members", 2, "--quantile", 95),
        "--quantile 95",
        "between 0 and 1",
    ),
    ((*PENDULUM, "--dagger", 1, "--gate", "human"), "--gate human", "--task lane"),
    ((*CARTPOLE, "--dagger", 1, "--gate", "uncertainty", "--members", 2), "--gate uncertainty", "--gate beta"),
    # anybody's environment
    ((*PLAIN, *PENDULUM), "--task lane", "one of them"),
    (("--env", "CartPol-v1"), "--env CartPol-v1", "Did you mean: `CartPole`"),
    (("--env", "Pendulum-v9"), "--env Pendulum-v9", "v1"),
    (("--env", "no_such_module:Pendulum-v1"), "--env no_such_module:Pendulum-v1", "module:ID"),
    (("--env", "a:b:c"), "--env a:b:c", "module:ID"),
    (("--env", "train/Broken-v0"), "--env train/Broken-v0", "make gymnasium.make"),
    (("--env", "train/Switches-v0"), "--env train/Switches-v0", "ActionWrapper"),
    (("--env", "train/Graph-v0"), "--env train/Graph-v0", "ObservationWrapper"),
    (("--env", "train/Quits-v0"), "--env train/Quits-v0", "make gymnasium.make"),
    (
        ("--env", "train/CrashReset-v0", "--expert", f"{NAME}:keep_lane"),
        "--env train/CrashReset-v0",
        "its reset failed",
    ),
    (("--env", "train/CrashStep-v0", "--expert", f"{NAME}:keep_lane"), "--env train/CrashStep-v0", "its step failed"),
    (("--env", "train/CrashShape-v0", "--expert", f"{NAME}:keep_lane"), "--env train/CrashShape-v0", "whose spaces"),
    (("--env", "Pendulum-v1"), "--env Pendulum-v1", "--expert"),
    (("--env", "train/Counter-v0", "--expert", f"{NAME}:count"), "--env train/Counter-v0", "--horizon"),
    ((*PENDULUM, "--head", "categorical"), "--head categorical", "l2"),
    ((*CARTPOLE, "--head", "l2"), "--head l2", "categorical"),
    ((*CARTPOLE, "--preset", "pi0"), "--preset pi0", "categorical"),
    (("--expert", f"{NAME}:swing_up"), "--expert", "--env"),
    ((*ANY, "swing_up"), "--expert swing_up", "module:function"),
    ((*ANY, "no_such_module:drive"), "--expert no_such_module:drive", "folder"),
    ((*ANY, f"{NAME}:nobody"), f"--expert {NAME}:nobody", "swing_up"),
    ((*ANY, f"{NAME}:wrong_shape"), f"--expert {NAME}:wrong_shape", "return (1, 1)"),
    ((*ANY, f"{NAME}:too_far"), f"--expert {NAME}:too_far", "np.clip"),
    ((*ANY, f"{NAME}:nan"), f"--expert {NAME}:nan", "finite"),
    ((*ANY, f"{NAME}.py:swing_up"), f"--expert {NAME}.py:swing_up", f"without .py: {NAME}:swing_up"),
    ((*ANY, f"{NAME}:leaves"), f"--expert {NAME}:leaves", "SystemExit"),
    ((*ANY, f"{NAME}:fails"), f"--expert {NAME}:fails", f"{NAME}.py, line"),
    (("--env", "CartPole-v1", "--expert", f"{NAME}:no_such_action"), f"{NAME}:no_such_action", "0 to 1"),
    (("--env", "CartPole-v1", "--expert", f"{NAME}:half_actions"), f"{NAME}:half_actions", "astype(int)"),
    # datasets and folders
    ((*FORK, "--dataset", "none/such-v0"), "none/such-v0", "collect it"),
    (("--dataset", "none/such-v0"), "none/such-v0", "collect it"),
    ((*FORK, "--dataset", "../demos-v0"), "--dataset ../demos-v0", "such as lane/mine-v0"),
    ((*FORK, "--save-demos", "no version"), "--save-demos no version", "such as lane/mine-v0"),
    ((*FORK, "--save-demos", "aa/b-v0", "--dataset", "cc/d-v0"), "--save-demos aa/b-v0", "give one"),
    ((*FORK, "--out", "a file"), "--out a file", "another folder"),
    ((*FORK, "--out", "a file/below"), "--out a file/below", "another folder"),
    ((*FORK, "--out", "/proc/nowhere"), "--out /proc/nowhere", "another folder"),
    ((*FORK, "--datasets", "a file"), "--datasets a file", "another folder"),
]


@pytest.mark.parametrize(("arguments", "option", "remedy"), MISTAKES, ids=lambda value: str(value)[:60])
def test_a_mistake_is_answered_in_words_before_anything_is_computed(
    tmp_path, monkeypatch, capsys, arguments, option, remedy
):
    monkeypatch.chdir(tmp_path)
    Path("a file").write_text("mine")
    before = contents(tmp_path)
    first = () if "--steps" in arguments else ("--steps", 20)
    assert run(*first, *arguments) in (1, 2)
    out, err = capsys.readouterr()
    said = " ".join(err.replace("│", " ").split())  # the command line draws boxes
    assert option in said
    assert remedy in said
    assert "Traceback" not in said
    assert out == ""
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "return undefined",
            r"error: NameError: name 'undefined' is not defined \(hw1/losses\.py, line \d+\); python -m ",
        ),
        (
            "return ((action - pred) ** 2).sum(-1).mean().detach()",
            r"error: the loss has no gradient: .*1\.1 mse_loss",
        ),
    ],
)
def test_a_mistake_in_the_loss_is_one_sentence(student, tmp_path, code, told):
    own = student({"1.1": code})
    done = own.run("scripts.train", "--task", "fork", "--head", "l2", "--steps", "5", "--out", str(tmp_path / "new"))
    assert done.returncode == 1
    assert re.search(told, done.stderr)
    assert "Traceback" not in done.stderr
