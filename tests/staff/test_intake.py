"""What is taken from a submission: the four files, whatever else is there, and nothing that could do harm."""

import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import intake
from tests.autograder.intake import IntakeError, take

FILES = {file: (ROOT / file).read_bytes() for file in exercises.files()}
LOSSES = "hw1/losses.py"


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


# --- what is refused --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"README.md": b""}, "no folder called hw1 that contains"),
        ({"losses.py": b""}, "losses.py was found, but it must be in a folder called hw1"),
        ({f"a/b/c/{LOSSES}": b""}, "a/b/c/hw1/losses.py was found, but it must be"),
        ({"submission.zip": b""}, "but a zip, submission.zip"),
        ({f"a/{LOSSES}": b"", f"b/{LOSSES}": b""}, "several folders called hw1 (a/hw1, b/hw1)"),
        ({"HW1/losses.py": b""}, "must be called hw1"),
        (FILES | {"hw1/Losses.py": b""}, "Losses.py in hw1 must be called losses.py"),
        (FILES | {LOSSES: b"x = 1\ny = '\xe9'\n"}, "hw1/losses.py, line 2: not UTF-8"),
        (FILES | {LOSSES: "x = 1".encode("utf-16")}, "hw1/losses.py, line 1: not UTF-8"),
        (FILES | {LOSSES: os.urandom(intake.MAX_FILE + 1)}, "larger than 1 MiB"),
        ({f"{LOSSES}/x": b"", "hw1/heads.py": b""}, "hw1/losses.py is a folder, not a file"),
    ],
)
def test_what_cannot_be_graded_is_refused_with_a_sentence(files, sentence, tmp_path):
    (tmp_path / "f").mkdir()
    if not any(name.startswith(LOSSES + "/") for name in files):  # a zip need not list its folders
        assert sentence in refused(packed(tmp_path, files), tmp_path / "taken")
    assert sentence in refused(folder(tmp_path / "f", files), tmp_path / "taken")


def test_a_submission_that_does_not_exist(tmp_path):
    assert refused(tmp_path / "none.zip", tmp_path / "taken") == "none.zip does not exist"


def test_a_file_that_is_not_a_zip(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and so on")
    assert "neither a folder nor a complete zip" in refused(tmp_path / "x.zip", tmp_path / "taken")


def test_a_zip_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_ZIP", 1 << 20)
    path = packed(tmp_path, FILES | {"data.bin": os.urandom(3 << 19)})
    assert "is too large (1 MiB, the limit is 1 MiB)" in refused(path, tmp_path / "taken")


def test_too_many_files(submit, monkeypatch):
    monkeypatch.setattr(intake, "MAX_ENTRIES", 50)
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
    assert refused(path, tmp_path / "taken").startswith("the zip contains hw1/losses.py 2 times")


@pytest.mark.parametrize("spelling", ["./hw1/losses.py", "hw1//losses.py", "hw1\\losses.py", "hw1/./losses.py"])
def test_a_file_that_is_in_the_zip_twice_in_different_spellings(spelling, tmp_path):
    path = packed(tmp_path, FILES | {spelling: b""})
    assert "2 times" in refused(path, tmp_path / "taken")


def test_a_zip_bomb(tmp_path):
    path = packed(tmp_path, FILES | {LOSSES: b"#" * intake.MAX_FILE})
    assert "is compressed more than" in refused(path, tmp_path / "taken")


def test_a_zip_bomb_in_another_file_is_never_unpacked(tmp_path):
    path = packed(tmp_path, FILES | {"hw1/data.bin": bytes(64 << 20)})
    assert take(path, tmp_path / "taken").missing == []


def test_a_zip_with_forged_sizes(tmp_path):
    data = packed(tmp_path, FILES | {LOSSES: os.urandom(2 << 20)}, compression=zipfile.ZIP_STORED).read_bytes()
    size = struct.pack("<I", 2 << 20)
    (tmp_path / "lie.zip").write_bytes(data.replace(size, struct.pack("<I", 1000)))
    assert "damaged" in refused(tmp_path / "lie.zip", tmp_path / "taken")


@pytest.mark.parametrize("how", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unusual_compression(how, tmp_path):
    assert "not supported" in refused(packed(tmp_path, FILES, compression=how), tmp_path / "taken")


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
    assert f"hw1/losses.py is a {kind}, not a file" in refused(path, tmp_path / "taken")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such links and pipes")
@pytest.mark.parametrize(("make", "kind"), [("symlink", "link"), ("mkfifo", "device")])
def test_links_and_pipes_in_a_folder(make, kind, tmp_path):
    submission = folder(tmp_path / "f", {name: data for name, data in FILES.items() if name != LOSSES})
    if make == "symlink":
        (submission / LOSSES).symlink_to(ROOT / LOSSES)
    else:
        os.mkfifo(submission / LOSSES)
    assert f"hw1/losses.py is a {kind}, not a file" in refused(submission, tmp_path / "taken")


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
    monkeypatch.setattr(intake, "MAX_ENTRIES", 50)
    many = {f"env/lib/{i}.py": b"" for i in range(100)}
    submission = folder(tmp_path / "f", FILES | {"env/pyvenv.cfg": b""} | many)
    assert take(submission, tmp_path / "taken").missing == []


def test_sentences_contain_no_control_characters(tmp_path):
    files = {f"\x1b[31m{'x' * 200}/b/c/{LOSSES}": b""}
    says = refused(folder(tmp_path / "f", files), tmp_path / "taken")
    assert says.isprintable()
    assert len(says) < 300


def test_any_damage_gets_a_sentence(tmp_path):
    """Changed and missing bytes: the zip is taken or refused, and never raises another exception."""
    rng, sentences = random.Random(0), []
    small = {name: data[:300].decode(errors="ignore").encode() for name, data in FILES.items()}
    sound = packed(tmp_path, small).read_bytes()
    for trial in range(400):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if trial % 4 == 0:
            del data[rng.randrange(len(data)) :]
        (tmp_path / "bad.zip").write_bytes(data)
        into = tmp_path / "taken"
        try:
            take(tmp_path / "bad.zip", into)
        except IntakeError as error:
            sentences.append(str(error))
        shutil.rmtree(into, ignore_errors=True)
    assert len(sentences) > 200
    assert all(sentence.isprintable() for sentence in sentences)


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
    monkeypatch.setattr(Path, "lstat", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
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


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux reports it")
def test_a_zip_with_too_many_files_is_refused_with_little_memory(tmp_path):
    """The largest table of contents below the size limit: 350,000 names."""
    count = 350_000
    central = b"".join(
        struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0) + b"%06x" % i
        for i in range(count)
    )
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(central), 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(central), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = tmp_path / "many.zip"
    path.write_bytes(central + end + locator + last)
    code = (
        "import sys; from pathlib import Path; from tests.autograder.intake import IntakeError, take\n"
        "try: take(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except IntakeError as error: print(error)\n"
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(int(peak.split()[1]) >> 10)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "taken"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    says, mebibytes = ran.stdout.splitlines()
    assert says.startswith("there are more than 20000 files")
    assert int(mebibytes) < 500
