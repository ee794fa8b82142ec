"""The programs that the product's ingest is measured against, and the traffic for all of them."""
