"""What every part of `bench.gpu` imports, once. A part says itself what it lacks."""

from contextlib import suppress

with suppress(Exception):
    import bench.gpu.capabilities
    import bench.gpu.speed  # noqa: F401
