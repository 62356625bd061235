"""Build the autograder for Gradescope: `make autograder`, or `python -m scripts.staff.autograder --help`.

The zip contains the reference, the hidden probes and the seed from which their inputs are drawn: keep it private. The
same code and the same seed give the same zip, byte for byte.
"""

import json
import secrets
import sys
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from pathlib import Path

from hw1.exercises import ROOT
from scripts.command import File, Seconds, UserError, ended, read_options, require_file, require_seconds
from scripts.submit import names_in, zipped
from tests.autograder.staff import keys, private, results

# The files that grading needs. They include all that a grade's key depends on, so keys are the same on the platform.
PARTS = (
    *(f"{folder}/**/*.{kind}" for folder in keys.GRADER for kind in ("py", "toml", "safetensors")),
    "requirements.txt",  # all of it: students' code finds the same packages as at home
    "scripts/__init__.py",
    "scripts/staff/gradescope/entry.py",
)
SCRIPTS = ("setup.sh", "run_autograder")
PLATFORM_SECONDS = 600.0  # after which Gradescope by default stops a grader and gives 0 points
STOPPED = (
    "the grader was stopped before it finished, which says nothing about your work. Submit again, and tell the course "
    "staff if it happens twice"
)


BuildError = UserError
"""The autograder cannot be built. A sentence for the course staff."""


@dataclass(frozen=True)
class Options:
    """What to build."""

    out: Path = Path("out/autograder.zip")
    """The zip to write."""
    seed: str = ""
    """Secret from which the hidden inputs are drawn; by default the seed kept next to the zip, or else a new one."""
    seconds: float = 480.0
    """The limit for one submission. The platform's own limit, by default 600, must be at least 120 higher."""
    probe_seconds: Seconds = None
    """The limit for one probe, instead of each probe's own."""
    pip_config: File = None
    """A pip configuration for the platform. Its index should have torch without GPU libraries, gigabytes smaller."""
    allow_unprotected: bool = False
    """Grade even if the platform does not permit isolation of students' code. Hidden inputs are then not secret."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.autograder", __doc__)
    return ended(lambda: build(options))


def build(options: Options) -> None:
    """Write the zip and print what to do with it. Raises BuildError."""
    check(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    seed, origin = keep_seed(options)
    package = pack(contents(options, seed))
    private.write(options.out, package)
    print(f"Upload {options.out} ({len(package) >> 10} KiB) to Gradescope. It contains the reference: keep it private.")
    print(f"The seed is {origin}. Its fingerprint in the results is {keys.fingerprint(seed)}.")
    print(
        f"Grading stops after {options.seconds:g} s. The platform's limit must be at least {options.seconds + 120:g} s "
        f"(by default it is {PLATFORM_SECONDS:g} s)."
    )
    if options.pip_config is None:
        print(
            "No --pip-config: pip installs its default build of torch, on Linux with GPU libraries that are not needed."
        )


def check(options: Options) -> None:
    require_file("--out", options.out, ours=lambda path: set(SCRIPTS) <= names_in(path))
    require_seconds("--seconds", options.seconds)
    require_seconds("--probe-seconds", options.probe_seconds)
    if options.pip_config is not None and not options.pip_config.is_file():
        what = "this is a folder" if options.pip_config.is_dir() else "there is no such file"
        raise BuildError(f"--pip-config {options.pip_config}: {what}; name a file for pip, such as pip.conf")
    if options.pip_config is not None:
        try:
            if not ConfigParser(interpolation=None).read(options.pip_config, encoding="utf-8"):
                raise BuildError(f"--pip-config {options.pip_config}: you may not read this file")
        except (ConfigParserError, UnicodeDecodeError) as error:
            raise BuildError(f"--pip-config {options.pip_config}: pip could not read it ({error})") from error


def keep_seed(options: Options) -> tuple[str, str]:
    """The seed, and where it comes from: the options, or the file of an earlier build, or a new file.

    Raises BuildError if it can be guessed.
    """
    if options.seed:
        if problem := keys.seed_problem(options.seed):
            raise BuildError(problem)
        return options.seed, "the one given by --seed"
    file = options.out.parent / "autograder.seed"
    if file.exists():
        seed = file.read_text(encoding="utf-8", errors="replace").strip()
        if problem := keys.seed_problem(seed):
            raise BuildError(f"{file}: {problem}, after this file is moved away")
        return seed, f"the one kept in {file}"
    seed = secrets.token_hex(32)
    private.write(file, f"{seed}\n".encode())
    return seed, f"new, and kept in {file}: with the same seed, a submission gets the same grade again"


def contents(options: Options, seed: str) -> dict[str, bytes]:
    """The files of the zip by name."""
    settings = {
        "seed": seed,
        "seconds": options.seconds,
        "probe_seconds": options.probe_seconds,
        "allow_unprotected": options.allow_unprotected,
    }
    made = {
        "settings.json": json.dumps(settings, indent=2).encode(),
        "provisional.json": json.dumps(results.unusable(STOPPED, 0.0, {}), indent=2).encode(),
    }
    if options.pip_config is not None:
        made["pip.conf"] = options.pip_config.read_bytes()
    files = {path for part in PARTS for path in ROOT.glob(part)}
    made |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in files}
    return made | {name: (ROOT / "scripts/staff/gradescope" / name).read_bytes() for name in SCRIPTS}


def pack(files: dict[str, bytes]) -> bytes:
    """A zip of files by name. Others can read only the scripts in it. The same files give the same bytes."""
    return zipped(dict(sorted(files.items())), {name: 0o755 if name in SCRIPTS else 0o600 for name in files})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
