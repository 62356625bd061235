"""Lets itself be imported and ends its process before the next request is read, so that no worker is ever ready."""

import os

from tests.autograder import wire

wire.receive = lambda sock: os._exit(0)
