"""`mayday test containers`: the Dockerfile and compose.yaml as they stand, under podman."""
