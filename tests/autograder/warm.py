"""What takes long when it is used for the first time, done once, before it is needed."""


def warm_up() -> None:
    """Import and use once what probes and students use. This process then has one thread, as before."""
    import gymnasium  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import torch

    import hw1.demos
    import hw1.envs
    import hw1.experts
    import hw1.rollout  # noqa: F401
    from tests.autograder import worker  # noqa: F401

    torch.set_num_threads(1)
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()  # imports torch._dynamo: 1.5 s
    torch.func.vmap(torch.func.grad(lambda x: x.square().sum()))(torch.ones(2, 2))
    torch.distributions.Normal(0.0, 1.0).sample()
    torch.manual_seed(0)
