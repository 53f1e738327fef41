"""What stands behind the `Cluster` port: a real API server, and one in memory that tests run on."""
