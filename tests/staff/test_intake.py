"""What is taken from a submission: the four files, whatever else is there, and nothing that could do harm."""

import codecs
import importlib.util
import json
import os
import random
import stat
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import containers, intake
from tests.autograder.intake import IntakeError, take

FILES = {file: (ROOT / file).read_bytes() for file in exercises.files()}
LOSSES = "hw1/losses.py"
LETTERS = random.Random(0).randbytes(400_000).hex().encode()


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def packed(root: Path, files: dict[str, bytes], **options) -> Path:
    path = root / "submission.zip"
    with zipfile.ZipFile(path, "w", **{"compression": zipfile.ZIP_DEFLATED} | options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=[folder, packed])
def submit(request, tmp_path):
    """A function that makes a submission, as a folder or a zip, and takes its files."""

    def make(files: dict[str, bytes]):
        made = tmp_path / "made"
        made.mkdir()
        return take(request.param(made, files), tmp_path / "taken")

    return make


@pytest.fixture
def private_umask():
    """A umask that makes new files unreadable for other users; students' code must be able to read them."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def refused(path: Path, into: Path) -> str:
    with pytest.raises(IntakeError) as caught:
        take(path, into)
    assert not into.exists()
    return str(caught.value)


def refused_alone(path: Path, into: Path) -> str:
    """The note on hw1/losses.py, which cannot be taken although the other files can."""
    got = take(path, into)
    assert got.missing == [LOSSES]
    assert {p.name for p in into.rglob("*.py")} == {Path(file).name for file in FILES} - {"losses.py"}
    (note,) = got.notes
    assert note.endswith(". This file counts as missing.")
    return note


# --- what is taken ----------------------------------------------------------------------------------------------------
def test_the_four_files_are_taken_and_nothing_else(submit, tmp_path, private_umask):
    got = submit(FILES | {"hw1/rollout.py": (ROOT / "hw1/rollout.py").read_bytes(), "README.md": b"mine"})
    assert (got.missing, got.notes) == ([], [])
    taken = {p.relative_to(tmp_path / "taken").as_posix(): p for p in (tmp_path / "taken").rglob("*") if p.is_file()}
    assert {name: path.read_bytes() for name, path in taken.items()} == FILES
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in taken.values())


def test_folder_and_zip_of_the_same_files_have_the_same_digest(tmp_path):
    (tmp_path / "f").mkdir()
    digests = {
        take(folder(tmp_path / "f", FILES), tmp_path / "a").digest,
        take(packed(tmp_path, FILES), tmp_path / "b").digest,
        take(packed(tmp_path, dict(reversed(FILES.items())), compression=zipfile.ZIP_STORED), tmp_path / "c").digest,
    }
    assert len(digests) == 1


def test_digest_changes_with_any_file_and_with_a_missing_one(tmp_path):
    variants = [FILES, *({k: v for k, v in FILES.items() if k != f} for f in FILES)]
    variants += [FILES | {file: data + b"\n"} for file, data in FILES.items()]
    variants.append(FILES | {LOSSES: FILES["hw1/heads.py"], "hw1/heads.py": FILES[LOSSES]})
    digests = {take(folder(tmp_path / f"s{i}", files), tmp_path / f"t{i}").digest for i, files in enumerate(variants)}
    assert len(digests) == len(variants)


def test_missing_files_are_named(submit):
    got = submit({LOSSES: FILES[LOSSES]})
    assert got.missing == [file for file in FILES if file != LOSSES]


def test_existing_files_are_never_overwritten(tmp_path):
    take(packed(tmp_path, FILES), tmp_path / "taken")
    with pytest.raises(FileExistsError):
        take(packed(tmp_path, {LOSSES: b""}), tmp_path / "taken")


# --- what is accepted with a note -------------------------------------------------------------------------------------
@pytest.mark.parametrize("around", ["hw1-main", "a/b"])
def test_folders_around_hw1_are_accepted(submit, around):
    got = submit({f"{around}/{file}": data for file, data in FILES.items()})
    assert got.missing == []
    assert got.notes == [f"hw1 was found in {around}, but it should be at the top. It was graded anyway."]


def test_files_that_macos_adds_are_not_a_second_submission(submit):
    shadow = {f"__MACOSX/hw1/{Path(f).name}": b"\0" for f in FILES} | {f"hw1/._{Path(f).name}": b"\0" for f in FILES}
    got = submit(FILES | shadow)
    assert (got.missing, got.notes) == ([], [])


def test_windows_line_ends_and_byte_order_mark_are_removed(submit, tmp_path):
    windows = b"\xef\xbb\xbf" + FILES[LOSSES].replace(b"\n", b"\r\n")
    got = submit(FILES | {LOSSES: windows})
    assert (tmp_path / "taken" / LOSSES).read_bytes() == FILES[LOSSES]
    assert got.notes == [
        "hw1/losses.py: Windows line ends were changed to Unix line ends.",
        "hw1/losses.py: the byte order mark at the start was removed.",
    ]


def test_backslashes_of_windows_programs_are_read_as_slashes(tmp_path):
    path = packed(tmp_path, {file.replace("/", "\\"): data for file, data in FILES.items()})
    assert take(path, tmp_path / "taken").missing == []


def test_edits_elsewhere_are_reported_and_ignored(submit, tmp_path):
    fast = (ROOT / "hw1/envs/fork.py").read_bytes() + b"\n# easier\n"
    unix = (ROOT / "hw1/rollout.py").read_bytes().replace(b"\n", b"\r\n")
    got = submit(
        FILES
        | {"hw1/envs/fork.py": fast, "hw1/rollout.py": unix, "hw1/tricks.py": b"", "tests/conftest.py": b"mine"}
        | {"conftest.py": b"", "hw1/sitecustomize.py": b"", "x.pth": b"", "old/hw1/losses.py": b""}
    )
    assert (
        got.notes[0] == "You changed given files (hw1/envs/fork.py). Your changes are ignored: the originals are used."
    )
    assert got.notes[1].endswith("Do not import other files of your own: hw1/tricks.py.")
    ignored = got.notes[2].removeprefix("Ignored: ").removesuffix(".").split(", ")
    assert sorted(ignored) == ["conftest.py", "hw1/sitecustomize.py", "old/hw1/losses.py", "x.pth"]
    assert len(list((tmp_path / "taken").rglob("*.py"))) == len(FILES)


def template() -> dict[str, bytes]:
    """The four files as students get them, with a TODO for each exercise."""
    asked = exercises.load().values()
    return {
        file: "".join(f'raise NotImplementedError("TODO {e.id}")\n' for e in asked if e.file == file).encode()
        for file in FILES
    }


def test_untouched_template_is_recognised(submit):
    assert submit(template()).notes[0].startswith("Every exercise still raises its TODO")


def test_template_with_one_exercise_done_is_not_untouched(submit):
    done = template()
    done[LOSSES] = done[LOSSES].replace(b'raise NotImplementedError("TODO 1.3")', b"pass")
    assert submit(done).notes == []


# --- what can be meant in one way only, and is accepted with a note ---------------------------------------------------
def moved(**names: str) -> dict[str, bytes]:
    """The four files, some under another name, such as losses="Losses.py"."""
    return {f"hw1/{names.get(Path(file).stem, Path(file).name)}": data for file, data in FILES.items()}


@pytest.mark.parametrize(
    "name", ["Losses.py", "LOSSES.PY", "losses.py.txt", "Losses.py.TXT", "losses (1).py", "losses.py (2).txt"]
)
def test_a_file_with_nearly_the_right_name_is_taken(submit, name, tmp_path):
    got = submit(moved(losses=name))
    assert got.missing == []
    assert got.notes == [f"hw1/{name} was graded as losses.py. Give it exactly this name."]
    assert got.digest == take(folder(tmp_path / "right", FILES), tmp_path / "again").digest


@pytest.mark.parametrize("name", ["losses.py.txt", "losses (1).py"])
def test_a_copy_beside_the_right_name_does_not_count(submit, name):
    got = submit(FILES | {f"hw1/{name}": b"old"})
    assert (got.missing, [note for note in got.notes if "graded as" in note]) == ([], [])


@pytest.mark.parametrize("around", ["", "homework/", "a/b/homework 1/", "src/"])
def test_files_without_a_folder_hw1_are_taken(submit, around):
    fork = {f"{around}rollout.py": (ROOT / "hw1/rollout.py").read_bytes() + b"# mine", f"{around}mine.py": b""}
    got = submit({around + Path(file).name: data for file, data in FILES.items()} | fork | {"README.md": b""})
    where = f"in {around.rstrip('/')}" if around else "at the top"
    assert got.missing == []
    assert got.notes[0].startswith(f"Your files were found {where}, but they should be in a folder called hw1.")
    assert "changed given files (hw1/rollout.py)" in got.notes[1]
    assert got.notes[2].endswith("Do not import other files of your own: hw1/mine.py.")


def test_a_folder_in_capital_letters_is_taken(submit):
    got = submit({f"work/HW1/{Path(file).name}": data for file, data in FILES.items()} | {"work/HW1/mine.py": b""})
    assert got.missing == []
    assert got.notes[:2] == [
        "hw1 was found in work, but it should be at the top. It was graded anyway.",
        "The folder HW1 must be called hw1, in lower case. It was graded anyway.",
    ]
    assert got.notes[2].endswith("Do not import other files of your own: hw1/mine.py.")


@pytest.mark.parametrize("how", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unusual_compression(how, tmp_path):
    pytest.importorskip({zipfile.ZIP_LZMA: "lzma", zipfile.ZIP_BZIP2: "bz2"}[how])
    got = take(packed(tmp_path, FILES, compression=how), tmp_path / "taken")
    assert (got.missing, got.notes) == ([], [])
    assert all((tmp_path / "taken" / file).read_bytes() == data for file, data in FILES.items())


def test_a_zip_in_a_submission_is_taken_if_nothing_else_is_there(submit, tmp_path):
    inner = packed(tmp_path, {f"work/{file}": data for file, data in FILES.items()}).read_bytes()
    got = submit({"mine/Submission.ZIP": inner, "mine/report.pdf": b""})
    assert got.missing == []
    assert got.notes == [
        "Your files were found in a zip inside your submission, mine/Submission.ZIP.",
        "hw1 was found in work, but it should be at the top. It was graded anyway.",
    ]


def test_a_zip_beside_the_files_is_ignored(submit, tmp_path):
    assert submit({LOSSES: b"", "old.zip": packed(tmp_path, FILES).read_bytes()}).missing == list(FILES)[1:]


def test_zips_are_opened_one_level_deep(submit, tmp_path):
    inner = packed(tmp_path, {"inner.zip": packed(tmp_path, FILES).read_bytes()}).read_bytes()
    with pytest.raises(IntakeError, match=r"no folder called hw1, but inner\.zip"):
        submit({"outer.zip": inner})


def test_a_zip_in_a_zip_has_the_same_limits(tmp_path, monkeypatch):
    bomb = packed(tmp_path, FILES | {"hw1/data.bin": bytes(64 << 20)}).read_bytes()
    assert take(packed(tmp_path, {"a.zip": bomb}), tmp_path / "taken").missing == []
    escape = packed(tmp_path, FILES | {"../x": b""}).read_bytes()
    assert "a path outside its own folder" in refused(packed(tmp_path, {"a.zip": escape}), tmp_path / "no")
    monkeypatch.setattr(containers, "MAX_ZIP", 1 << 20)
    inner = packed(tmp_path, FILES | {"data.bin": os.urandom(2 << 20)}).read_bytes()
    assert "a.zip is larger than 1 MiB" in refused(folder(tmp_path / "f", {"a.zip": inner}), tmp_path / "no")


def notebook(*cells: str | list[str], text: str = "losses") -> bytes:
    """A notebook of code cells below one of text."""
    code = [{"cell_type": "code", "source": cell, "outputs": [], "metadata": {}} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": text}, *code], "nbformat": 4}).encode()


@pytest.mark.parametrize("name", ["losses.ipynb", "Losses (1).ipynb"])
def test_a_notebook_is_taken_for_a_module_that_is_missing(submit, name, tmp_path):
    lines = ["%matplotlib inline\n", "import math\n", "if True:\n", "    !pip install x\n", "WORD = (7\n", "    % 4)"]
    cells = [lines, "%%bash\nls", "%%time\nAGAIN = WORD", "?math.pi"]
    got = submit({file: data for file, data in FILES.items() if file != LOSSES} | {f"hw1/{name}": notebook(*cells)})
    assert got.missing == []
    assert got.notes == [f"hw1/{name} is a notebook: the code of its cells was graded as losses.py. Hand in losses.py."]
    assert value(tmp_path / "taken" / LOSSES) == 3


def test_notebooks_alone_are_taken_and_one_beside_its_module_does_not_count(submit, tmp_path):
    got = submit(
        {"work/heads.ipynb": notebook("WORD = 1"), "work/losses.ipynb": notebook("x"), "work/losses.py": b"y\n"}
    )
    assert got.missing == ["hw1/compounding.py", "hw1/dagger.py"]
    assert (tmp_path / "taken" / LOSSES).read_bytes() == b"y\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "no notebook that can be read"),
        (b"[" * 20_000 + LETTERS, "no notebook that can be read"),
        (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "no notebook that can be read"),
        (notebook("%%bash\nls", " "), "a notebook without code"),
        (LETTERS * 7, "larger than 4 MiB"),
    ],
)
def test_a_notebook_that_cannot_be_read_is_refused_alone(submit, data, why):
    got = submit({file: data for file, data in FILES.items() if file != LOSSES} | {"hw1/losses.ipynb": data})
    assert got.missing == [LOSSES]
    assert why in got.notes[0]


# --- encodings --------------------------------------------------------------------------------------------------------
def value(path: Path) -> object:
    """What the module says of itself, as Python reads it."""
    spec = importlib.util.spec_from_file_location("taken", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WORD


@pytest.mark.parametrize(
    ("encoding", "top"),
    [
        ("latin-1", "# -*- coding: latin-1 -*-"),
        ("latin-1", "# \xe9\n# vim: set fileencoding=latin-1 :"),  # in the encoding itself, above its name
        ("cp1252", "#!/usr/bin/python\r\n# coding=cp1252\r\n"),
        ("utf-7", "# coding: utf-7"),
        ("utf-8", "# coding: utf-8"),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16", "# coding: utf-16"),
        ("utf-16", "\n# coding: latin-1"),
        ("utf-32", "# coding: utf-32\r\n\r\n"),
        ("latin-1", ""),  # Python refuses it
        ("latin-1", "# \xe9\x81\r\n"),
        ("cp1252", "# coding: utf-8\n# \u201cwords\u201d"),
    ],
)
def test_python_reads_a_file_as_it_was_meant(submit, encoding, top, tmp_path):
    got = submit(FILES | {LOSSES: f"{top}\nWORD = 'caf\xe9'\n".encode(encoding)})
    assert got.missing == []
    assert value(tmp_path / "taken" / LOSSES) == "caf\xe9"
    converted = "hw1/losses.py: the text was converted to UTF-8, because Python does not run UTF-16 or UTF-32."
    assert (converted in got.notes) == (encoding in ("utf-16", "utf-32"))
    western = top in ("", "# \xe9\x81\r\n") or "words" in top
    assert any("read as Western European text" in note for note in got.notes) == (western and encoding[0] in "lc")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_recognised(submit, encoding, tmp_path):
    assert submit(FILES | {LOSSES: "WORD = 1\r\n".encode(encoding)}).missing == []
    assert (tmp_path / "taken" / LOSSES).read_bytes() == b"WORD = 1\n"


def test_a_file_in_its_own_encoding_stays_as_it_is(submit, tmp_path):
    data = b"# coding: latin-1\nWORD = '\xe9'\n"
    assert submit({LOSSES: data}).notes == []
    assert (tmp_path / "taken" / LOSSES).read_bytes() == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (codecs.BOM_UTF8 + b"x = 1\ny = '\xe9'\n", ", line 2: not UTF-8 text; save the file as UTF-8"),
        (b"# coding: ascii\n\ny = '\xe9'\n", ", line 3: not ascii, which a comment at the top promises"),
        (b"# coding: klingon\n", ", at the top: unknown encoding: klingon"),
        (b"# coding: " + b"k" * 1000, ", at the top: unknown encoding: kkk"),
        (b"# coding: utf-16\n\n", ", at the top: utf-16 is no encoding for code"),
        (b"# coding: utf" + b"-" * 1000 + b"16\n", ", at the top: utf-16 is no encoding for code"),
        (b"# coding: zip\n", ", at the top: zlib is no encoding for code"),
        (b"# coding: undefined\n", ", at the top: undefined is no encoding for code"),
        (b"# coding: punycode\n-" + LETTERS, ", at the top: punycode is no encoding for code"),
        (b"# coding: idna\nxn--" + LETTERS, ", at the top: idna is no encoding for code"),
        (b"x = 1\ny = '\0'\n", ", line 2: a null byte"),
        ("x = '\u0436'".encode("utf-16-le"), ", line 1: a null byte"),
        (codecs.BOM_UTF16_LE + b"x\0=", " is damaged UTF-16 text"),
    ],
)
def test_a_file_that_python_cannot_read_is_refused_alone(submit, data, why):
    got = submit(FILES | {LOSSES: data})
    assert got.missing == [LOSSES]
    assert len(got.notes) == 1
    assert got.notes[0].startswith(LOSSES + why)
    assert got.notes[0].endswith(". This file counts as missing.")
    assert len(got.notes[0]) < 250


# --- what is refused --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"README.md": b""}, "no folder called hw1 that contains"),
        ({f"a/b/c/{LOSSES}": b""}, "a/b/c/hw1/losses.py was found, but it must be"),
        ({"a/b/c/d/losses.py": b""}, "a/b/c/d/losses.py was found, but it must be"),
        ({"a.zip": b"", "b.ZIP": b""}, "no folder called hw1, but a.zip, b.ZIP: hand in the contents of one zip"),
        ({f"a/{LOSSES}": b"", f"b/{LOSSES}": b""}, "several folders called hw1 (a/hw1, b/hw1)"),
        ({"HW1/losses.py": b"", "hw1/losses.py": b""}, "several folders called hw1 (HW1, hw1)"),
        ({"a/losses.py": b"", "b/heads.py": b""}, "several folders that contain"),
        ({"losses.py": b"", "hw1/heads.py.txt": b""}, "several folders that contain"),
        (
            {LOSSES: b"x = 1\ny = '\0'\n"},
            "hw1/losses.py, line 2: a null byte, which Python does not accept; save the file",
        ),
        ({LOSSES: b"\0", "hw1/heads.py": b"\0"}, "save the file as UTF-8 (none of your 2 files"),
        ({"submission.zip": b"PK"}, "submission.zip is neither a folder nor a complete zip"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_a_sentence(files, sentence, tmp_path):
    (tmp_path / "f").mkdir()
    assert sentence in refused(packed(tmp_path, files), tmp_path / "taken")
    assert sentence in refused(folder(tmp_path / "f", files), tmp_path / "taken")


def test_a_submission_that_does_not_exist(tmp_path):
    assert refused(tmp_path / "none.zip", tmp_path / "taken") == "none.zip does not exist"


def test_a_file_that_is_not_a_zip(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and so on")
    assert "neither a folder nor a complete zip" in refused(tmp_path / "x.zip", tmp_path / "taken")


def test_a_zip_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "MAX_ZIP", 1 << 20)
    path = packed(tmp_path, FILES | {"data.bin": os.urandom(3 << 19)})
    assert "is too large (1 MiB, the limit is 1 MiB)" in refused(path, tmp_path / "taken")


def test_too_many_files(submit, monkeypatch):
    monkeypatch.setattr(containers, "MAX_ENTRIES", 50)
    with pytest.raises(IntakeError, match="more than 50 files"):
        submit(FILES | {f"data/{i}.txt": b"" for i in range(60)})


@pytest.mark.parametrize("name", ["../hw1/losses.py", "/etc/x", "hw1/../../x", "..\\x", "C:\\x", "C:x", "hw1/a\0b"])
def test_paths_outside_of_the_zip(name, tmp_path):
    path = packed(tmp_path, FILES | {"hw1/PLACE": b""})
    listed = zipfile.ZipInfo("x")
    listed.filename = name
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(listed, b"")
    assert "a path outside its own folder" in refused(path, tmp_path / "taken")


def test_a_file_that_is_in_the_zip_twice(tmp_path):
    path = packed(tmp_path, FILES)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(LOSSES, b"")
    assert refused_alone(path, tmp_path / "taken").startswith("the zip contains hw1/losses.py 2 times")


@pytest.mark.parametrize("spelling", ["./hw1/losses.py", "hw1//losses.py", "hw1\\losses.py", "hw1/./losses.py"])
def test_a_file_that_is_in_the_zip_twice_in_different_spellings(spelling, tmp_path):
    path = packed(tmp_path, FILES | {spelling: b""})
    assert "2 times" in refused_alone(path, tmp_path / "taken")


def test_a_zip_bomb(tmp_path):
    path = packed(tmp_path, FILES | {LOSSES: b"#" * intake.MAX_FILE})
    assert "is compressed more than" in refused_alone(path, tmp_path / "taken")


def test_a_zip_bomb_in_another_file_is_never_unpacked(tmp_path):
    path = packed(tmp_path, FILES | {"hw1/data.bin": bytes(64 << 20)})
    assert take(path, tmp_path / "taken").missing == []


def test_a_zip_with_forged_sizes(tmp_path):
    data = packed(tmp_path, FILES | {LOSSES: os.urandom(2 << 20)}, compression=zipfile.ZIP_STORED).read_bytes()
    size = struct.pack("<I", 2 << 20)
    (tmp_path / "lie.zip").write_bytes(data.replace(size, struct.pack("<I", 1000)))
    assert "damaged" in refused_alone(tmp_path / "lie.zip", tmp_path / "taken")


@pytest.mark.parametrize("how", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_zip_bomb_in_unusual_compression_with_a_forged_size(how, tmp_path, monkeypatch):
    """64 MiB in a few kilobytes; the table says that it is small, so that the ratio looks right."""
    path = packed(tmp_path, FILES | {LOSSES: bytes(64 << 20)}, compression=how)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 1000)))
    tracemalloc.start()
    says = refused_alone(path, tmp_path / "taken")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "is larger than 1 MiB" in says
    assert peak < 16 << 20


def test_a_huge_dictionary_for_lzma_is_not_allocated(tmp_path):
    path = packed(tmp_path, FILES, compression=zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    for start in (at for at in range(len(data)) if data[at : at + 4] == b"PK\3\4"):
        name, extra = struct.unpack_from("<HH", data, start + 26)
        struct.pack_into("<I", data, start + 30 + name + extra + 5, 0xFFFFFFFF)
    path.write_bytes(data)
    code = (
        "import resource, sys; from pathlib import Path; from tests.autograder.intake import take\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)\n"
        "print(take(Path(sys.argv[1]), Path(sys.argv[2])).missing)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "taken"], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.stdout == "[]\n", ran.stderr


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damaged_data_of_one_file(how, tmp_path):
    path = packed(tmp_path, FILES, compression=how)
    data = bytearray(path.read_bytes())
    at = 30 + len(LOSSES) + 200
    data[at] ^= 0xFF
    path.write_bytes(data)
    says = refused_alone(path, tmp_path / "taken")
    assert says.startswith(("hw1/losses.py is damaged", "hw1/losses.py cannot be read"))


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_contents_that_do_not_have_their_checksum(how, tmp_path):
    path = packed(tmp_path, {name: data for name, data in FILES.items() if name != LOSSES})
    with zipfile.ZipFile(path, "a", how) as archive:
        archive.writestr(LOSSES, FILES[LOSSES])
        archive.getinfo(LOSSES).CRC ^= 1
    assert "hw1/losses.py is damaged" in refused_alone(path, tmp_path / "taken")


def test_packed_data_that_is_larger_than_any_file_may_be_is_not_read(tmp_path):
    """Empty blocks: they make the packed data of a short file as long as you like."""
    path = packed(tmp_path, {name: data for name, data in FILES.items() if name != LOSSES})
    deflate = zlib.compressobj(wbits=-15)
    blocks = b"\x00\x00\x00\xff\xff" * (1 << 19) + deflate.compress(b"x = 1") + deflate.flush()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(LOSSES, blocks, zipfile.ZIP_STORED)
        listed = archive.getinfo(LOSSES)
        listed.compress_type, listed.file_size, listed.CRC = zipfile.ZIP_DEFLATED, 5, zlib.crc32(b"x = 1")
    assert "hw1/losses.py is larger than 1 MiB" in refused_alone(path, tmp_path / "taken")


def test_a_compression_that_python_does_not_know(tmp_path):
    data = packed(tmp_path, FILES).read_bytes()
    at = data.index(b"PK\1\2")
    (tmp_path / "deflate64.zip").write_bytes(data[: at + 10] + b"\x09" + data[at + 11 :])
    assert "compression method of hw1/losses.py is not supported" in refused_alone(
        tmp_path / "deflate64.zip", tmp_path / "taken"
    )


def test_an_encrypted_zip(tmp_path):
    data = bytearray(packed(tmp_path, FILES).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    assert "encrypted" in refused(tmp_path / "locked.zip", tmp_path / "taken")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip(mode, tmp_path):
    path = packed(tmp_path, {name: data for name, data in FILES.items() if name != LOSSES})
    listed = zipfile.ZipInfo(LOSSES)
    listed.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(listed, b"/etc/passwd")
    kind = "link" if mode == stat.S_IFLNK else "device"
    assert f"hw1/losses.py is a {kind}, not a file" in refused_alone(path, tmp_path / "taken")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such links and pipes")
@pytest.mark.parametrize(("make", "kind"), [("symlink", "link"), ("mkfifo", "device")])
def test_links_and_pipes_in_a_folder(make, kind, tmp_path):
    submission = folder(tmp_path / "f", {name: data for name, data in FILES.items() if name != LOSSES})
    if make == "symlink":
        (submission / LOSSES).symlink_to(ROOT / LOSSES)
    else:
        os.mkfifo(submission / LOSSES)
    assert f"hw1/losses.py is a {kind}, not a file" in refused_alone(submission, tmp_path / "taken")


def test_a_folder_instead_of_a_file(tmp_path):
    submission = folder(tmp_path / "f", {name: data for name, data in FILES.items() if name != LOSSES})
    (submission / LOSSES).mkdir()
    assert "hw1/losses.py is a folder, not a file" in refused_alone(submission, tmp_path / "taken")


def test_a_file_that_is_too_large(submit):
    assert submit(FILES | {LOSSES: b"#" * 79 + os.urandom(intake.MAX_FILE)}).notes == [
        "hw1/losses.py is larger than 1 MiB: hand in source code only. This file counts as missing."
    ]


@pytest.mark.parametrize(
    "names", [("Losses.py", "losses.py"), ("losses.py.txt", "losses (1).py"), ("LOSSES.py", "Losses.py")]
)
def test_two_files_that_could_be_meant(submit, names):
    others = {name: data for name, data in FILES.items() if name != LOSSES}
    got = submit(others | {f"hw1/{name}": b"" for name in names})
    says = f"{', '.join(sorted(names))} could all be losses.py: hand in only losses.py. This file counts as missing."
    assert (got.missing, got.notes) == ([LOSSES], [says])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such links")
def test_a_folder_hw1_that_is_a_link(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f/hw1").symlink_to(ROOT / "hw1")
    assert "hw1 is a link" in refused(tmp_path / "f", tmp_path / "taken")
    path = packed(tmp_path, FILES)
    listed = zipfile.ZipInfo("hw1")
    listed.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(listed, b"/etc")
    assert "hw1 is a link" in refused(path, tmp_path / "taken")


def test_other_links_are_not_followed(tmp_path):
    submission = folder(tmp_path / "f", FILES)
    (submission / "loop").symlink_to(submission)
    (submission / "hw1" / "secret.py").symlink_to("/etc/passwd")
    assert take(submission, tmp_path / "taken").notes == []


def test_a_virtual_environment_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "MAX_ENTRIES", 50)
    many = {f"env/lib/{i}.py": b"" for i in range(100)} | {"pyvenv.cfg": b""}  # also one around everything
    submission = folder(tmp_path / "f", FILES | {"env/pyvenv.cfg": b""} | many)
    assert take(submission, tmp_path / "taken").missing == []


def test_sentences_contain_no_control_characters(tmp_path):
    files = {f"\x1b[31m{'x' * 200}/b/c/{LOSSES}": b""}
    says = refused(folder(tmp_path / "f", files), tmp_path / "taken")
    assert says.isprintable()
    assert len(says) < 300


def test_a_file_with_the_name_of_the_folder_above_hw1(tmp_path):
    path = packed(tmp_path, {"work": b""} | {f"work/{name}": data for name, data in FILES.items()})
    assert take(path, tmp_path / "taken").digest == take(folder(tmp_path / "f", FILES), tmp_path / "again").digest


def test_a_zip_with_several_parts(tmp_path):
    path = packed(tmp_path, FILES)
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    path.write_bytes(data[:end] + struct.pack("<4sLQL", b"PK\6\7", 1, 0, 2) + data[end:])
    assert "is a damaged zip" in refused(path, tmp_path / "taken")


def test_an_unreadable_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    assert "cannot be read" in refused(folder(tmp_path / "f", FILES), tmp_path / "taken")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_given_file_that_is_in_the_zip_a_thousand_times_is_read_once(tmp_path, monkeypatch):
    path, read = packed(tmp_path, FILES), []
    with zipfile.ZipFile(path, "a") as archive:
        for _ in range(1000):
            archive.writestr("hw1/rollout.py", b"edited")
    monkeypatch.setattr(intake, "_same", lambda entry, ours: read.append(ours))
    (note,) = take(path, tmp_path / "taken").notes
    assert note.startswith("You changed given files (hw1/rollout.py).")
    assert len(read) == 1


# --- cost -------------------------------------------------------------------------------------------------------------
def line(name: bytes, extra: bytes = b"") -> bytes:
    """An entry of a zip's table of contents."""
    sizes = (len(name), len(extra), 0, 0, 0, 0, 0)
    return struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 33, 0, 0, 0, *sizes) + name + extra


def only_a_table(path: Path, table: bytes, count: int) -> Path:
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(table), 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(table), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(table + end + locator + last)
    return path


MANY_TABLES = {
    "folders": b"".join(line(b"%05x/" % i) for i in range(613_000)),  # as many as a zip of the largest size can list
    "names that are empty": line(b"") * (containers.MAX_TABLE // 46),
    "deep folders": line(b"a/" * 32_000 + b"x") * (containers.MAX_TABLE // 64_047),
    "extra fields": line(b"x", struct.pack("<HH", 0x9999, 0) * 16_383) * (containers.MAX_TABLE // 65_579),
}


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux reports it")
@pytest.mark.parametrize("kind", MANY_TABLES)
def test_a_zip_that_lists_a_lot_is_refused_with_little_time_and_memory(kind, tmp_path):
    table = MANY_TABLES[kind]
    path = only_a_table(tmp_path / "many.zip", table, table.count(b"PK\1\2"))
    code = (
        "import sys, time; from pathlib import Path; from tests.autograder.intake import IntakeError, take\n"
        "def peak(): return int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) >> 10\n"
        "before, began = peak(), time.process_time()\n"
        "try: take(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except IntakeError as error: print(error)\n"
        "print(peak() - before, time.process_time() - began)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "taken"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    says, cost = ran.stdout.splitlines()
    mebibytes, seconds = map(float, cost.split())
    assert says.startswith(("the zip contains too many files", "there is no folder called hw1"))
    assert mebibytes < 48
    assert seconds < 4


def test_no_folder_is_listed_further_than_the_limit(tmp_path, monkeypatch):
    """Neither a wide folder nor many folders."""
    monkeypatch.setattr(containers, "MAX_ENTRIES", 50)
    listed = []
    scandir = os.scandir

    @contextmanager
    def counted(path):
        with scandir(path) as found:
            yield (listed.append(each) or each for each in found)

    monkeypatch.setattr(os, "scandir", counted)
    for number, names in enumerate(
        ([f"{i}.txt" for i in range(500)], [f"{i}/{j}/x" for i in range(20) for j in range(20)])
    ):
        listed.clear()
        submission = folder(tmp_path / f"f{number}", FILES | dict.fromkeys(names, b""))
        assert "more than 50 files" in refused(submission, tmp_path / "taken")
        assert len(listed) <= 102


def test_deep_folders_are_not_searched(tmp_path):
    submission = folder(tmp_path / "f", FILES)
    here = os.open(submission, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert take(submission, tmp_path / "taken").missing == []
    subprocess.run(["rm", "-r", submission / "d"], check=True)  # Python's own function may be recursive


def test_the_order_in_a_folder_is_not_that_of_the_file_system(tmp_path, monkeypatch):
    submission = folder(tmp_path / "f", FILES | {f"hw1/{name}.py": b"" for name in "badc"})
    scandir = os.scandir

    def take_in(order, into):
        @contextmanager
        def ordered(path):
            with scandir(path) as found:
                yield iter(sorted(found, key=lambda each: each.name, reverse=order))

        monkeypatch.setattr(os, "scandir", ordered)
        return take(submission, into)

    assert take_in(False, tmp_path / "a") == take_in(True, tmp_path / "b")


# --- any bytes --------------------------------------------------------------------------------------------------------
SMALL = {name: data[:300].decode(errors="ignore").encode() for name, data in FILES.items()}
ODD = [
    "hw1/Losses.py",
    "HW1/heads.py",
    "losses.py",
    "hw1/heads.py.txt",
    "a/hw1/losses.py",
    "hw1/x.py",
    "s.zip",
    "hw1/a/",
]


def survives(path: Path, data: bytes) -> str | None:
    """Take a zip: it is taken or refused quickly, and nothing else is raised. Returns why it was refused."""
    path.write_bytes(data)
    with TemporaryDirectory() as into:
        began = time.process_time()
        try:
            says, why = take(path, Path(into) / "taken").notes, None
        except IntakeError as error:
            says = [why := str(error)]
        assert time.process_time() - began < 2
    assert all(sentence.isprintable() and len(sentence) < 500 for sentence in says)
    return why


@settings(max_examples=300, deadline=None)
@given(
    names=st.lists(st.sampled_from([*FILES, *ODD]), min_size=1, max_size=6, unique=True),
    contents=st.lists(st.one_of(st.sampled_from([*SMALL.values()]), st.binary(max_size=200)), min_size=6, max_size=6),
    how=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    nested=st.booleans(),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    end=st.floats(0.5, 1) | st.just(1.0),
)
def test_any_zip_gets_an_answer(tmp_path_factory, names, contents, how, nested, changes, end):
    folder = tmp_path_factory.mktemp("any")
    data = packed(folder, dict(zip(names, contents, strict=False)), compression=how).read_bytes()
    if nested:
        data = packed(folder, {"s.zip": data}, compression=how).read_bytes()
    data = bytearray(data)
    for at, byte in changes:
        data[int(at * len(data))] = byte
    survives(folder / "bad.zip", bytes(data[: round(end * len(data))]))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=2000))
def test_any_bytes_get_an_answer(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    survives(folder / "bad.zip", data)
    survives(folder / "bad.zip", b"PK\3\4" + data + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(data), 4, 0))
    assert survives(folder / "good.zip", packed(folder, SMALL | {LOSSES: data}).read_bytes()) is None


def test_most_damage_is_noticed(tmp_path):
    """Changed and missing bytes, in zips of stored files."""
    rng = random.Random(0)
    sound = packed(tmp_path, SMALL).read_bytes()
    refused = 0
    for trial in range(300):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if trial % 4 == 0:
            del data[rng.randrange(len(data)) :]
        refused += survives(tmp_path / "bad.zip", bytes(data)) is not None
    assert refused > 50
