package main

import (
	"net/netip"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/wellknown"
)

// chainFor picks the filter chain as Envoy does: level by level, the most specific first, without going back
// (envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc).
func (p *programmed) chainFor(l *listener.Listener, b bytes) *listener.FilterChain {
	transport, protocols := p.inspected(l, b)
	if l.FilterChainMatcher != nil {
		return p.chainByMatcher(l, b, protocols)
	}
	chains := l.FilterChains
	match := (*listener.FilterChain).GetFilterChainMatch
	byPort := best(chains, func(c *listener.FilterChain) (bool, int) {
		port := match(c).GetDestinationPort()
		return port != nil, yes(int(port.GetValue()) == b.port)
	})
	byAddress := best(byPort, func(c *listener.FilterChain) (bool, int) {
		ranges := match(c).GetPrefixRanges()
		rank := 0
		for _, r := range ranges {
			rank = max(rank, holds(r.AddressPrefix, r.GetPrefixLen().GetValue(), b.address))
		}
		return len(ranges) > 0, rank
	})
	byName := best(byAddress, func(c *listener.FilterChain) (bool, int) {
		names := match(c).GetServerNames()
		rank := 0
		for _, name := range names {
			rank = max(rank, named(strings.ToLower(name), b.sni))
		}
		return len(names) > 0, rank
	})
	byTransport := best(byName, func(c *listener.FilterChain) (bool, int) {
		asked := match(c).GetTransportProtocol()
		return asked != "", yes(asked == transport)
	})
	byProtocol := p.byProtocol(byTransport, protocols)
	if len(byProtocol) > 0 {
		return byProtocol[0]
	}
	return l.DefaultFilterChain
}

// byProtocol tries what the client offers in its order; the first that any chain has decides.
func (p *programmed) byProtocol(chains []*listener.FilterChain, offered []string) []*listener.FilterChain {
	for _, protocol := range offered {
		var found []*listener.FilterChain
		for _, c := range chains {
			if slices.Contains(c.GetFilterChainMatch().GetApplicationProtocols(), protocol) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return slices.DeleteFunc(slices.Clone(chains), func(c *listener.FilterChain) bool {
		return len(c.GetFilterChainMatch().GetApplicationProtocols()) > 0
	})
}

// best keeps the chains of the highest rank; if none has one, those that do not ask.
func best(chains []*listener.FilterChain, of func(*listener.FilterChain) (asks bool, rank int)) []*listener.FilterChain {
	top := 0
	for _, c := range chains {
		if asks, rank := of(c); asks {
			top = max(top, rank)
		}
	}
	var kept []*listener.FilterChain
	for _, c := range chains {
		asks, rank := of(c)
		if top > 0 && asks && rank == top || top == 0 && !asks {
			kept = append(kept, c)
		}
	}
	return kept
}

func yes(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

// holds is 1 more than the length of the prefix if it has the address, otherwise 0.
func holds(prefix string, length uint32, address string) int {
	base, err := netip.ParseAddr(prefix)
	if err != nil {
		return 0
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		return 0
	}
	if netip.PrefixFrom(base, int(length)).Contains(at) {
		return int(length) + 1
	}
	return 0
}

// named ranks a server name against the SNI: exact, then the longest wildcard.
func named(name, sni string) int {
	if name == sni {
		return 1 << 20
	}
	if suffix, wild := strings.CutPrefix(name, "*"); wild && sni != "" && strings.HasSuffix(sni, suffix) {
		return len(name)
	}
	return 0
}

// inspected is what the listener's filters find out: the transport and the application protocols.
func (p *programmed) inspected(l *listener.Listener, b bytes) (transport string, protocols []string) {
	filters := xdstest.ExtractListenerFilters(l)
	runs := func(name string) bool {
		filter, there := filters[name]
		return there && (filter.FilterDisabled == nil ||
			!xdstest.EvaluateListenerFilterPredicates(filter.FilterDisabled, b.port))
	}
	if b.tls {
		if runs(wellknown.TLSInspector) {
			return "tls", b.alpn
		}
		return "raw_buffer", nil
	}
	if b.Scheme == "http" && runs(wellknown.HTTPInspector) {
		return "raw_buffer", []string{"http/1.1"}
	}
	return "raw_buffer", nil
}
