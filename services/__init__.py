"""Services: processes that own nothing and work through syscalls alone."""
