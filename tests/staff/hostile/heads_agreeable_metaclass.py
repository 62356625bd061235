"""Everything is an instance and a subclass of this class, and every call of the class returns the class itself."""

import torch


class Meta(type(torch.nn.Module)):
    def __instancecheck__(cls, thing):
        return True

    def __subclasscheck__(cls, thing):
        return True

    def __getattr__(cls, name):
        return cls

    def __call__(cls, *args, **kwargs):
        return cls

    def __len__(cls):
        return 1


class GaussianHead(metaclass=Meta):
    pass
