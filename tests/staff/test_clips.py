"""The clips: the same road and gusts for all, the moment of the exit, small files."""

import io

import numpy as np
import pytest
from PIL import Image

from hw1.envs import fork, lane
from hw1.experts import ForkDriver, LaneExpert
from scripts.experiments import clips
from scripts.experiments.base import Clip
from scripts.staff import picture


def straight_on(state: np.ndarray) -> np.ndarray:
    """Nobody steers."""
    return np.zeros((len(state), 1), np.float32)


DRIVERS = {"expert": LaneExpert(), "weak": straight_on, "another": LaneExpert()}


@pytest.fixture(scope="module")
def takes() -> list[clips.Take]:
    return clips.rehearse(clips.ON_LANE, DRIVERS, "weak", seed=7, tries=40)


def test_all_drive_on_the_same_road_with_the_same_gusts(takes):
    one, _, other = takes
    assert len(one.moments) == clips.ON_LANE.task.horizon
    for mine, theirs in zip(one.moments, other.moments, strict=True):
        assert np.array_equal(mine.cars.psi, theirs.cars.psi)
        assert np.array_equal(mine.obs, theirs.obs)
    roads = [take.moments[0].cars.road for take in takes]
    assert all(np.array_equal(roads[0].phase, road.phase) for road in roads)


def test_the_exit_is_the_first_step_off_the_lane(takes):
    weak = takes[1]
    outside = [abs(moment.cars.e[0]) > lane.HALF_WIDTH for moment in weak.moments]
    assert weak.exit == outside.index(True)
    assert (takes[0].exit, takes[2].exit) == (None, None)


def test_on_fork_the_exit_is_the_crash():
    drivers = {"driver": ForkDriver(1.0), "l2": ForkDriver(0.0)}
    good, bad = clips.rehearse(clips.ON_FORK, drivers, "l2", seed=7, tries=40)
    assert good.exit is None
    moment = bad.moments[bad.exit]
    assert abs(moment.cars.e[0]) < fork.TREE_HALF_WIDTH
    assert moment.cars.v[0] == 0.0


def test_a_clip_is_small_moves_and_has_a_still_picture_in_which_the_exit_is_marked(takes, monkeypatch):
    monkeypatch.setattr(clips, "AFTER", 1.0)
    made = clips.film(clips.ON_LANE, takes, weak=1, every=9)
    with Image.open(io.BytesIO(made["clip"][0].tobytes())) as clip:
        clip.load()
        assert clip.n_frames == len(range(max(takes[1].exit - 30, 0), takes[1].exit + 10, 9))
        assert clip.info["duration"] == 900
        assert clip.size[::-1] == tuple(made["size"][0])
    with Image.open(io.BytesIO(made["still"][0].tobytes())) as still:
        pixels = np.asarray(still.convert("RGB")).astype(int)
    strips = np.array_split(pixels, 3)
    bad = np.array([int(clips.BAD[i : i + 2], 16) for i in (1, 3, 5)])
    marked = [(np.abs(strip - bad).sum(axis=-1) < 12).sum() for strip in strips]
    assert marked[1] > 500 > 50 > max(marked[0], marked[2])
    assert made["clip"].size < 1_000_000


def test_every_clip_has_its_job():
    assert {clip.job for clip in clips.EXPERIMENT.clips} == {job.name for job in clips.jobs(quick=False)}
    assert clips.jobs(quick=True) == []


# --- small versions --------------------------------------------------------------------------------------------------
def test_the_story_is_made_of_figures_that_the_demo_draws():
    from scripts.figures import EXPERIMENTS

    drawn = {each.name for experiment in EXPERIMENTS.values() for each in (*experiment.drawings, *experiment.clips)}
    assert {*picture.STORY, picture.CLIP[0]} <= drawn
    assert isinstance(clips.EXPERIMENT.clips[0], Clip)


def test_every_small_figure_is_made(tmp_path, monkeypatch):
    """Also where one figure has two: one for the README, one to compare with."""
    demo, out = tmp_path / "out", tmp_path / "writeup"
    for folder in (demo / "figures", out / "expected"):
        folder.mkdir(parents=True)
    (demo / "claims.json").write_text('[{"quick": false}]')
    for name in {*picture.STORY, *picture.EXPECTED}:
        Image.new("RGB", (8, 8)).save(demo / "figures" / f"{name}.png")
    (demo / "figures" / f"{picture.CLIP[0]}.webp").touch()
    made = set()
    monkeypatch.setattr(picture, "TARGET", out / "picture.png")
    monkeypatch.setattr(picture, "tasks", lambda: None)
    for name in ("small_figure", "small_clip"):
        monkeypatch.setattr(picture, name, lambda source, target: made.add(str(target.relative_to(out))))
    picture.run(picture.Options(demo=demo))
    assert made == {*picture.STORY.values(), picture.CLIP[1], *(f"expected/{name}.png" for name in picture.EXPECTED)}


def test_small_versions_are_small_and_take_as_long(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "ROOT", tmp_path)
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (40, 800, 3), dtype=np.uint8)) for _ in range(5)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=100)
    frames[0].save(tmp_path / "a.png")
    picture.small_clip(tmp_path / "a.webp", tmp_path / "b.webp")
    picture.small_figure(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.webp") as clip, Image.open(tmp_path / "b.png") as figure:
        clip.load()
        assert clip.size == figure.size == (picture.WIDTH, 32)
        assert (clip.n_frames, clip.info["duration"]) == (5, 100)


def test_without_a_demo_the_command_says_how_to_run_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(picture, "TARGET", tmp_path / "picture.png")
    monkeypatch.setattr(picture, "ROOT", tmp_path)
    assert picture.main(["--demo", str(tmp_path / "nothing")]) == 2
    assert "run the demo first: make demo" in capsys.readouterr().err
