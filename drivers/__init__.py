"""Drivers: processes that own a device or a store, and answer syscalls for everybody."""
