"""What must be trusted: processes, capabilities, and the trap that every syscall passes."""
