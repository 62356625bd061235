"""What only the server needs: the live reference, the banks, the sandbox, the platform."""
