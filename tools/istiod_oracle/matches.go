package main

import (
	"net/url"
	"regexp"
	"strings"

	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	text "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// truth of a condition: it holds, it does not, or the call does not tell.
type truth int

const (
	no truth = iota
	unknown
	sure
)

func of(holds bool) truth {
	if holds {
		return sure
	}
	return no
}

// matches is whether a route may take the call, and what must hold for it that the call does not tell.
func matches(m *route.RouteMatch, b bytes) (bool, []string) {
	var when []string
	ask := func(is truth, what string) bool {
		if is == unknown {
			when = append(when, what)
		}
		return is != no
	}
	path, query := split(b.Path)
	if !ask(pathMatches(m, path), "path") {
		return false, nil
	}
	for _, h := range m.GetHeaders() {
		what := "headers " + h.GetName()
		if h.GetName() == ":method" {
			what = "method"
		}
		if !ask(headerMatches(h, b), what) {
			return false, nil
		}
	}
	for _, q := range m.GetQueryParameters() {
		if !ask(queryMatches(q, query), "query "+q.GetName()) {
			return false, nil
		}
	}
	if f := m.GetRuntimeFraction(); f != nil && !ask(unknown, "fraction") {
		return false, nil
	}
	return true, when
}

func split(path *string) (*string, *url.Values) {
	if path == nil {
		return nil, nil
	}
	before, after, _ := strings.Cut(*path, "?")
	values, _ := url.ParseQuery(after)
	return &before, &values
}

func pathMatches(m *route.RouteMatch, path *string) truth {
	if prefix, ok := m.GetPathSpecifier().(*route.RouteMatch_Prefix); ok && prefix.Prefix == "/" {
		return sure
	}
	if m.GetConnectMatcher() != nil {
		return no
	}
	if path == nil {
		return map[bool]truth{true: sure, false: unknown}[m.GetSafeRegex().GetRegex() == ".*"]
	}
	fold := func(s string) string { return s }
	if m.GetCaseSensitive() != nil && !m.GetCaseSensitive().GetValue() {
		fold = strings.ToLower
	}
	given := fold(*path)
	switch want := m.GetPathSpecifier().(type) {
	case *route.RouteMatch_Prefix:
		return of(strings.HasPrefix(given, fold(want.Prefix)))
	case *route.RouteMatch_PathSeparatedPrefix:
		prefix := fold(want.PathSeparatedPrefix)
		return of(given == prefix || strings.HasPrefix(given, prefix+"/"))
	case *route.RouteMatch_Path:
		return of(given == fold(want.Path))
	case *route.RouteMatch_SafeRegex:
		return of(whole(want.SafeRegex.GetRegex(), *path))
	}
	return unknown
}

// whole is whether a regular expression matches all of the text, as Envoy's do.
func whole(expression, given string) bool {
	compiled, err := regexp.Compile("^(?:" + expression + ")$")
	return err == nil && compiled.MatchString(given)
}

func headerMatches(h *route.HeaderMatcher, b bytes) truth {
	value, known := header(strings.ToLower(h.GetName()), b)
	if known == unknown {
		return unknown
	}
	return of(headerHolds(h, value, known == sure) != h.GetInvertMatch())
}

// header is the value of a request's header: it has it (sure), it has not (no), or nobody says (unknown).
func header(name string, b bytes) (string, truth) {
	switch name {
	case ":authority", "host":
		return b.authority(), sure
	case ":scheme":
		return map[bool]string{true: "https", false: "http"}[b.tls], sure
	case ":path":
		if b.Path == nil {
			return "", unknown
		}
		return *b.Path, sure
	case ":method":
		if b.Method == nil {
			return "", unknown
		}
		return *b.Method, sure
	}
	if b.Headers == nil {
		return "", unknown
	}
	value, there := (*b.Headers)[name]
	return value, of(there)
}

func headerHolds(h *route.HeaderMatcher, value string, there bool) bool {
	if !there && h.GetTreatMissingHeaderAsEmpty() {
		there = true
	}
	switch want := h.GetHeaderMatchSpecifier().(type) {
	case *route.HeaderMatcher_PresentMatch:
		return there == want.PresentMatch
	case *route.HeaderMatcher_StringMatch:
		return there && textHolds(want.StringMatch, value)
	case *route.HeaderMatcher_ExactMatch:
		return there && value == want.ExactMatch
	case *route.HeaderMatcher_PrefixMatch:
		return there && strings.HasPrefix(value, want.PrefixMatch)
	case *route.HeaderMatcher_SafeRegexMatch:
		return there && whole(want.SafeRegexMatch.GetRegex(), value)
	}
	return there
}

// queryMatches knows which parameters a path has. Their values may be tokens, and no snapshot has those of a match: one
// that is there leaves it open, like headers that nobody gave.
func queryMatches(q *route.QueryParameterMatcher, query *url.Values) truth {
	if query == nil {
		return unknown
	}
	if !query.Has(q.GetName()) {
		return no
	}
	return unknown
}

func textHolds(m *text.StringMatcher, value string) bool {
	fold := func(s string) string { return s }
	if m.GetIgnoreCase() {
		fold = strings.ToLower
	}
	given := fold(value)
	switch want := m.GetMatchPattern().(type) {
	case *text.StringMatcher_Exact:
		return given == fold(want.Exact)
	case *text.StringMatcher_Prefix:
		return strings.HasPrefix(given, fold(want.Prefix))
	case *text.StringMatcher_Suffix:
		return strings.HasSuffix(given, fold(want.Suffix))
	case *text.StringMatcher_Contains:
		return strings.Contains(given, fold(want.Contains))
	case *text.StringMatcher_SafeRegex:
		return whole(want.SafeRegex.GetRegex(), value)
	}
	return false
}
