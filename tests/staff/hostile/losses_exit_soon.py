"""Ends its process after the import, before the next request is read, so that no worker ever becomes ready."""

import os

from tests.autograder import wire

wire.receive = lambda sock: os._exit(0)
