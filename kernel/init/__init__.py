"""Process 1: the kernel's own end of the bus, which answers the calls that may take a while."""
