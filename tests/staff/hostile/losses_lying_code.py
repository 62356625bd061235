"""Raises from code that claims to be another file, function and line, with an exception that lies about its class."""

import types


class Kind(type):
    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__"):
            return "ESCAPED" if name == "__name__" else "builtins"
        return type.__getattribute__(cls, name)

    def __instancecheck__(cls, other):
        return True

    def __hash__(cls):
        while True:
            pass


class Liar(RuntimeError, metaclass=Kind):
    __class__ = NotImplementedError

    def __str__(self):
        return "TODO 2.1"


def text(secret):
    code = compile(
        "\n" * (secret % 9999) + "def f(kind): raise kind('TODO 2.1')", __file__.replace("losses", "dagger"), "exec"
    )
    names = {}
    exec(code, names)
    f = names["f"]
    f.__code__ = f.__code__.replace(co_name="LEAK", co_qualname=f"LEAK{secret}", co_firstlineno=2**30)
    return f


def gaussian_nll(mean, log_std, action):
    secret = int.from_bytes(mean.detach().numpy().tobytes()[:4], "little")
    text(secret)([Liar, RuntimeError, NotImplementedError][secret % 3])


def mse_loss(predicted, target):
    error = RuntimeError("TODO 3.1")
    error.__traceback__ = types.TracebackType(None, __import__("sys")._getframe(), 0, 2**31 - 1)
    raise error
