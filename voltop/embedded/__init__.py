"""The embedded PostgreSQL and Valkey of demo, development and tests, and their own supervisor.

Not for production: a deployment sets DATABASE_URL and REDIS_URL and never comes here. Nothing in
this package imports Django, apart from the parts that run inside `manage.py up`.
"""
