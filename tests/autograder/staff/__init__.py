"""What only the server needs: the live reference, the banks, the sandbox, and results for Gradescope."""
