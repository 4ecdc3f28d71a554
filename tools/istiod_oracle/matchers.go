package main

import (
	"strings"

	xdscore "github.com/cncf/xds/go/xds/core/v3"
	matcher "github.com/cncf/xds/go/xds/type/matcher/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"istio.io/istio/pilot/test/xdstest"
)

// chainByMatcher walks the tree of matchers that waypoints have: address, port, protocol.
func (p *programmed) chainByMatcher(l *listener.Listener, b bytes, protocols []string) *listener.FilterChain {
	name := p.walk(l.FilterChainMatcher, b, protocols)
	for _, c := range l.FilterChains {
		if name != "" && c.Name == name {
			return c
		}
	}
	return l.DefaultFilterChain
}

func (p *programmed) walk(m *matcher.Matcher, b bytes, protocols []string) string {
	next := p.step(m, b, protocols)
	if next == nil {
		next = m.GetOnNoMatch()
	}
	if inner := next.GetMatcher(); inner != nil {
		return p.walk(inner, b, protocols)
	}
	if action := next.GetAction(); action != nil {
		return xdstest.UnmarshalAny[wrapperspb.StringValue](p.f, action.GetTypedConfig()).GetValue()
	}
	return ""
}

func (p *programmed) step(m *matcher.Matcher, b bytes, protocols []string) *matcher.Matcher_OnMatch {
	tree := m.GetMatcherTree()
	if custom := tree.GetCustomMatch(); custom != nil {
		ranges := xdstest.UnmarshalAny[matcher.IPMatcher](p.f, custom.GetTypedConfig())
		return longest(ranges, b.address)
	}
	return tree.GetExactMatchMap().GetMap()[input(tree.GetInput(), b, protocols)]
}

func input(asked *xdscore.TypedExtensionConfig, b bytes, protocols []string) string {
	switch asked.GetName() {
	case "port":
		return itoa(b.port)
	case "ip":
		return b.address
	case "sni":
		return b.sni
	case "application-protocol":
		if len(protocols) == 0 {
			return ""
		}
		return "'" + strings.Join(protocols, "','") + "'"
	case "transport-protocol":
		if b.tls {
			return "tls"
		}
		return "raw_buffer"
	case "authority-filter-state":
		return b.Host + ":" + itoa(b.port)
	}
	return ""
}

func longest(ranges *matcher.IPMatcher, address string) *matcher.Matcher_OnMatch {
	top := 0
	var found *matcher.Matcher_OnMatch
	for _, one := range ranges.GetRangeMatchers() {
		for _, r := range one.GetRanges() {
			if rank := holds(r.AddressPrefix, r.GetPrefixLen().GetValue(), address); rank > top {
				top, found = rank, one.GetOnMatch()
			}
		}
	}
	return found
}
