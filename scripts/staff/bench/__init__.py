"""How fast the homework is, against its targets and against what others offer: `python -m scripts.staff.bench`."""
