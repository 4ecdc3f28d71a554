"""The pods of the lab: what injection makes of a manifest, what their status says, how their traffic is captured."""
