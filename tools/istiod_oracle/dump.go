package main

import (
	"encoding/json"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// dump is all that the proxy is sent, as protobuf's JSON with the field names of Envoy's documentation.
func (p *programmed) dump(clusters []*cluster.Cluster) *dumpOut {
	out := &dumpOut{}
	for _, l := range p.listeners {
		out.Listeners = append(out.Listeners, p.json(l))
	}
	var names []string
	for name := range p.routes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.Routes = append(out.Routes, p.json(p.routes[name]))
	}
	for _, c := range clusters {
		out.Clusters = append(out.Clusters, p.json(c))
		if c.GetType() == cluster.Cluster_EDS {
			out.Endpoints = append(out.Endpoints, p.json(p.assignment(c)))
		}
	}
	return out
}

func (p *programmed) json(message proto.Message) json.RawMessage {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		p.f.Fatal(err)
	}
	return text
}
