"""Every kind of leak is found, and nothing else is reported as one."""

import io
import json
import struct
import zlib

import pypdf
import pytest
import typst

from hw1.exercises import ROOT
from scripts.staff.leaks import Secrets, scan
from scripts.staff.release import Repository, student_files

SECRET_SEED = "seed-of-the-autumn"


@pytest.fixture(scope="module")
def main() -> dict[str, bytes]:
    names = Repository(ROOT).git("ls-files", "-co", "--exclude-standard", "-z").decode().split("\0")[:-1]
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def secrets(main) -> Secrets:
    return Secrets.of(main, words=[SECRET_SEED])


@pytest.fixture(scope="module")
def student(main) -> dict[str, bytes]:
    return student_files(main)


def test_the_release_itself_has_none(student, secrets):
    assert [str(leak) for leak in scan(student, secrets)] == []


def test_there_is_something_to_look_for(secrets):
    assert len(secrets.trees) > 20
    assert len(secrets.lines) > 30


def notebook(*sources: str, **extra) -> bytes:
    cells = [{"cell_type": "code", "source": s.splitlines(keepends=True), "outputs": [], **extra} for s in sources]
    return json.dumps({"cells": cells}).encode()


def image(kind: bytes) -> bytes:
    body = b"Author\0somebody"
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return b"\x89PNG\r\n\x1a\n" + chunk


def pdf(text: str = "", author: str = "", attached: str = "") -> bytes:
    document = pypdf.PdfWriter(io.BytesIO(typst.compile(f"#set document(date: none)\n{text}".encode(), format="pdf")))
    if author:
        document.add_metadata({"/Author": author})
    if attached:
        document.add_attachment(attached, b"")
    written = io.BytesIO()
    document.write(written)
    return written.getvalue()


# The solution of 1.4 with other names, and as it stands.
RENAMED = """
def f(a, b, c, d):
    w = torch.log_softmax(a, dim=-1)
    z = (d[:, None, :] - b) * torch.exp(-c)
    p = -(0.5 * z.square() + c + 0.5 * LOG_2PI).sum(dim=-1)
    return -torch.logsumexp(w + p, dim=-1).mean()
"""
LINE = "standardised = (action[:, None, :] - means) * torch.exp(-log_stds)"

LEAKS = {
    "a solution": ("hw1/other.py", f"import torch\nLOG_2PI = 1.8\n{RENAMED}".encode(), "syntax tree"),
    "a solution in a notebook": ("notebooks/a.ipynb", notebook(f"import torch\n{RENAMED}"), "syntax tree"),
    "a solution in Markdown": ("README.md", f"```python\nimport torch\n{RENAMED}```\n".encode(), "syntax tree"),
    "a line in a comment": ("hw1/other.py", f"# {LINE}\n".encode(), "line of a solution"),
    "a line in the handout": ("writeup/handout.html", LINE.replace(" ", "  ").encode(), "line of a solution"),
    "a line in a notebook": ("notebooks/a.ipynb", notebook(f"# try\n# {LINE}\n"), "line of a solution"),
    "a marker": ("hw1/other.py", b"# END SOLUTION\n", "marker"),
    "another marker": ("writeup/handout.html", b"<!-- BEGIN STAFF -->\n", "marker"),
    "a staff folder": ("tests/staff/test_x.py", b"", "staff folder"),
    "a staff module": ("scripts/x.py", b"import scripts.staff.grade\n", "staff path"),
    "a staff path": ("README.md", b"see tests/staff/bugs\n", "staff path"),
    "a deeper staff path": ("README.md", b"see tests/autograder/staff/cage.py\n", "staff path"),
    "a deeper staff module": ("scripts/x.py", b"from tests.autograder.staff.markers import strip\n", "staff path"),
    "a seed": ("Makefile", f"SEED={SECRET_SEED}\n".encode(), "secret"),
    "outputs": ("notebooks/a.ipynb", notebook("1", outputs=[{"text": "1"}]), "outputs"),
    "an execution count": ("notebooks/a.ipynb", notebook("1", execution_count=3), "outputs"),
    "a cache": ("hw1/__pycache__/a.cpython-311.pyc", b"\x00", "compiled"),
    "metadata of an image": ("writeup/a.png", image(b"tEXt"), "metadata"),
    "position of an image": ("writeup/a.png", image(b"eXIf"), "metadata"),
    "metadata of a clip": ("writeup/a.webp", b"RIFF\0\0\0\0WEBPVP8X\3\0\0\0abc\0EXIF\1\0\0\0x\0", "metadata (EXIF)"),
    "something after a clip": ("writeup/a.webp", b"RIFF\0\0\0\0WEBPVP8 \1\0\0\0a\0PK\3\4\1\0\0\0x", "metadata"),
    "a line in a PDF": ("writeup/a.pdf", pdf(f"`{LINE}`"), "line of a solution"),
    "an author of a PDF": ("writeup/a.pdf", pdf(author="somebody"), "metadata"),
    "an attachment of a PDF": ("writeup/a.pdf", pdf(attached="solutions.py"), "attachments"),
    "an archive": ("hw1/old.bin", b"\xff\xfe\x00\x81", "cannot be searched"),
}


@pytest.mark.parametrize(("name", "data", "what"), LEAKS.values(), ids=LEAKS)
def test_a_planted_leak_is_found(secrets, name, data, what):
    found = scan({name: data}, secrets)
    assert any(what in leak.what for leak in found), [str(leak) for leak in found]
