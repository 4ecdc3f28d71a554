package main

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
)

// outside is the address of a host that the mesh gives none: one for documentation (RFC 5737).
const outside = "203.0.113.7"

// dialed is the address that the caller's resolver gives: of a Service its ClusterIP, of any other host of a proxy with
// DNS capture (and of all hosts of a waypoint) the one that istiod tells, otherwise one outside.
func (p *programmed) dialed(c callIn) string {
	if c.Address != "" {
		return c.Address
	}
	if net.ParseIP(c.Host) != nil {
		return c.Host
	}
	for _, service := range p.server.Env().ServiceDiscovery.Services() {
		if service.Attributes.ServiceRegistry == "Kubernetes" && p.names(service, c.Host) {
			return p.addressOf(service)
		}
	}
	if bool(p.proxy.Metadata.DNSCapture) || p.proxy.IsWaypointProxy() {
		service := p.server.PushContext().ServiceForHostname(p.proxy, host.Name(c.Host))
		if service != nil {
			return p.addressOf(service)
		}
	}
	return outside
}

// addressOf is the first of a service's addresses by their text. istiod may have a service for each of them, in an order
// that changes from run to run.
func (p *programmed) addressOf(service *model.Service) string {
	var addresses []string
	for _, each := range p.server.Env().ServiceDiscovery.Services() {
		if each.Hostname == service.Hostname && each.Attributes.Namespace == service.Attributes.Namespace {
			addresses = append(addresses, each.GetAllAddressesForProxy(p.proxy)...)
		}
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		if address != "" && address != constants.UnspecifiedIP {
			return strings.Split(address, "/")[0]
		}
	}
	return outside
}

// names is whether a host is a name of the Service for this proxy, as its resolv.conf has it.
func (p *programmed) names(service *model.Service, called string) bool {
	full := string(service.Hostname)
	called = strings.TrimSuffix(called, ".")
	if called == full || called+".cluster.local" == full || called+".svc.cluster.local" == full {
		return true
	}
	return called+"."+p.proxy.ConfigNamespace+".svc.cluster.local" == full
}

// socketPort is the port of the router's socket for a port of its Service.
func (p *programmed) socketPort(c callIn) int {
	if c.ByService {
		for _, target := range p.proxy.ServiceTargets {
			if target.Port.Port == c.Port {
				return int(target.Port.TargetPort)
			}
		}
	}
	return c.Port
}

// authority is the Host header of the request.
func (c callIn) authority() string {
	if c.Authority != "" {
		return c.Authority
	}
	usual := map[string]int{"http": 80, "https": 443}[c.Scheme]
	if c.Port == usual || c.TLS == "mtls" {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}
