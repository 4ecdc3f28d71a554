package main

import (
	"slices"
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
	for _, next := range append(p.steps(m, b, protocols), m.GetOnNoMatch()) {
		if inner := next.GetMatcher(); inner != nil {
			if name := p.walk(inner, b, protocols); name != "" {
				return name
			}
		} else if action := next.GetAction(); action != nil {
			return xdstest.UnmarshalAny[wrapperspb.StringValue](p.f, action.GetTypedConfig()).GetValue()
		}
	}
	return ""
}

// steps are the ways on from a matcher. Of ranges of addresses Envoy tries the next one if nothing matches within the
// first (envoyproxy/envoy source/extensions/common/matcher/ip_range_matcher.h, TrieMatcher).
func (p *programmed) steps(m *matcher.Matcher, b bytes, protocols []string) []*matcher.Matcher_OnMatch {
	tree := m.GetMatcherTree()
	if custom := tree.GetCustomMatch(); custom != nil {
		ranges := xdstest.UnmarshalAny[matcher.IPMatcher](p.f, custom.GetTypedConfig())
		return longestFirst(ranges, b.address)
	}
	return []*matcher.Matcher_OnMatch{tree.GetExactMatchMap().GetMap()[input(tree.GetInput(), b, protocols)]}
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

// longestFirst are the ranges with the address, the longest prefix first, then in the order of the list.
func longestFirst(ranges *matcher.IPMatcher, address string) []*matcher.Matcher_OnMatch {
	rank := map[*matcher.Matcher_OnMatch]int{}
	var found []*matcher.Matcher_OnMatch
	for _, one := range ranges.GetRangeMatchers() {
		next := one.GetOnMatch()
		for _, r := range one.GetRanges() {
			rank[next] = max(rank[next], holds(r.AddressPrefix, r.GetPrefixLen().GetValue(), address))
		}
		if rank[next] > 0 {
			found = append(found, next)
		}
	}
	slices.SortStableFunc(found, func(one, other *matcher.Matcher_OnMatch) int { return rank[other] - rank[one] })
	return found
}
