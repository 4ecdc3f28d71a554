"""Whether a proxy writes access lines, in which format, and whether whole lines of its log may be forged.

In: Telemetry, meshConfig, EnvoyFilters, images. Out: log formats, what is filtered, versions older than a fix.
"""
