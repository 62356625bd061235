"""`scripts.drive` without a browser: what its server accepts, keeps and teaches, and how punctual it is."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hw1 import exercises
from hw1.demos import load
from scripts import train
from scripts.drive import __main__ as command
from scripts.drive import demonstrate, fleet, intervene, messages, paced, server, session, stage, watch
from scripts.drive.trainer import Trainer
from scripts.staff.bench.drive import delays, running, together
from tests.staff.drive_law import steering

FAST = 100.0  # times real time
TAKEOVER = 0.25  # metres from the centre at which the scripted person takes the wheel
TOKEN, SESSION = "token", "0123456789abcdef"


@pytest.fixture(scope="module")
def trainer():
    trainer = Trainer(steps=300)
    yield trainer
    trainer.close()


@pytest.fixture
def desk(trainer, tmp_path):
    return stage.Desk(tmp_path / "out" / "drive", trainer)


class Table:
    """A session without a server: an activity, and a driver who answers what it says."""

    def __init__(self, activity, start, desk, memory=None, answer=lambda table, said: None):
        self.said, self.answer = [], answer
        self.stage = stage.Stage(start, self.hear, desk, memory or stage.Memory(), SESSION)
        self.stage.clock.change(factor=FAST)
        self.activity = activity

    def hear(self, what, **more):
        self.said.append({"say": what, **more})
        json.dumps(self.said[-1])  # everything can be sent
        self.answer(self, self.said[-1])

    def run(self):
        with suppress(paced.Stopped):
            self.activity(self.stage)
        return self

    def all(self, what):
        return [said for said in self.said if said["say"] == what]


def drives(table, said):
    """Demonstrates: steers at every tick, keeps every episode."""
    if said["say"] == "tick":
        table.stage.person.hold(steering(said["cars"][0]), 0.0, True)
    if said["say"] == "ended":
        table.stage.ask({"do": "keep"})
        table.stage.ask({"do": "next"} if said["episode"] < 3 else {"do": "stop"})


def watches(table, said):
    """Intervenes: takes the wheel far from the centre, and hands it back there."""
    if said["say"] == "tick":
        car, person = said["cars"][0], table.stage.person
        if car["who"] == "person" or abs(car["e"]) > TAKEOVER:
            person.hold(steering(car), 0.0, True)
        if abs(car["e"]) < 0.1 and abs(car["psi"]) < 0.05:
            person.driving = False
    if said["say"] == "rounds":
        table.stage.ask({"do": "next"})


DEMONSTRATE = {"mode": "demonstrate", "world": "lane", "way": "keys", "latency": 0, "less": 0, "seed": 5}
INTERVENE = {"mode": "intervene", "world": "lane", "rounds": 4, "horizon": 400, "alarm": True, "latency": 0, "less": 0}


def test_demonstrations_become_a_dataset_that_can_be_cloned(desk):
    memory = stage.Memory()
    table = Table(demonstrate.demonstrate, DEMONSTRATE, desk, memory, drives).run()
    last = table.all("saved")[-1]
    assert [said["episodes"] for said in table.all("saved")] == [1, 2, 3, 4]
    data = load(last["dataset"], desk.datasets)
    assert len(data) == last["steps"] == 1600
    assert len(np.unique(data.episode)) == 4
    reports = table.all("report")
    assert len({said["figure"] for said in reports}) == 4  # a browser shows what it knows of an address again
    row = reports[-1]["rows"][0]
    assert row["episodes"] == 4
    assert row["cost per 100 steps"] < 1

    out = desk.out.parent / "clone"
    words = last["train"].removeprefix("python -m scripts.train ").split()
    assert train.main([*words, "--steps", "600", "--evaluations", "8", "--out", str(out)]) == 0
    returned = json.loads((out / "result.json").read_text())["evaluation"]["return"]
    assert np.mean(returned) > -130  # of -400; a policy that does not steer returns less than -300
    assert watch.saved(desk.out)["clone"][1] == {"name": "clone", "world": "lane", "head": "l2"}


def keeps(stop, then):
    """Stops every episode after some steps and keeps it; then asks what `then` says for the episode."""

    def answer(table, said):
        if said["say"] == "tick" and said["step"] == stop:
            table.stage.ask({"do": "stop"})
        if said["say"] == "ended":
            for do in ["keep", *then[said["episode"]]]:
                table.stage.ask({"do": do})

    return answer


def test_last_episode_is_taken_back_but_the_dataset_stays_complete(desk):
    answer = keeps(30, [["next"], ["undo", "undo", "stop"]])
    table = Table(demonstrate.demonstrate, DEMONSTRATE, desk, answer=answer).run()
    saved = table.all("saved")
    assert [said["episodes"] for said in saved] == [1, 2, 1]
    assert len(load(saved[-1]["dataset"], desk.datasets)) == 31
    assert "only episode" in table.all("error")[0]["text"]


def test_other_sessions_and_days_keep_their_datasets(desk):
    names = []
    for again in (desk, desk, stage.Desk(desk.out, desk.trainer)):
        table = Table(demonstrate.demonstrate, DEMONSTRATE, again, answer=keeps(10, [["stop"]])).run()
        names.append(table.all("saved")[0]["dataset"])
    assert names == [f"drive/lane-keys-v{number}" for number in range(3)]


@pytest.mark.parametrize("world", ["lane", "fork"])
def test_a_hand_drags_the_car_to_where_it_is(desk, world):
    """The commands that are recorded are those that bring the car there."""

    def drags(table, said):
        if said["say"] == "tick":
            table.stage.person.drag(1.0, True)
            if said["step"] == 12:
                table.stage.ask({"do": "stop"})
        if said["say"] == "ended":
            table.stage.ask({"do": "stop"})

    start = DEMONSTRATE | {"way": "drag", "world": world}
    ticks = Table(demonstrate.demonstrate, start, desk, answer=drags).run().all("tick")
    assert ticks[-1]["cars"][0]["e"] == pytest.approx(1.0, abs=0.25)
    assert max(abs(tick["cars"][0]["steer"]) for tick in ticks) > 0.05


def test_interventions_improve_the_policy(desk):
    table = Table(intervene.intervene, INTERVENE | {"demonstrations": "scripted"}, desk, answer=watches).run()
    rows = table.all("rounds")[-1]["rows"]
    assert [row["round"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[-1]["cost"] < 0.6 * rows[0]["cost"]
    assert sum(row["interventions"] for row in rows) >= 2
    labels = [row["labels"] for row in rows]
    driven = [round(400 * (1 - row["autonomous"])) for row in rows[1:]]
    assert np.diff(labels).tolist() == driven  # i >= t: exactly what the person drove
    assert {said["round"] for said in table.all("training")} == {0, 1, 2, 3, 4}
    assert any(tick["cars"][0]["doubt"] > tick["cars"][0]["threshold"] for tick in table.all("tick"))
    assert len(watch.saved(desk.out)) == 5
    assert table.all("policies")[-1]["policies"][0]["name"].endswith("round-4")


def test_own_demonstrations_are_needed_if_they_are_asked_for(desk):
    with pytest.raises(ValueError, match="demonstrate first, or choose scripted"):
        intervene.intervene(Table(None, INTERVENE | {"demonstrations": "own"}, desk).stage)


def test_fleet_calls_by_doubt_by_chance_or_never(desk):
    def answers(table, said):
        if said["say"] == "tick":
            person = table.stage.person
            waiting = [car["waiting"] for car in said["cars"]]
            if max(waiting) > 0 and not person.driving:
                person.car = int(np.argmax(waiting))
            car = said["cars"][person.car]
            if car["waiting"] > 0 or (person.driving and abs(car["e"]) > 0.1):
                person.hold(steering(car), 0.0, True)
            else:
                person.driving = False

    memory = stage.Memory()
    for gate in ("doubt", "random", "never"):
        start = {"mode": "fleet", "world": "lane", "gate": gate, "horizon": 150}
        table = Table(fleet.fleet, start, desk, memory, answers).run()
    rows = {row["gate"]: row for row in table.all("fleet")[-1]["rows"]}
    assert rows.keys() == {"doubt", "random", "never"}
    assert rows["doubt"]["calls"] > 0
    assert rows["random"]["calls"] > 0
    assert rows["never"]["calls"] == rows["never"]["switches"] == 0
    assert rows["doubt"]["cost"] <= rows["never"]["cost"]


def test_two_policies_are_watched_with_the_same_road_and_gusts(desk):
    for number in range(2):
        policy, _ = desk.clone(lambda step, steps: None)
        policy.save(desk.policies / f"clone-{number}.safetensors")

    def seeks(table, said):
        if said["say"] == "tick" and said["step"] == 20 and len(table.all("tick")) < 30:
            table.stage.ask({"do": "seek", "step": 3})
        if said["say"] == "tick" and said["step"] == 40:
            table.stage.ask({"do": "stop"})

    start = {"mode": "watch", "world": "lane", "policies": ["clone-0", "clone-1"], "seed": 4}
    table = Table(lambda stage: watch.watch(stage, watch.saved(desk.out)), start, desk, answer=seeks).run()
    ticks = table.all("tick")
    steps = [tick["step"] for tick in ticks]
    assert steps[:21] == list(range(21))
    assert steps[21:24] == [3, 4, 5]
    for tick in ticks:
        first, second = tick["cars"]
        assert first["road"] == second["road"]
        assert first["e"] == second["e"]  # the same policy twice
        assert len(first["distribution"]["steer"]) == watch.SAMPLES
    assert ticks[4] == ticks[22]
    assert table.said[-1]["say"] == "ended"


def test_files_that_are_no_policies_are_left_out(desk):
    for number, metadata in enumerate([None, {}, {"policy": "1"}, {"policy": "{}"}, {"policy": "no JSON"}]):
        folder = desk.out.parent / f"run {number}"
        folder.mkdir(parents=True)
        save_file({"a": np.zeros(1)}, folder / "policy.safetensors", metadata=metadata)
    (folder / "policy.safetensors").write_bytes(b"damaged")
    assert watch.saved(desk.out) == {}


def test_policy_of_another_world_is_refused(desk):
    policy, _ = desk.clone(lambda step, steps: None)
    policy.save(desk.policies / "clone.safetensors")
    table = Table(None, {"mode": "watch", "world": "fork", "policies": ["clone"], "seed": 0}, desk)
    with pytest.raises(ValueError, match="clone drives on lane; choose that world"):
        watch.watch(table.stage, watch.saved(desk.out))
    with pytest.raises(ValueError, match="no policy called"):
        watch.watch(table.stage, {})


# --- what pages may say -----------------------------------------------------------------------------------------------
@pytest.fixture
def client(desk):
    with TestClient(server.Server(desk, TOKEN, anywhere=False).app, base_url="http://localhost:8000") as client:
        yield client


@contextmanager
def page(client, origin="http://localhost:8000", token=TOKEN):
    with client.websocket_connect(
        f"/drive?token={token}", headers={"origin": origin, "host": "localhost:8000"}
    ) as socket:
        yield socket


def greet(socket, known=""):
    socket.send_text(json.dumps({"n": 0, "do": "hello", "session": known}))
    return hear(socket, "hello")


def hear(socket, what):
    for _ in range(500):
        said = socket.receive_json()
        if said["say"] == what:
            return said
    raise AssertionError(f"no {what}")


def end_of(socket, n=1):
    """How a connection ended. If it has not, it answers message number `n`, and the test fails instead of waiting."""
    socket.send_text(json.dumps({"n": n, "do": "start", **DEMONSTRATE}))
    with pytest.raises(WebSocketDisconnect) as ended:
        socket.receive_json()
    return ended.value


CONTROL = {"do": "control", "steer": 0, "accel": 0, "touch": False, "at": 0}
HOSTILE = {
    "no JSON": "{",
    "no object": "[]",
    "a number": "1",
    "nothing": "",
    "deep": "[" * 1000,
    "long": json.dumps({"n": 1, "do": "x" * 3000}),
    "no number": json.dumps({"do": "pause"}),
    "an old number": json.dumps({"n": 0, "do": "pause"}),
    "a number too far": json.dumps({"n": 2, "do": "pause"}),
    "a number as text": json.dumps({"n": "1", "do": "pause"}),
    "true as a number": json.dumps({"n": True, "do": "pause"}),
    "hello again": json.dumps({"n": 1, "do": "hello", "session": ""}),
    "nothing to do": json.dumps({"n": 1}),
    "unknown": json.dumps({"n": 1, "do": "format the disk"}),
    "a list to do": json.dumps({"n": 1, "do": ["pause"]}),
    "an object to do": json.dumps({"n": 1, "do": {"pause": 1}}),
    "a field too many": json.dumps({"n": 1, "do": "pause", "why": "x"}),
    "a field too few": json.dumps({"n": 1, "do": "latency"}),
    "too far left": json.dumps({"n": 1, **CONTROL, "steer": 1.01}),
    "nan": json.dumps({"n": 1, **CONTROL, "steer": float("nan")}),
    "infinite": json.dumps({"n": 1, **CONTROL, "accel": float("inf")}),
    "huge": '{"n": 1, "do": "latency", "less": 0, "ms": 1' + "0" * 400 + "}",
    "text as steering": json.dumps({"n": 1, **CONTROL, "steer": "left"}),
    "null": json.dumps({"n": 1, **CONTROL, "touch": None}),
    "true as steering": json.dumps({"n": 1, **CONTROL, "steer": True}),
    "negative latency": json.dumps({"n": 1, "do": "latency", "ms": -1, "less": 0}),
    "a fourth car": json.dumps({"n": 1, "do": "car", "i": 3}),
    "unknown mode": json.dumps({"n": 1, "do": "start", "mode": "fly", "world": "lane"}),
    "a mode that is a list": json.dumps({"n": 1, "do": "start", "mode": ["watch"]}),
    "intervene on fork": json.dumps({"n": 1, "do": "start", **INTERVENE, "world": "fork", "demonstrations": "own"}),
    "a horizon of a year": json.dumps({"n": 1, "do": "start", **INTERVENE, "horizon": 10**9, "demonstrations": "own"}),
    "a negative seed": json.dumps({"n": 1, "do": "start", **DEMONSTRATE, "seed": -1}),
    "three policies": json.dumps(
        {"n": 1, "do": "start", "mode": "watch", "world": "lane", "policies": ["a", "b", "c"], "seed": 0}
    ),
    "lone surrogates": '{"n": 1, "do": "\\ud800"}',
    "bytes": b"\x00\xff",
}


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_message_ends_its_connection_and_nothing_else(client, message):
    with page(client) as friend, page(client) as socket:
        greet(friend), greet(socket)
        (socket.send_bytes if isinstance(message, bytes) else socket.send_text)(message)
        ended = end_of(socket)
        assert ended.code == messages.MALFORMED
        assert ended.reason
        friend.send_text(json.dumps({"n": 1, "do": "start", **DEMONSTRATE}))
        assert hear(friend, "tick")


def test_a_flood_ends_its_connection(client, monkeypatch):
    monkeypatch.setattr(messages, "MAX_PER_SECOND", 0)  # on a busy machine, a second may pass while it is sent
    with page(client) as socket:
        greet(socket)
        for n in range(1, messages.BURST + 100):
            socket.send_text(json.dumps({"n": n, "do": "hand back"}))
        assert end_of(socket, n=n + 1).code == messages.FLOOD


@pytest.fixture
def reader_at(monkeypatch):
    """A reader, and a function that lets it read so many messages at a time, in seconds."""
    now = [0.0]
    monkeypatch.setattr(messages.time, "monotonic", lambda: now[0])
    reader = messages.Reader()
    reader.read(json.dumps({"n": 0, "do": "hello", "session": ""}))

    def read(count, at):
        now[0] = at
        for _ in range(count):
            reader.read(json.dumps({"n": reader.n, "do": "hand back"}))

    return read


def test_what_a_stalled_connection_delivers_at_once_is_no_flood(reader_at):
    for at in (20.0, 40.0, 60.0):
        reader_at(60 * 18, at)


@pytest.mark.parametrize(("rate", "seconds"), [(messages.MAX_PER_SECOND + 30, 60), (messages.BURST + 200, 1)])
def test_a_flood_is_more_than_a_rate_or_a_burst(reader_at, rate, seconds):
    def flood():
        for second in range(seconds):
            reader_at(rate, second)

    with pytest.raises(messages.Refused) as refused:
        flood()
    assert refused.value.code == messages.FLOOD


def test_who_does_not_say_hello_is_sent_away(client, monkeypatch):
    monkeypatch.setattr(server, "HELLO_SECONDS", 0.1)
    with page(client) as socket, pytest.raises(WebSocketDisconnect) as ended:
        socket.receive_json()
    assert ended.value.code == messages.LATE


@pytest.mark.parametrize(
    ("origin", "token", "host"),
    [
        ("http://localhost:8000", "wrong", "localhost:8000"),
        ("http://localhost:8000", "", "localhost:8000"),
        ("http://evil.example", TOKEN, "localhost:8000"),
        ("http://localhost:9000", TOKEN, "localhost:8000"),
        ("null", TOKEN, "localhost:8000"),
        ("http://evil.example:8000", TOKEN, "evil.example:8000"),  # a name that leads to this machine
        ("http://192.168.0.7:8000", TOKEN, "192.168.0.7:8000"),
        (None, TOKEN, "localhost:8000"),
        ("http://localhost:8000", TOKEN, "[::1"),
    ],
)
def test_no_access_to_the_socket(client, origin, token, host):
    headers = {"host": host} | ({"origin": origin} if origin else {})
    with (
        client.websocket_connect(f"/drive?token={token}", headers=headers) as socket,
        pytest.raises(WebSocketDisconnect) as ended,
    ):
        socket.receive_json()
    assert ended.value.code == messages.NO_ACCESS


def test_no_access_to_the_page(client):
    assert client.get("/").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    assert client.get(f"/?token={TOKEN}", headers={"host": "evil.example"}).status_code == 403
    assert client.get(f"/?token={TOKEN}").status_code == 200
    assert client.get("/../server.py").status_code == 404
    assert client.get("/report.png?session=unknown").status_code == 404


def test_other_hosts_connect_only_if_the_option_says_so(desk):
    app = server.Server(desk, TOKEN, anywhere=True).app
    with TestClient(app, base_url="http://192.168.0.7:8000") as client:
        assert client.get("/").status_code == 403
        assert client.get(f"/?token={TOKEN}").status_code == 200


# --- sessions ---------------------------------------------------------------------------------------------------------
def test_a_lost_connection_goes_on_where_it_was(client):
    with page(client) as socket:
        known = greet(socket)["session"]
        socket.send_text(json.dumps({"n": 1, "do": "start", **DEMONSTRATE}))
        while (step := hear(socket, "tick")["step"]) < 3:
            pass
        socket.close()
    time.sleep(0.5)
    with page(client) as socket:
        assert greet(socket, known)["session"] == known
        assert hear(socket, "scene")["seed"] == DEMONSTRATE["seed"]
        assert hear(socket, "tick")["step"] <= step + 1  # it has stood still
        assert hear(socket, "tick")["step"] <= step + 2


def hands_of(desk, latency, messages):
    """The person after these messages, one after the other, have acted."""

    async def say():
        one = session.Session(desk, lambda ended: None)
        start = INTERVENE | {"latency": latency}
        one.stage = stage.Stage(start, lambda *said, **more: None, desk, stage.Memory(), SESSION)
        for message in messages:
            one.hear(message)
        await asyncio.sleep(latency / 1000 + 0.1)
        return one.stage.person

    return asyncio.run(say())


def test_controls_keep_their_order_when_the_latency_becomes_shorter(desk):
    left = CONTROL | {"n": 1, "steer": 1.0, "touch": True}
    faster = {"do": "latency", "ms": 0, "less": 0}
    assert hands_of(desk, 200, [left, faster, CONTROL | {"n": 3}]).steer == 0.0


def test_a_control_that_was_under_way_does_not_undo_the_hand_back(desk):
    assert not hands_of(desk, 100, [CONTROL | {"n": 1, "touch": True}, {"do": "hand back"}]).driving


def test_a_pause_is_no_part_of_the_time_of_an_episode():
    clock = paced.Clock(0.05)
    clock.begin()
    begin = clock.now()
    clock.change(paused=True)
    threading.Timer(0.5, lambda: clock.change(paused=False)).start()
    clock.tick()
    assert clock.now() - begin < 0.3


def test_a_pause_in_the_middle_of_a_tick_keeps_nobody_from_looking_at_another_step():
    clock = paced.Clock(60.0)
    clock.begin()
    threading.Timer(0.2, lambda: clock.change(paused=True)).start()
    begin = time.monotonic()
    clock.tick(through_pauses=False)
    assert 0.1 < time.monotonic() - begin < 30


def test_a_session_is_in_one_tab_only(client):
    with page(client) as first:
        known = greet(first)["session"]
        with page(client) as second:
            second.send_text(json.dumps({"n": 0, "do": "hello", "session": known}))
            with pytest.raises(WebSocketDisconnect) as ended:
                second.receive_json()
        assert ended.value.code == messages.ELSEWHERE


def test_who_stays_away_too_long_begins_anew(client, monkeypatch):
    monkeypatch.setattr(session, "GRACE", 0.1)
    with page(client) as socket:
        known = greet(socket)["session"]
        socket.close()
    time.sleep(0.5)
    with page(client) as socket:
        assert greet(socket, known)["session"] != known


def test_pause_and_hidden_tab_let_the_world_stand_still(client):
    with page(client) as socket:
        greet(socket)
        socket.send_text(json.dumps({"n": 1, "do": "start", **DEMONSTRATE}))
        hear(socket, "tick")
        for n, (do, undo) in enumerate([({"do": "pause"}, {"do": "resume"})] * 2):
            socket.send_text(json.dumps({"n": 2 * n + 2, **do}))
            hear(socket, "paused")
            time.sleep(0.3)
            socket.send_text(json.dumps({"n": 2 * n + 3, **undo}))
            hear(socket, "resumed")
        assert hear(socket, "tick")["step"] <= 4


def test_an_unfinished_exercise_is_named(client, monkeypatch):
    def unfinished(*arguments, **options):
        raise NotImplementedError("TODO 4.3")

    monkeypatch.setattr(intervene, "dagger", unfinished)
    with page(client) as socket:
        greet(socket)
        socket.send_text(json.dumps({"n": 1, "do": "start", **INTERVENE, "demonstrations": "scripted"}))
        assert hear(socket, "error")["text"] == "Intervene waits for exercise 4.3 (hw1/dagger.py)."


def test_what_a_mode_waits_for_is_known_beforehand(monkeypatch, tmp_path):
    assert session.waits() == {}
    (tmp_path / "dagger.py").write_text(
        f"\n{exercises.stub('4.4')}\n    {exercises.stub('E.4')}\n{exercises.stub('E.4')}"
    )
    monkeypatch.setattr(exercises, "ROOT", tmp_path)
    monkeypatch.setattr(exercises, "files", lambda: ["dagger.py"])
    assert session.waits() == {
        "intervene": "exercise 4.4 (dagger.py, line 2)",
        "fleet": "exercise E.4 (dagger.py, line 3)",
        "alarm": "exercise E.4 (dagger.py, line 3)",
    }


def test_training_ends_when_the_person_leaves_and_the_next_one_is_served(trainer):
    def leaves(step, steps):
        if step:
            raise paced.Stopped

    begin = time.monotonic()
    long = Trainer(steps=1_000_000)  # which would take hours
    with pytest.raises(paced.Stopped):
        long.fit(stage.scripted(), 0, leaves)
    assert long.process is None
    assert time.monotonic() - begin < 60
    long.steps = 50
    assert long.fit(stage.scripted(), 0, lambda step, steps: None)[1] >= 0
    long.close()


# --- the real server --------------------------------------------------------------------------------------------------
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_kill_in_an_episode_loses_only_this_one(tmp_path):
    with running(tmp_path / "out") as (process, client_of):
        client = client_of()
        client.say(do="start", **DEMONSTRATE)
        for _ in range(2):
            while client.hear("tick")["step"] < 8:
                pass
            client.say(do="stop")
            client.hear("ended")
            client.say(do="keep")
            saved = client.hear("saved")
            client.say(do="next")
        client.hear("tick")
        os.kill(process.pid, signal.SIGKILL)
    data = load(saved["dataset"], tmp_path / "out" / "datasets")
    assert len(np.unique(data.episode)) == 2
    assert len(data) == saved["steps"]


@pytest.mark.parametrize("latency", [0, 120, 400])
def test_a_control_acts_after_the_latency(tmp_path, latency):
    """How punctual the slowest are depends on what else the machine does: `bench --only drive` measures it."""
    with running(tmp_path / "out") as (_, client_of):
        client = client_of()
        client.say(do="start", **DEMONSTRATE)
        client.hear("tick")
        found = delays(client, latency, times=15)
    assert -1 <= np.min(found) <= 15
    assert np.median(found) <= 60


def test_eight_people_drive_at_once(tmp_path):
    """At 20 messages a second each; nobody's ticks stand still, and the server's memory does not grow with them."""
    with running(tmp_path / "out") as (process, client_of):
        clients = [client_of() for _ in range(8)]
        for seed, client in enumerate(clients):
            client.say(do="start", **DEMONSTRATE | {"seed": seed})
        together(clients, 2.0)
        before = psutil.Process(process.pid).memory_info().rss
        late = together(clients, 5.0)
        grown = psutil.Process(process.pid).memory_info().rss - before
    assert len(late) >= 8 * 40  # 10 in a second
    assert np.median(late) <= 20
    assert grown < 8 << 20


# --- the command ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1", "localhost"), ("::1", "localhost"), ("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "[2001:db8::7]")],
)
def test_the_printed_address_can_be_opened(host, name):
    assert command.name_of(host) == name
    assert command.name_of("0.0.0.0") not in ("", "0.0.0.0")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--port", "70000"], "--port is 70000; choose a whole number from 0 to 65,535"),
        (["--port", "-1"], "--port is -1"),
        (["--host", "no such host"], "--host no such host is no address of this machine"),
        (["--host", "203.0.113.9", "--port", "0"], "cannot be used"),
        (["--steps", "0"], "--steps is 0"),
        (["--out", "/dev/null"], "--out /dev/null"),
    ],
)
def test_bad_options_get_a_sentence(words, says, capsys):
    assert command.main(words) == 2
    assert says in capsys.readouterr().err


def test_a_port_that_is_taken_gets_a_sentence(capsys):
    taken = command.listen("127.0.0.1", 0)
    with taken:
        assert command.main(["--port", str(taken.getsockname()[1])]) == 2
    assert "give another one, or 0 for a free one" in capsys.readouterr().err


def test_ctrl_c_ends_the_server(tmp_path):
    with running(tmp_path / "out") as (process, client_of):
        client_of()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)
