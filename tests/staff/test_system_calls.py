"""The filter of system calls: its numbers, what it permits, and that nothing else passes."""

import os
import re
from pathlib import Path

import pytest

from tests.autograder.staff import system_calls


@pytest.mark.parametrize(
    ("column", "header", "prefix"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "__NR_"), (1, "/usr/include/asm-generic/unistd.h", "__NR")],
)
def test_the_numbers_of_system_calls_are_those_of_the_kernel(column, header, prefix):
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    known = {
        name: int(number)
        for name, number in re.findall(rf"#define {prefix}(?:3264)?_?(\w+)\s+(\d+)", Path(header).read_text())
    }
    known |= {"newfstatat": known.get("newfstatat", known.get("fstatat"))}
    conditional = system_calls.CONDITIONAL | system_calls.CONDITIONAL_WRITING | system_calls.OPENING
    calls = system_calls.ALLOWED | system_calls.WRITING | system_calls.OWNING | system_calls.UNSUPPORTED
    calls |= {name: numbers for name, (numbers, *_) in conditional.items()}
    ours = {name: numbers[column] for name, numbers in calls.items() if numbers[column] is not None}
    assert ours == {name: known.get(name) for name in ours}


def test_there_is_no_filter_for_an_unknown_machine():
    with pytest.raises(OSError, match="riscv64 are not known"):
        system_calls.program("riscv64", writing=False, own_user=True)


OF_ITSELF = ("getpriority", "getpgid", "getsid", "sched_getparam", "sched_getscheduler")


def number(name: str, column: int) -> int | None:
    conditional = system_calls.CONDITIONAL | system_calls.CONDITIONAL_WRITING | system_calls.OPENING
    return conditional[name][0][column]


@pytest.mark.parametrize(("writing", "own_user"), [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_every_system_call_that_is_not_listed_is_denied(machine, writing, own_user):
    """Run the filter with a small interpreter, for every number up to 1023."""
    column, architecture = system_calls.MACHINES[machine]
    program = system_calls.program(machine, writing, own_user)
    tables = [system_calls.ALLOWED, *[system_calls.WRITING] * writing, *[system_calls.OWNING] * (writing and own_user)]
    named = {numbers[column] for table in tables for numbers in table.values()}
    names = ("open", "openat", "mmap", "fcntl", "prlimit64", "sendto", "recvfrom", *OF_ITSELF)
    harmless = {number(name, column) for name in names}
    harmless |= {number("fallocate", column)} if writing else set()
    let_through = {n for n in range(1024) if run(program, n, architecture, [0] * 6) == system_calls.ALLOW}
    assert let_through == (named | harmless) - {None}
    assert run(program, 0, 0x40000003, [0] * 6) == system_calls.KILL  # 32-bit programs


@pytest.mark.parametrize("machine", system_calls.MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "writing", "permitted"),
    [
        ("clone", 17, True, False),  # a process
        ("clone", system_calls.CLONE_THREAD | 0x3D0F00, False, True),
        ("openat", os.O_WRONLY, False, False),
        ("openat", os.O_RDWR, False, False),
        ("openat", os.O_CREAT, False, False),
        ("openat", 0o20000000, False, False),  # O_TMPFILE
        ("openat", os.O_RDONLY, False, True),
        ("openat", os.O_WRONLY | os.O_CREAT, True, True),  # Landlock decides on the place
        ("mmap", 0x21, True, False),  # memory that is shared, and of no file
        ("mmap", 0x20021, False, False),
        ("mmap", 0x22, False, True),
        ("mmap", 0x01, False, True),
        ("mmap", 0x122, False, False),  # memory that grows like a stack
        ("fallocate", 1, True, False),
        ("socketpair", 1, False, True),
        ("socketpair", 2, False, False),  # datagrams
        ("sendto", 1, False, False),
        ("recvfrom", 0x40, False, True),
        ("fcntl", 8, True, False),  # signals for others
        ("prctl", 22, True, False),
        *((name, 0, True, True) for name in OF_ITSELF),
        *((name, 1, True, False) for name in OF_ITSELF),
    ],
)
def test_an_argument_decides(machine, name, arguments, writing, permitted):
    column, architecture = system_calls.MACHINES[machine]
    program = system_calls.program(machine, writing, own_user=True)
    found = run(program, number(name, column), architecture, [arguments] * 6)
    assert (found == system_calls.ALLOW) == permitted


def run(program: list, number: int, architecture: int, arguments: list[int]) -> int:
    """What the kernel does with a system call."""
    words = {0: number, 4: architecture} | {16 + 8 * i: argument for i, argument in enumerate(arguments)}
    at, value = 0, 0
    while True:
        code, jump, otherwise, operand = program[at]
        at += 1
        if code == system_calls.RETURN:
            return operand
        if code == system_calls.LOAD:
            value = words[operand]
        elif code == system_calls.AND:
            value &= operand
        else:
            test = {system_calls.EQUAL: value == operand, system_calls.AT_LEAST: value >= operand}
            test[system_calls.BITS] = bool(value & operand)
            at += jump if test[code] else otherwise
