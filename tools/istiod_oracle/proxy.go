package main

import (
	"encoding/json"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pilot/test/xdstest"
)

// programmed is what istiod sends to one proxy.
type programmed struct {
	f         *failer
	server    *xds.FakeDiscoveryServer
	proxy     *model.Proxy
	listeners []*listener.Listener
	routes    map[string]*route.RouteConfiguration
	clusters  map[string]*cluster.Cluster
}

func askProxy(f *failer, server *xds.FakeDiscoveryServer, asked proxyIn) proxyOut {
	proxy := server.SetupProxy(newProxy(f, asked))
	p := &programmed{
		f: f, server: server, proxy: proxy,
		listeners: server.Listeners(proxy),
		routes:    map[string]*route.RouteConfiguration{},
		clusters:  map[string]*cluster.Cluster{},
	}
	p.askRoutes()
	clusters := server.Clusters(proxy)
	for _, c := range clusters {
		p.clusters[c.Name] = c
	}
	out := proxyOut{Namespace: asked.Namespace, Name: asked.Name, Answers: []answer{}}
	for _, c := range asked.Calls {
		out.Answers = append(out.Answers, p.answer(c))
	}
	if asked.Dump {
		out.Dump = p.dump(clusters)
	}
	return out
}

// askRoutes asks for each route configuration that a listener names, once, as Envoy does. istiod works out the virtual
// hosts of a port at the first name and sorts out of that list for the next ones (buildSidecarOutboundHTTPRouteConfig):
// a name that comes twice is empty the second time.
func (p *programmed) askRoutes() {
	names := xdstest.ExtractRoutesFromListeners(p.listeners)
	slices.Sort(names)
	request := &model.PushRequest{Push: p.server.PushContext()}
	made, _ := p.server.ConfigGen.BuildHTTPRoutes(p.proxy, request, slices.Compact(names))
	for _, each := range made {
		r := xdstest.UnmarshalAny[route.RouteConfiguration](p.f, each.GetResource())
		p.routes[r.Name] = r
	}
}

func newProxy(f *failer, asked proxyIn) *model.Proxy {
	types := map[string]model.NodeType{
		"": model.SidecarProxy, "sidecar": model.SidecarProxy, "router": model.Router, "waypoint": model.Waypoint,
	}
	kind, known := types[asked.Kind]
	if !known {
		f.Fatal("no such kind of proxy: ", asked.Kind)
	}
	metadata := &model.NodeMetadata{}
	if len(asked.Metadata) > 0 {
		if err := json.Unmarshal(asked.Metadata, metadata); err != nil {
			f.Fatal("metadata: ", err)
		}
	}
	metadata.Namespace = asked.Namespace
	metadata.ClusterID = "Kubernetes"
	metadata.IstioVersion = asked.Version
	if metadata.IstioVersion == "" {
		metadata.IstioVersion = "1.31.0"
	}
	if metadata.Labels == nil {
		metadata.Labels = asked.Labels
	}
	ip := asked.IP
	if ip == "" {
		ip = "10.9.9.9"
	}
	return &model.Proxy{
		Type: kind, ConfigNamespace: asked.Namespace, IPAddresses: []string{ip}, Labels: asked.Labels,
		ID: asked.Name + "." + asked.Namespace, DNSDomain: asked.Namespace + ".svc.cluster.local", Metadata: metadata,
	}
}
