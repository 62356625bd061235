"""The workflow for GitHub is valid, ships to students, and its commands do what it promises."""

import os
import shlex
import subprocess
import sys

import pytest
import yaml

from hw1.exercises import ROOT
from scripts.staff.release import student_files
from tests.autograder import report
from tests.autograder.probes import of
from tests.autograder.report import Result
from tests.autograder.verdict import Verdict

FILE = ".github/workflows/check.yml"
WORKFLOW = yaml.safe_load((ROOT / FILE).read_text(encoding="utf-8"))
STEPS = WORKFLOW["jobs"]["check"]["steps"]


def valid(text: str, folder) -> subprocess.CompletedProcess:
    (folder / "check.yml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    return subprocess.run([*command, str(folder / "check.yml")], capture_output=True, text=True, check=False)


def test_the_workflow_keeps_the_schema_of_github(tmp_path):
    text = (ROOT / FILE).read_text(encoding="utf-8")
    found = valid(text, tmp_path)
    assert found.returncode == 0, found.stdout
    assert valid(text.replace("runs-on:", "runs_on:"), tmp_path).returncode == 1, "the schema can fail"


def test_the_workflow_may_only_read_and_ends():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert 5 <= WORKFLOW["jobs"]["check"]["timeout-minutes"] <= 60
    for step in STEPS:
        assert "${{" not in step.get("run", ""), "text from elsewhere must not become a command"
    assert "STAFF" not in (ROOT / FILE).read_text(encoding="utf-8")


def test_the_workflow_ships():
    files = {FILE: (ROOT / FILE).read_bytes()}
    assert student_files(files) == files


def test_the_commands_write_the_table_into_the_summary(student, tmp_path):
    """The step is run as the runner runs it, by bash; only the exercise is added, so that it is fast."""
    work = student({"1.2": None, "1.3": "return action.sum() * 0"})
    (command,) = [step["run"] for step in STEPS if "scripts.check" in step.get("run", "")]
    (install,) = [step["run"] for step in STEPS if "pip install" in step.get("run", "")]
    assert (ROOT / shlex.split(install)[-1]).is_file()
    summary = tmp_path / "step summary.md"
    summary.write_text("before\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    environment |= {"GITHUB_STEP_SUMMARY": str(summary)}
    script = (
        f'python() {{ {shlex.quote(sys.executable)} "$@"; }}\n{command.replace("scripts.check", "scripts.check 1")}'
    )
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], cwd=work.folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    lines = summary.read_text().splitlines()
    assert lines[:2] == ["before", "## 12 of 22 points"]
    rows = {cells[1].strip(): [cell.strip() for cell in cells] for line in lines[3:] if (cells := line.split("|"))[1:]}
    assert rows["1.1"][2:5] == ["Squared error", "4 of 4", "passed"]
    assert rows["1.2"][3:5] == ["0 of 4", "not attempted"]
    assert rows["1.3"][3] == "0 of 6"
    assert "`" in rows["1.3"][5]


@pytest.mark.parametrize("says", ["<img src=x>", "a|b", "[x](http://y)", "`` ` ```", "two\nlines"])
def test_nothing_from_a_students_code_is_active_in_the_table(says):
    verdicts = [Verdict(probe, "failed", says) for probe in of("1.1")[:1]]
    verdicts += [Verdict(probe, "passed") for probe in of("1.1")[1:]]
    (row,) = [line for line in report.summary([Result.of(verdicts)]).splitlines() if line.startswith("| 1.1")]
    cell = row.split(" | ", 4)[4]
    assert cell.startswith("`")
    assert cell.rstrip(" |").endswith("`")
