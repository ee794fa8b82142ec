"""The companies, their people, and what every app needs from them."""
