package main

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/config/schema/resource"
	kubelib "istio.io/istio/pkg/kube"
	"istio.io/istio/pkg/kube/kclient/clienttest"
)

// inBoth are read twice: as Istio configuration, and as objects that a route may name or that the ambient index lists.
var inBoth = map[string]bool{
	"ServiceEntry": true, "WorkloadEntry": true, "AuthorizationPolicy": true, "PeerAuthentication": true,
}

// served are the versions that istiod reads. A real API server converts between them; the test server's does not.
var served = map[string]string{
	"networking.istio.io": "v1", "security.istio.io": "v1", "telemetry.istio.io": "v1",
	"gateway.networking.k8s.io": "v1", "gateway.networking.k8s.io/ReferenceGrant": "v1beta1",
}

// more are kinds that the Gateway API controller reads and the test server leaves out.
var more = []schema.GroupVersionResource{gvr.BackendTLSPolicy, gvr.ListenerSet}

// placeholder is in every mesh: without any Service, istiod's test server waits in vain for its first update. It has no
// port that a listener or a cluster is made for.
var placeholder = &corev1.Service{
	ObjectMeta: metav1.ObjectMeta{Name: "placeholder", Namespace: "kube-system"},
	Spec: corev1.ServiceSpec{
		ClusterIP: "10.255.255.254",
		Ports:     []corev1.ServicePort{{Name: "none", Port: 1, Protocol: corev1.ProtocolUDP}},
	},
}

// crowd are services that no proxy sees. istiod keeps the services of ServiceEntries in a map, and Go walks one of up to
// eight entries always in the same circle: of two hosts with two addresses each, some pairs would never come out. A mesh
// has more.
func crowd(created time.Time) config.Config {
	entry := &networking.ServiceEntry{
		ExportTo:   []string{"~"},
		Ports:      []*networking.ServicePort{{Number: 1, Name: "none", Protocol: "TCP"}},
		Resolution: networking.ServiceEntry_STATIC,
	}
	for number := range 16 {
		entry.Hosts = append(entry.Hosts, fmt.Sprintf("crowd-%d.invalid", number))
	}
	return config.Config{
		Meta: config.Meta{
			GroupVersionKind: gvk.ServiceEntry, Name: "crowd", Namespace: placeholder.Namespace, CreationTimestamp: created,
		},
		Spec: entry,
	}
}

// objects of a case, as the two stores of the test server take them.
type objects struct {
	configs []config.Config
	kube    []runtime.Object
	refused []refusal
}

func run(f *failer, asked caseIn, answer *caseOut) {
	setAmbient(asked.Ambient)
	found, err := sortOut(asked.Objects)
	answer.Refused = found.refused
	if err != nil {
		f.Fatal(err)
	}
	meshConfig := mesh.DefaultMeshConfig()
	if len(asked.Mesh) > 0 {
		if meshConfig, err = mesh.ApplyMeshConfig(string(asked.Mesh), meshConfig); err != nil {
			f.Fatal("MeshConfig: ", err)
		}
	}
	server := xds.NewFakeDiscoveryServer(f, xds.FakeOptions{
		Configs: found.configs, KubernetesObjects: found.kube, MeshConfig: meshConfig,
		KubeClientModifier: func(client kubelib.Client) {
			for _, kind := range more {
				clienttest.MakeCRD(f, client, kind)
			}
		},
	})
	for _, p := range asked.Proxies {
		answer.Proxies = append(answer.Proxies, askProxy(f, server, p))
	}
	if asked.Services && server.AmbientIndex != nil {
		answer.Service = servicesOf(server)
	}
}

// setAmbient does what PILOT_ENABLE_AMBIENT does at start (pilot/pkg/features/ambient.go).
func setAmbient(on bool) {
	features.EnableAmbient = on
	features.EnableAmbientWaypoints = on
	features.EnableHBONESend = on
	features.EnableSidecarHBONEListening = on
	features.EnableAmbientStatus = on
	features.EnableIngressWaypointRouting = on
}

// sortOut decodes the objects. One that cannot be decoded is an error, one that istiod's validation refuses is left out.
func sortOut(raw []json.RawMessage) (objects, error) {
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	found := objects{kube: []runtime.Object{placeholder.DeepCopy()}, configs: []config.Config{crowd(created)}}
	for _, given := range raw {
		header, text, err := inServedVersion(given)
		if err != nil {
			return found, fmt.Errorf("not an object: %w", err)
		}
		said := header.GroupVersionKind()
		named := fmt.Sprintf("%s %s/%s", said.Kind, header.Namespace, header.Name)
		kind, known := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&said))
		if known {
			cfg, err := istioConfig(kind, text, created)
			if err != nil {
				found.refused = append(found.refused, refusal{named, err.Error()})
				continue
			}
			found.configs = append(found.configs, *cfg)
		}
		if !known || inBoth[said.Kind] {
			object, _, err := kubelib.IstioCodec.UniversalDeserializer().Decode(text, nil, nil)
			if err != nil {
				return found, fmt.Errorf("%s: %w", named, err)
			}
			found.kube = append(found.kube, object)
		}
	}
	return found, nil
}

// inServedVersion is the object as an API server would give it to istiod.
func inServedVersion(given json.RawMessage) (metav1.PartialObjectMetadata, json.RawMessage, error) {
	var header metav1.PartialObjectMetadata
	fields := map[string]any{}
	if err := json.Unmarshal(given, &header); err != nil {
		return header, nil, err
	}
	if err := json.Unmarshal(given, &fields); err != nil {
		return header, nil, err
	}
	gvk := header.GroupVersionKind()
	version, known := served[gvk.Group+"/"+gvk.Kind]
	if !known {
		version, known = served[gvk.Group]
	}
	if known {
		header.APIVersion = gvk.Group + "/" + version
		fields["apiVersion"] = header.APIVersion
	}
	text, err := json.Marshal(fields)
	return header, text, err
}

// istioConfig is an object as istiod stores it, checked as istiod's webhook checks it.
func istioConfig(kind resource.Schema, text json.RawMessage, created time.Time) (*config.Config, error) {
	var object crd.IstioKind
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	cfg, err := crd.ConvertObject(kind, &object, "cluster.local")
	if err != nil {
		return nil, err
	}
	if cfg.CreationTimestamp.IsZero() {
		cfg.CreationTimestamp = created
	}
	_, err = kind.ValidateConfig(*cfg)
	return cfg, err
}
