"""In torch: float32 tensors in, tensors out; compares the largest dimension; the cost by recursion over the steps."""

import torch


def disagreement(env, policy, expert, horizon, tolerance, seed=0):
    steps = rollout(env, policy, horizon, seed)
    wanted = torch.stack([torch.from_numpy(expert(state)) for state in steps.state])
    return ((torch.from_numpy(steps.action) - wanted).abs().amax(dim=-1) > tolerance).numpy()


def cost_by_horizon(costs, horizons):
    first = torch.arange(len(costs))[None, :] < torch.as_tensor(horizons)[:, None]  # (horizons, T)
    return torch.einsum("ht,tn->h", first.float(), torch.as_tensor(costs).float()) / costs.shape[1]


def growth_exponent(horizons, cost):
    x = torch.log(torch.as_tensor(horizons, dtype=torch.float64))
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    target = torch.log(torch.as_tensor(cost, dtype=torch.float64))[:, None]
    return torch.linalg.lstsq(design, target).solution[0, 0]


def tightrope_cost(error_rate, horizon, recoverable):
    on_rope, cost = 1.0, 0.0
    for _ in range(horizon):
        on_rope = (1.0 if recoverable else on_rope) * (1 - error_rate)
        cost += 1 - on_rope
    return torch.tensor(cost)
