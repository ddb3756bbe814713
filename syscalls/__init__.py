"""The contract: interfaces, the syscall table, messages, errors and the client SDK."""
