"""Kernels that attend to what lies in pages, behind one contract."""
