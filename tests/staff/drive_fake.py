"""A stand-in for the server of `scripts.drive`, for tests of its page: one world a session, nothing is learned."""

import asyncio
import itertools
import secrets
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

import hw1.envs  # noqa: F401
from hw1.dataset import Dataset
from hw1.exercises import ROOT
from hw1.storage import save

PAGE = Path(ROOT) / "scripts/drive/page"
WORLDS = {
    "lane": {"dt": 0.1, "horizon": 400, "half_width": 1.75, "actions": 1, "camera": [8, 16]},
    "fork": {
        "dt": 0.2,
        "horizon": 135,
        "half_width": 3.0,
        "actions": 2,
        "trees": 4,
        "tree_half_width": 1.2,
        "verge": 5.0,
    },
}
OUT = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("out/drive-fake")
SESSIONS: dict[str, "Session"] = {}


def policy(world, state):
    """Back to the centre of the lane, or round the tree on the left."""
    e, psi = state[:, 0], state[:, 1]
    if world == "lane":
        return np.clip(0.33 * state[:, 2:3] * 16 - 0.12 * e[:, None] - 0.5 * psi[:, None], -1, 1)
    near = np.abs(state[:, 4] - 4) < 18
    steer = np.clip(0.15 * (np.where(near, 2.4, 0) - e) - 1.2 * psi, -1, 1)
    return np.stack([steer, np.clip(np.where(near, 11.5, 10) - state[:, 2], -1, 1)], axis=1)


class Session:
    def __init__(self):
        self.id, self.socket, self.task, self.kept = secrets.token_hex(8), None, None, []
        self.steer = self.accel = self.hand = 0.0
        self.person, self.paused, self.stopped, self.turned = False, asyncio.Event(), False, 0
        self.latency, self.speed, self.go, self.start = 0, 1.0, asyncio.Event(), {}

    async def say(self, what, **more):
        if self.socket:
            try:
                await self.socket.send_json({"say": what, **more})
            except (RuntimeError, WebSocketDisconnect):
                self.socket = None

    async def episode(self, number):
        start = self.start
        mode, name = start["mode"], start["world"]
        cars = {"fleet": 3, "watch": len(start.get("policies", [1]))}.get(mode, 1)
        self.log, self.env = [], gym.make_vec(f"hw1/{name.title()}-v0", num_envs=cars)
        env = self.env.unwrapped
        obs, info = env.reset(seed=start.get("seed") or secrets.randbelow(10**6))
        dt, horizon = WORLDS[name]["dt"], min(start.get("horizon", 10**6), WORLDS[name]["horizon"])
        self.steer = self.accel = 0.0
        self.stopped, self.person = False, mode == "demonstrate"
        await self.say("scene", mode=mode, world=name, cars=cars, seed=0, horizon=horizon, dt=dt, episode=number)
        if mode == "watch":
            await self.say("watch", length=horizon)
        cost, t, began = np.zeros(cars), 0, time.monotonic()
        while t < horizon and not self.stopped:
            await asyncio.sleep(dt / self.speed)
            if not self.go.is_set():
                await self.go.wait()
            action = policy(name, info["state"])
            if self.person:
                car = env.cars
                hand = 0.8 * (self.hand - car.e[0]) - 1.5 * car.psi[0] + 0.33 * info["state"][0, 2] * 16
                action[self.turned] = [hand if start.get("way") == "drag" else self.steer, self.accel][
                    : action.shape[1]
                ]
            self.log.append((obs[0], action[0]))
            obs, reward, _, _, info = env.step(action)
            cost -= reward if name == "lane" else 0
            t += 1
            await self.say("tick", **self.told(env, name, action, obs, cost, t, mode), time_left=(horizon - t) * dt)
        await self.say(
            "ended",
            episode=number,
            steps=t,
            cost=float(cost[0]),
            mean_abs_e=0.1,
            smoothness=0.1,
            seconds=time.monotonic() - began,
            may=["keep", "discard"] if mode == "demonstrate" else [],
        )
        if mode == "fleet":
            await self.say(
                "fleet",
                rows=[
                    {"gate": g, "switches": 4 - i, "waiting": i * 1.5, "cost": 9 * i, "calls": 3}
                    for i, g in enumerate(["doubt", "random", "never"])
                ],
            )
        if mode == "intervene":
            for step in range(0, 101, 10):
                await self.say("training", round=number, step=step, steps=100)
                await asyncio.sleep(0.05)
            await self.say(
                "rounds",
                rows=[
                    {
                        "round": r,
                        "cost": 60 / (r + 1),
                        "interventions": 6 - r,
                        "labels": 50 * (r + 1),
                        "autonomous": 0.5 + 0.1 * r,
                    }
                    for r in range(number + 1)
                ],
            )

    def told(self, env, name, action, obs, cost, t, mode):
        rng, cars, told = np.random.default_rng(t), env.cars, []
        for i in range(env.num_envs):
            s0 = max(np.floor(cars.s[i]) - 15, 0.0)
            along = np.arange(s0, s0 + 76)
            points = cars.road.points(i, along)
            heading = np.cos(along[:, None] * cars.road.frequency[i] + cars.road.phase[i]) @ cars.road.amplitude[i]
            road = {
                "s0": s0,
                "ds": 1.0,
                "x": points[:, 0].tolist(),
                "y": points[:, 1].tolist(),
                "heading": heading.tolist(),
            }
            mine = self.person and i == self.turned
            car = {k: float(getattr(cars, k)[i]) for k in ("s", "e", "psi", "v")}
            car |= {
                "steer": float(action[i, 0]),
                "accel": float(action[i, -1]) if name == "fork" else 0.0,
                "who": "person" if mine else "policy",
                "cost": float(cost[i]),
                "ended": False,
                "road": road,
            }
            car |= {"doubt": 0.06 + 0.05 * np.sin(t / 8), "threshold": 0.08} if mode in ("intervene", "fleet") else {}
            if name == "lane":
                car["camera"] = (obs[i] * 255).astype(int).tolist()
            if mode == "watch":
                side = rng.choice([-0.3, 0.3], 100) if name == "fork" else 0
                car["distribution"] = {"steer": (action[i, 0] + side + 0.06 * rng.standard_normal(100)).tolist()}
            if mode == "fleet":
                car["waiting"] = max(0.0, ((t + 30 * i) % 90 - 60) * 0.1)
            told.append(car)
        trees = env.tree_s[0].tolist() if name == "fork" else []
        return {
            "step": t,
            "cars": told,
            "road": told[0]["road"],
            "trees": trees,
            "score": {"on road": 1 - cost[0] / t},
            "late": 0,
        }

    async def hear(self, message):
        do = message["do"]
        if do == "start":
            self.start, self.episodes, self.latency = (
                message,
                0,
                max(message.get("latency", 0) - message.get("less", 0), 0),
            )
            self.go.set()
            self.task = asyncio.create_task(self.episode(0))
        elif do in ("control", "drag"):
            asyncio.get_running_loop().call_later(self.latency / 1000, self.act, message)
        elif do == "hand back":
            self.person = False
        elif do in ("pause", "resume", "hidden"):
            halt = message.get("hidden", do == "pause")
            (self.go.clear if halt else self.go.set)()
            await (self.say("paused", why="hidden" if do == "hidden" else "you") if halt else self.say("resumed"))
        elif do == "stop":
            self.stopped = True
            self.go.set()
        elif do in ("keep", "undo"):
            self.kept = [*self.kept, self.log] if do == "keep" else self.kept[:-1]
            await self.save()
        elif do == "next":
            self.episodes += 1
            self.task = asyncio.create_task(self.episode(self.episodes))
        elif do == "car":
            self.turned, self.person = message["i"], False
        elif do == "latency":
            self.latency = max(message["ms"] - message["less"], 0)
        elif do == "speed":
            self.speed = message["factor"]

    async def save(self):
        steps = list(itertools.chain(*self.kept))
        root, name = OUT / self.id, f"drive/{self.start['world']}-{self.start['way']}-v0"
        if steps:
            obs, action = (np.array(column, dtype=np.float32) for column in zip(*steps, strict=True))
            episode = np.repeat(np.arange(len(self.kept)), [len(one) for one in self.kept])
            zeros = np.zeros_like(episode)
            save(Dataset(obs, action, episode, zeros, zeros), name, root, seed=0, env=self.env)
        command = f"python -m scripts.train --task {self.start['world']} --dataset {name} --datasets {root}"
        told = {"root": str(root), "episodes": len(self.kept), "steps": len(steps), "train": command}
        await self.say("saved", dataset=name, **told)

    def act(self, message):
        self.steer, self.accel, self.hand = message.get("steer", 0.0), message.get("accel", 0.0), message.get("e", 0.0)
        if message["touch"]:
            self.person = True
        echo = {"n": message["n"], "at": message["at"], "steer": self.steer, "accel": self.accel}
        asyncio.create_task(self.say("echo", **echo))  # noqa: RUF006


async def drive(socket: WebSocket):
    await socket.accept()
    session = None
    try:
        while True:
            message = await socket.receive_json()
            if message["do"] == "hello":
                session = SESSIONS.get(message["session"]) or Session()
                SESSIONS[session.id] = session
                session.socket = socket
                names = [(f"bc-{head}-{world}", world, head) for world in WORLDS for head in ("gaussian", "mixture")]
                policies = [dict(zip(("name", "world", "head"), row, strict=True)) for row in names]
                await session.say(
                    "hello",
                    session=session.id,
                    policies=policies,
                    ways=["keys", "wheel", "drag"],
                    worlds=WORLDS,
                    waits={},
                )
                if session.go.is_set() and session.task and not session.task.done():
                    await session.say("resumed")
            else:
                await session.hear(message)
    except WebSocketDisconnect:
        if session:
            session.socket = None


app = Starlette(
    routes=[
        Route("/", lambda request: FileResponse(PAGE / "index.html")),
        WebSocketRoute("/drive", drive),
        Mount("/", StaticFiles(directory=PAGE)),
    ]
)

if __name__ == "__main__":
    print(f"http://127.0.0.1:{sys.argv[1]}/", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False)
