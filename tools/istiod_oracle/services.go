package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/workloadapi"
)

// servicesOf is istiod's ambient index: what ztunnel is told of each service, and the conditions that istiod writes
// into its status (istio/istio pilot/pkg/serviceregistry/ambient, model.ServiceInfo.GetConditions).
func servicesOf(server *xds.FakeDiscoveryServer) []serviceOut {
	var out []serviceOut
	for _, address := range server.AmbientIndex.All() {
		service := address.GetService()
		if service == nil || service.Name == placeholder.Name {
			continue
		}
		info := server.AmbientIndex.ServiceInfo(service.Namespace + "/" + service.Hostname)
		if info != nil {
			out = append(out, serviceOf(service, info))
		}
	}
	slices.SortFunc(out, func(a, b serviceOut) int {
		return strings.Compare(a.Namespace+"/"+a.Hostname, b.Namespace+"/"+b.Hostname)
	})
	return out
}

func serviceOf(service *workloadapi.Service, info *model.ServiceInfo) serviceOut {
	source := info.Source
	out := serviceOut{
		Namespace: service.Namespace, Hostname: service.Hostname,
		Source:   fmt.Sprintf("%s %s/%s", source.Kind, source.Namespace, source.Name),
		Waypoint: gatewayOf(service.GetWaypoint()), Bound: info.Waypoint.ResourceName,
		Conditions: map[string]condition{},
	}
	for _, address := range service.GetAddresses() {
		ip, ok := netip.AddrFromSlice(address.GetAddress()) // the length is 0 for an address, otherwise a range's
		if length := address.GetLength(); ok && length > 0 {
			out.Addresses = append(out.Addresses, fmt.Sprintf("%s/%d", ip, length))
		} else if ok {
			out.Addresses = append(out.Addresses, ip.String())
		}
	}
	for _, port := range service.GetPorts() {
		out.Ports = append(out.Ports, fmt.Sprintf("%d:%d", port.GetServicePort(), port.GetTargetPort()))
	}
	for _, weighted := range service.GetWeightedWaypoints() {
		if out.Weighted == nil {
			out.Weighted = map[string]uint32{}
		}
		out.Weighted[gatewayOf(weighted.GetDestination())] = weighted.GetWeight()
	}
	for name, c := range info.GetConditions(nil) {
		if c != nil {
			out.Conditions[string(name)] = condition{Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return out
}

// gatewayOf is a waypoint as namespace/hostname or address; "" for none.
func gatewayOf(to *workloadapi.GatewayAddress) string {
	if name := to.GetHostname(); name != nil {
		return name.GetNamespace() + "/" + name.GetHostname()
	}
	if at := to.GetAddress(); at != nil {
		if ip, ok := netip.AddrFromSlice(at.GetAddress()); ok {
			return ip.String()
		}
	}
	return ""
}
