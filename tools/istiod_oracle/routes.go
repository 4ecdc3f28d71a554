package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	fault "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	percent "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"istio.io/istio/pilot/test/xdstest"
	"istio.io/istio/pkg/wellknown"
)

func itoa(n int) string { return strconv.Itoa(n) }

// routed is what the routes of an HTTP connection manager do with a call.
func (p *programmed) routed(a answer, h *hcm.HttpConnectionManager, b bytes) answer {
	config := h.GetRouteConfig()
	if config == nil {
		config = p.routes[h.GetRds().GetRouteConfigName()]
		a.RouteConfig = h.GetRds().GetRouteConfigName()
	}
	if config == nil {
		return a.refused("no-route")
	}
	a.RouteConfig = config.Name
	vhost := virtualHost(config, b.authority())
	if vhost == nil {
		return a.refused("no-route")
	}
	a.VirtualHost = vhost.Name
	if vhost.RequireTls == route.VirtualHost_ALL && !b.tls {
		a.Choices = []choice{{Act: "answer", Reason: "redirect"}}
		return a
	}
	for _, r := range vhost.Routes {
		holds, when := matches(r.Match, b)
		if !holds {
			continue
		}
		a.Choices = append(a.Choices, p.choices(r, when)...)
		if len(when) == 0 {
			return a
		}
	}
	a.Choices = append(a.Choices, choice{Act: "refuse", Reason: "no-route"})
	return a
}

// virtualHost: an exact domain, then the longest wildcard in front, then the longest at the end, then "*"
// (envoyproxy/envoy source/common/router/config_impl.cc, RouteMatcher::findVirtualHost).
func virtualHost(config *route.RouteConfiguration, authority string) *route.VirtualHost {
	host := strings.ToLower(authority)
	if config.GetIgnorePortInHostMatching() {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	ranks := []func(string) int{
		func(d string) int { return yes(d == host) },
		func(d string) int {
			return yes(d[0] == '*' && len(d) > 1 && strings.HasSuffix(host, d[1:]) && len(host) >= len(d)) * len(d)
		},
		func(d string) int {
			last := len(d) - 1
			return yes(d[last] == '*' && last > 0 && strings.HasPrefix(host, d[:last]) && len(host) >= len(d)) * len(d)
		},
		func(d string) int { return yes(d == "*") },
	}
	for _, rank := range ranks {
		var found *route.VirtualHost
		top := 0
		for _, vhost := range config.VirtualHosts {
			for _, domain := range vhost.Domains {
				if r := rank(strings.ToLower(domain)); r > top {
					top, found = r, vhost
				}
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// choices of one route that matches: what a fault answers instead, then what the route does.
func (p *programmed) choices(r *route.Route, when []string) []choice {
	out := choice{Route: r.Name, When: when}
	if aborts := p.aborts(r); aborts > 0 {
		first := out
		first.Act, first.Reason = "answer", "fault"
		if aborts < 100 {
			first.When = append(slices.Clone(when), fmt.Sprintf("fault %g%%", aborts))
			return []choice{first, p.act(out, r)}
		}
		return []choice{first}
	}
	return []choice{p.act(out, r)}
}

func (p *programmed) act(out choice, r *route.Route) choice {
	switch action := r.GetAction().(type) {
	case *route.Route_Redirect:
		out.Act, out.Reason = "answer", "redirect"
	case *route.Route_DirectResponse:
		out.Act, out.Reason = "answer", fmt.Sprintf("direct-response %d", action.DirectResponse.GetStatus())
		if r.Name == "block_all" {
			out.Act, out.Reason = "refuse", "block-all"
		}
	case *route.Route_Route:
		out.Authority = rewritten(action.Route)
		for _, mirror := range action.Route.GetRequestMirrorPolicies() {
			out.Mirrors = append(out.Mirrors, mirror.GetCluster())
		}
		return p.sends(out, p.weighted(action.Route))
	default:
		out.Act, out.Reason = "refuse", "no-route"
	}
	return out
}

func (p *programmed) weighted(action *route.RouteAction) []destination {
	weighted := action.GetWeightedClusters()
	if weighted == nil {
		return []destination{p.destination(action.GetCluster(), 100)}
	}
	var out []destination
	for _, one := range weighted.GetClusters() {
		to := p.destination(one.GetName(), one.GetWeight().GetValue())
		to.Authority = one.GetHostRewriteLiteral()
		out = append(out, to)
	}
	return out
}

func rewritten(action *route.RouteAction) string {
	if action.GetAutoHostRewrite().GetValue() {
		return "auto"
	}
	return action.GetHostRewriteLiteral()
}

// aborts is the share of requests, in percent, that a fault answers.
func (p *programmed) aborts(r *route.Route) float64 {
	typed := r.GetTypedPerFilterConfig()[wellknown.Fault]
	if typed == nil {
		return 0
	}
	abort := xdstest.UnmarshalAny[fault.HTTPFault](p.f, typed).GetAbort()
	if abort == nil {
		return 0
	}
	of := map[percent.FractionalPercent_DenominatorType]float64{
		percent.FractionalPercent_HUNDRED: 1, percent.FractionalPercent_TEN_THOUSAND: 100,
		percent.FractionalPercent_MILLION: 10000,
	}
	return float64(abort.GetPercentage().GetNumerator()) / of[abort.GetPercentage().GetDenominator()]
}
