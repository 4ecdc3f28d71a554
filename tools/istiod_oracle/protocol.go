package main

import "encoding/json"

// caseIn is a mesh, and what is asked of it.
type caseIn struct {
	ID string `json:"id"`
	// Objects of any kind, as Kubernetes has them. Those that istiod's validation refuses are left out, and named.
	Objects []json.RawMessage `json:"objects"`
	// Mesh is MeshConfig, as an object; what it does not say has istiod's defaults.
	Mesh json.RawMessage `json:"mesh"`
	// Ambient is whether istiod runs with PILOT_ENABLE_AMBIENT.
	Ambient bool      `json:"ambient"`
	Proxies []proxyIn `json:"proxies"`
	// Services is whether to tell what ztunnel is told of each service (Ambient only).
	Services bool `json:"services"`
}

// proxyIn is one proxy, and the calls that it gets.
type proxyIn struct {
	Kind      string            `json:"kind"` // sidecar, router or waypoint
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	IP        string            `json:"ip"`
	Labels    map[string]string `json:"labels"`
	// Metadata is the rest of the node's metadata, e.g. {"DNS_CAPTURE": "true"}.
	Metadata json.RawMessage `json:"metadata"`
	Version  string          `json:"version"` // of the proxy, 1.31.0 unless given
	Calls    []callIn        `json:"calls"`
	// Dump asks for all that the proxy is sent.
	Dump bool `json:"dump"`
}

// callIn is what a proxy is asked for; the words are those of model.Call.
type callIn struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Scheme string `json:"scheme"` // http, https, tcp
	TLS    string `json:"tls"`    // plaintext, tls, mtls
	// SNI of the outermost TLS. Absent: the host. Empty: none.
	SNI *string `json:"sni"`
	// Address that was dialed. Absent: the one that the host has (address.go).
	Address string `json:"address"`
	// ByService: Port is that of the router's Service, not of its socket.
	ByService bool `json:"by_service"`
	// Unknown unless given: then each rule that depends on it becomes a choice.
	Path    *string            `json:"path"`
	Method  *string            `json:"method"`
	Headers *map[string]string `json:"headers"` // lower case; {}: it has none
	// Authority is the Host header. Absent: the host, with the port if it isn't the scheme's.
	Authority string `json:"authority"`
	// ALPN that TLS offers. Absent: what curl offers for https, what a sidecar offers for mtls.
	ALPN []string `json:"alpn"`
}

type caseOut struct {
	ID      string       `json:"id"`
	Error   string       `json:"error,omitempty"`
	Stack   string       `json:"stack,omitempty"`
	Refused []refusal    `json:"refused,omitempty"`
	Proxies []proxyOut   `json:"proxies,omitempty"`
	Service []serviceOut `json:"services,omitempty"`
	Seconds float64      `json:"seconds"`
}

// refusal is an object that istiod's validation refuses, and why.
type refusal struct {
	Object string `json:"object"` // Kind namespace/name
	Why    string `json:"why"`
}

type proxyOut struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Answers   []answer `json:"answers"`
	Dump      *dumpOut `json:"dump,omitempty"`
}

// answer is what a proxy does with a call: the first choice whose conditions hold; the last one has none.
type answer struct {
	Address     string   `json:"address,omitempty"` // that was dialed
	Listener    string   `json:"listener,omitempty"`
	Chain       string   `json:"chain,omitempty"`
	RouteConfig string   `json:"route_config,omitempty"`
	VirtualHost string   `json:"virtual_host,omitempty"`
	Choices     []choice `json:"choices"`
}

type choice struct {
	Act       string        `json:"act"` // send, passthrough, refuse, answer
	Route     string        `json:"route,omitempty"`
	Clusters  []destination `json:"clusters,omitempty"`
	Mirrors   []string      `json:"mirrors,omitempty"`
	When      []string      `json:"when,omitempty"`
	Authority string        `json:"authority,omitempty"` // that the request is rewritten to
	Tunnel    string        `json:"tunnel,omitempty"`    // host that CONNECT names
	Reason    string        `json:"reason,omitempty"`
}

type destination struct {
	Name      string `json:"name"`
	Weight    uint32 `json:"weight"` // as configured; 100 for the only one
	Missing   bool   `json:"missing,omitempty"`
	Type      string `json:"type,omitempty"` // EDS, STRICT_DNS, ORIGINAL_DST, …
	TLS       string `json:"tls,omitempty"`  // simple, mutual, istio_mutual, auto
	SNI       string `json:"sni,omitempty"`
	Endpoints int    `json:"endpoints"`
	Authority string `json:"authority,omitempty"`
}

// serviceOut is what ztunnel is told of a service, and what istiod writes into its status.
type serviceOut struct {
	Namespace  string               `json:"namespace"`
	Hostname   string               `json:"hostname"`
	Source     string               `json:"source"` // Kind namespace/name
	Addresses  []string             `json:"addresses,omitempty"`
	Ports      []string             `json:"ports,omitempty"` // service port:target port
	Waypoint   string               `json:"waypoint,omitempty"`
	Weighted   map[string]uint32    `json:"weighted,omitempty"`
	Bound      string               `json:"bound,omitempty"` // Gateway namespace/name
	Conditions map[string]condition `json:"conditions,omitempty"`
}

type condition struct {
	Status  bool   `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type dumpOut struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
	Clusters  []json.RawMessage `json:"clusters"`
	Endpoints []json.RawMessage `json:"endpoints"`
}
