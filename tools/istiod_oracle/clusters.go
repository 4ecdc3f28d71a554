package main

import (
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"istio.io/istio/pilot/pkg/xds/endpoints"
)

// tcpChoice is what a TCP proxy does with a connection.
func (p *programmed) tcpChoice(t *tcp.TcpProxy) choice {
	var to []destination
	for _, one := range t.GetWeightedClusters().GetClusters() {
		to = append(to, p.destination(one.GetName(), one.GetWeight()))
	}
	if t.GetWeightedClusters() == nil {
		to = []destination{p.destination(t.GetCluster(), 100)}
	}
	return p.sends(choice{Tunnel: t.GetTunnelingConfig().GetHostname()}, to)
}

// sends tells an endpoint of a cluster from the address that was dialed, from nowhere, and from a cluster that isn't.
func (p *programmed) sends(out choice, to []destination) choice {
	out.Act = "send"
	out.Clusters = to
	if len(to) == 1 {
		switch {
		case to[0].Name == "PassthroughCluster":
			out.Act = "passthrough"
		case to[0].Name == "BlackHoleCluster":
			out.Act, out.Reason = "refuse", "block-all"
		}
	}
	missing := 0
	for _, one := range to {
		missing += yes(one.Missing)
	}
	if missing == len(to) {
		out.Act, out.Reason = "refuse", "no-cluster"
	}
	return out
}

func (p *programmed) destination(name string, weight uint32) destination {
	c := p.clusters[name]
	if c == nil {
		return destination{Name: name, Weight: weight, Missing: true}
	}
	mode, sni := p.tlsOf(c)
	return destination{
		Name: name, Weight: weight, Type: c.GetType().String(), TLS: mode, SNI: sni, Endpoints: p.endpoints(c),
	}
}

// tlsOf is what a cluster wraps a connection in. Where it depends on the endpoint (auto mTLS) it is "auto".
func (p *programmed) tlsOf(c *cluster.Cluster) (mode, sni string) {
	if len(c.GetTransportSocketMatches()) > 0 {
		mode = "auto"
	}
	socket := c.GetTransportSocket()
	if socket.GetTypedConfig() == nil || !socket.GetTypedConfig().MessageIs(&tls.UpstreamTlsContext{}) {
		return mode, ""
	}
	context := &tls.UpstreamTlsContext{}
	if err := socket.GetTypedConfig().UnmarshalTo(context); err != nil {
		p.f.Fatal(err)
	}
	certificates := context.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs()
	switch {
	case len(certificates) == 0:
		mode = "simple"
	case certificates[0].GetName() == "default":
		mode = "istio_mutual"
	default:
		mode = "mutual"
	}
	return mode, context.GetSni()
}

func (p *programmed) endpoints(c *cluster.Cluster) int {
	if c.GetType() == cluster.Cluster_EDS {
		return count(p.assignment(c))
	}
	return count(c.GetLoadAssignment())
}

func (p *programmed) assignment(c *cluster.Cluster) *endpoint.ClusterLoadAssignment {
	name := c.GetEdsClusterConfig().GetServiceName()
	if name == "" {
		name = c.GetName()
	}
	builder := endpoints.NewEndpointBuilder(name, p.proxy, p.server.PushContext())
	return builder.BuildClusterLoadAssignment(p.server.Discovery.Env.EndpointIndex)
}

func count(assigned *endpoint.ClusterLoadAssignment) int {
	n := 0
	for _, locality := range assigned.GetEndpoints() {
		for _, one := range locality.GetLbEndpoints() {
			if one.GetHealthStatus() != core.HealthStatus_UNHEALTHY {
				n++
			}
		}
	}
	return n
}
