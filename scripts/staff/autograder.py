"""Build the autograder for Gradescope: `make autograder`, or `python -m scripts.staff.autograder --help`.

The zip holds the reference, the hidden probes and the seed from which their inputs are drawn: keep it private. Built
again from the same code with the same seed it is the same, byte for byte.
"""

import json
import os
import secrets
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import tyro

from hw1.exercises import ROOT
from tests.autograder.staff import one, results

# What grading takes of this repository. All that a grade's key follows from is among it, so keys are the same there.
PARTS = (
    *(f"{folder}/**/*.{kind}" for folder in one.GRADER for kind in ("py", "toml")),
    "scripts/__init__.py",
    "scripts/staff/gradescope/entry.py",
)
SCRIPTS = ("setup.sh", "run_autograder")
LIBRARIES = (*one.LIBRARIES, "tqdm")  # what these parts import
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
PLATFORM_SECONDS = 600.0  # after which Gradescope stops a grader and gives 0, unless it is set to wait longer
STOPPED = (
    "the grader was stopped before it was done, which says nothing about your work. Submit again, and tell staff if "
    "it happens twice"
)


class BuildError(Exception):
    """The autograder cannot be built. A sentence for staff."""


@dataclass(frozen=True)
class Options:
    """What to build."""

    out: Path = Path("out/autograder.zip")
    """The zip."""
    seed: str = ""
    """Secret from which the hidden inputs are drawn. Without it the one kept beside the zip is used, and drawn when
    there is none."""
    seconds: float = 480.0
    """For one submission. Set the platform's own limit at least two minutes higher; by default it is 600."""
    probe_seconds: float | None = None
    """For one probe, instead of each probe's own limit."""
    pip_config: Path | None = None
    """A configuration file for pip, used on the platform. Name an index in it that has torch's build without GPU: the
    default one for Linux is larger by gigabytes, and the platform has no GPU."""
    allow_unprotected: bool = False
    """Grade even if the platform does not let the grader lock students' code in. Hidden inputs are then not secret."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(Options, args=arguments, description=__doc__)
    try:
        build(options)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build(options: Options) -> None:
    """Write the zip and say what to do with it. Raises BuildError."""
    check(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    seed, origin = keep_seed(options)
    pack(options.out, contents(options, seed))
    size = options.out.stat().st_size
    print(f"{options.out} ({size >> 10} KiB): upload it to Gradescope, and keep it private: it holds the reference.")
    print(f"The seed is {origin}. Its fingerprint in the results is {one.fingerprint(seed)}.")
    print(
        f"Grading stops after {options.seconds:g} s: the platform's limit must be {options.seconds + 120:g} s or more."
    )
    if options.pip_config is None:
        print("No --pip-config: torch is installed as pip finds it, on Linux with the GPU libraries that nobody needs.")


def check(options: Options) -> None:
    for name, seconds in (("--seconds", options.seconds), ("--probe-seconds", options.probe_seconds)):
        if seconds is not None and not seconds > 0:
            raise BuildError(f"{name} is {seconds:g}; it must be more than 0")
    if options.pip_config is not None and not options.pip_config.is_file():
        raise BuildError(f"--pip-config {options.pip_config}: there is no such file")


def keep_seed(options: Options) -> tuple[str, str]:
    """The seed, and where it comes from: asked for, or kept from the last time, or drawn now and kept."""
    if options.seed:
        return options.seed, "the one of --seed"
    file = options.out.parent / "autograder.seed"
    if file.exists():
        return file.read_text(encoding="utf-8").strip(), f"the one kept in {file}"
    seed = secrets.token_hex(32)
    with private(file) as target:
        target.write(f"{seed}\n".encode())
    return seed, f"new, and kept in {file}: the same seed gives the same submission the same grade"


def contents(options: Options, seed: str) -> dict[str, bytes]:
    """The files in the zip by name."""
    settings = {
        "seed": seed,
        "seconds": options.seconds,
        "probe_seconds": options.probe_seconds,
        "allow_unprotected": options.allow_unprotected,
    }
    made = {
        "requirements.txt": requirements().encode(),
        "settings.json": json.dumps(settings, indent=2).encode(),
        "provisional.json": json.dumps(results.unusable(STOPPED, 0.0, {}), indent=2).encode(),
    }
    if options.pip_config is not None:
        made["pip.conf"] = options.pip_config.read_bytes()
    files = {path for part in PARTS for path in ROOT.glob(part)}
    made |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files}
    return made | {name: (ROOT / "scripts/staff/gradescope" / name).read_bytes() for name in SCRIPTS}


def requirements() -> str:
    """The pinned lines of requirements.txt that grading needs."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0]: line for line in lines if "==" in line}
    if missing := [name for name in LIBRARIES if name not in pinned]:
        raise BuildError(f"requirements.txt does not pin {', '.join(missing)}")
    return "".join(f"{pinned[name]}\n" for name in LIBRARIES)


def pack(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip, the same for the same files, at once or not at all, readable by its owner only."""
    unfinished = path.with_suffix(".part")
    with private(unfinished) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, ZIP_EPOCH)
            info.create_system = 3  # Unix: has modes
            info.external_attr = (0o100755 if name in SCRIPTS else 0o100600) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    unfinished.replace(path)


def private(path: Path):
    """Open a new file that only its owner may read, to write bytes."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
