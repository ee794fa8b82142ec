"""Migrations of the kernel's tables."""
