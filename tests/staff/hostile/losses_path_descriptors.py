"""Takes descriptors that only name a place (O_PATH), and goes on from there."""

import os

PARTS = [RESULTS, FELLOW, f"{REPOSITORY}/tests/staff", "/", "/proc", f"/proc/{JUDGE}", "/root", "/etc"]
for part in PARTS:
    try:
        place = os.open(part, os.O_PATH)
    except OSError:
        continue
    for how in (
        lambda place=place: os.listdir(place),
        lambda place=place: os.fchdir(place),
        lambda place=place: os.read(place, 1),
        lambda place=place: os.listdir(f"/proc/self/fd/{place}"),
        lambda place=place: os.open("shadow", os.O_RDONLY, dir_fd=place),
        lambda place=place: os.open("canary.json", os.O_RDONLY, dir_fd=place),
        lambda place=place: os.open("x", os.O_WRONLY | os.O_CREAT, dir_fd=place),
        lambda place=place: os.mkdir("x", dir_fd=place),
        lambda place=place: os.rename("x", "y", src_dir_fd=place, dst_dir_fd=place),
    ):
        try:
            how()
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {part}")
