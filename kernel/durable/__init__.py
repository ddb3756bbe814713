"""Durable processes: they outlive their own death and the kernel's."""
