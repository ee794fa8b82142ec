"""System checks that refuse a bad deployment (voltop.E0xx)."""
