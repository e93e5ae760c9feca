"""What every part of `bench.gpu` imports, once. A part says itself what it lacks."""

from contextlib import suppress

with suppress(Exception):
    import bench.gpu_capabilities
    import bench.gpu_speed  # noqa: F401
