"""The perception driver: files, pages, pictures and sounds to typed observations."""
