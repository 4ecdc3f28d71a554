package main

import (
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/wellknown"
)

// bytes is a call as a socket sees it.
type bytes struct {
	callIn
	address string
	port    int
	tls     bool // the outermost layer is TLS
	sni     string
	alpn    []string
}

func (p *programmed) bytesOf(c callIn) bytes {
	b := bytes{callIn: c, address: p.dialed(c), port: p.socketPort(c)}
	b.tls = c.Scheme == "https" || (c.TLS != "" && c.TLS != "plaintext")
	if !b.tls {
		return b
	}
	b.sni = c.Host
	if c.SNI != nil {
		b.sni = *c.SNI
	}
	b.sni = strings.ToLower(b.sni)
	b.alpn = c.ALPN
	switch {
	case b.alpn != nil:
	case c.TLS == "mtls" && c.Scheme == "http":
		b.alpn = []string{"istio-http/1.1", "istio", "http/1.1"}
	case c.TLS == "mtls":
		b.alpn = []string{"istio"}
	case c.Scheme != "tcp":
		b.alpn = []string{"h2", "http/1.1"}
	}
	return b
}

// answer follows a call: listener, filter chain, then routes or the TCP proxy. After istiod's simulation
// (istio/istio pilot/pkg/simulation/traffic.go), completed by what Envoy does.
func (p *programmed) answer(c callIn) answer {
	b := p.bytesOf(c)
	a := answer{Address: b.address}
	l := p.listenerFor(b)
	if l == nil {
		return a.refused("no-listener")
	}
	a.Listener = l.Name
	chain := p.chainFor(l, b)
	if chain == nil {
		return a.refused("no-filter-chain")
	}
	a.Chain = chain.Name
	if reason := p.handshake(chain, b); reason != "" {
		return a.refused(reason)
	}
	if h := filterOf[hcm.HttpConnectionManager](p, chain, wellknown.HTTPConnectionManager); h != nil {
		// HTTP is in the bytes if nothing is left around it: TLS that this chain does not open is not HTTP.
		opened := chain.TransportSocket != nil
		inner := b.Scheme == "https" && b.TLS != "" && b.TLS != "plaintext"
		if b.Scheme == "tcp" || inner || b.tls && !opened {
			return a.refused("protocol-error")
		}
		return p.routed(a, h, b)
	}
	if t := filterOf[tcp.TcpProxy](p, chain, wellknown.TCPProxy); t != nil {
		a.Choices = []choice{p.tcpChoice(t)}
		return a
	}
	return a.refused("no-filter")
}

func (a answer) refused(reason string) answer {
	a.Choices = []choice{{Act: "refuse", Reason: reason}}
	return a
}

// listenerFor: the address that was dialed, then the wildcard, then the one that iptables led to. A waypoint's calls
// come out of the tunnel into its internal listener.
func (p *programmed) listenerFor(b bytes) *listener.Listener {
	if p.proxy.IsWaypointProxy() {
		return xdstest.ExtractListener("main_internal", p.listeners)
	}
	for _, address := range []string{b.address, "0.0.0.0"} {
		for _, l := range p.listeners {
			if listensOn(l, address, b.port) && l.Name != model.VirtualInboundListenerName {
				return l
			}
		}
	}
	return xdstest.ExtractListener(model.VirtualOutboundListenerName, p.listeners)
}

func listensOn(l *listener.Listener, address string, port int) bool {
	at := []*core.Address{l.GetAddress()}
	for _, more := range l.AdditionalAddresses {
		at = append(at, more.GetAddress())
	}
	for _, one := range at {
		socket := one.GetSocketAddress()
		if socket.GetProtocol() == core.SocketAddress_TCP && socket.GetAddress() == address &&
			int(socket.GetPortValue()) == port {
			return true
		}
	}
	return false
}

// handshake says why the TLS of a call is not that of the chain; "" if it is.
func (p *programmed) handshake(chain *listener.FilterChain, b bytes) string {
	if chain.TransportSocket == nil {
		return ""
	}
	if !b.tls {
		return "tls-error"
	}
	context := &tls.DownstreamTlsContext{}
	if err := chain.TransportSocket.GetTypedConfig().UnmarshalTo(context); err != nil {
		p.f.Fatal(err)
	}
	certificates := context.GetCommonTlsContext().GetTlsCertificateSdsSecretConfigs()
	ofMesh := len(certificates) > 0 && certificates[0].Name == "default"
	asks := context.GetRequireClientCertificate().GetValue()
	// A client of the mesh trusts the mesh's certificates alone, and other clients have none of the mesh's.
	if ofMesh != (b.TLS == "mtls") || asks && !ofMesh {
		return "tls-error"
	}
	return ""
}

func filterOf[T any](p *programmed, chain *listener.FilterChain, name string) *T {
	for _, filter := range chain.Filters {
		if filter.Name == name && filter.GetTypedConfig() != nil {
			return xdstest.UnmarshalAny[T](p.f, filter.GetTypedConfig())
		}
	}
	return nil
}
