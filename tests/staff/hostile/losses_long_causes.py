"""Raises exceptions with a hundred thousand causes, groups in groups, endless notes, and a message of a gigabyte."""


def chain():
    error = RuntimeError("x")
    for _ in range(100_000):
        after = RuntimeError("x")
        after.__cause__ = after.__context__ = error
        error = after
    return error


def groups():
    error = RuntimeError("x")
    for _ in range(5000):
        error = ExceptionGroup("x", [error, error])
    return error


class Noted(RuntimeError):
    @property
    def __notes__(self):
        while True:
            yield "x"


def large():
    return RuntimeError("x" * 2**28)


KINDS = [chain, groups, Noted, large]


def gaussian_nll(mean, log_std, action):
    raise KINDS[int.from_bytes(mean.detach().numpy().tobytes()[:2], "little") % 4]()


raise chain()
