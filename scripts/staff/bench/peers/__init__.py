"""What `scripts.staff.bench` compares with, and the processes that it measures."""
