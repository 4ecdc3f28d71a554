"""What is behind a Service or an Envoy cluster: pods of this mesh, or a place that somebody else chose.

In: Services, EndpointSlices, ServiceEntries, DestinationRules. Out: what the name of a cluster proves about an address.
"""
