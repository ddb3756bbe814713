"""The gateway: every syscall over HTTP."""
