"""The living place of `make run`: a generated city, its streets, and cars that drive on them.

    python -m voltop.demo.city --url http://127.0.0.1:8000

Everything goes through the HTTP API, as a company's own systems would. Stopped and started again
it goes on where it was.
"""
