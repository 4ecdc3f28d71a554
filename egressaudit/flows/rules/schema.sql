-- The store. A window has millions of hops: what many of them say alike stands in `kinds`, and what only ties one to
-- another is a hash.

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,
    role VARCHAR NOT NULL,      -- sidecar, egress-gateway, waypoint, ztunnel
    workload INTEGER,           -- of a sidecar's pod
    gateway VARCHAR,            -- of a gateway's or waypoint's pod: `namespace/name`
    prefixes VARCHAR[]          -- the addresses of the pod, each with the colon before its port
);

-- Every address that a proxy sent to. `class`: proxy (a gateway's or waypoint's), inside (the cluster's or the proxy's
-- own pod), outside, vacant (among the pods' addresses, and nobody's now), api-server, odd
-- (no address that a packet can go to), vacant-tunnel (the same, but with a vacant one at its end).
CREATE TABLE places (address VARCHAR PRIMARY KEY, ip VARCHAR, port INTEGER, class VARCHAR);
-- Every host that a cluster names. `service`: gateway, pods, pods-only, api-server, other, gone; NULL where it is no Kubernetes Service.
CREATE TABLE hosts (host VARCHAR PRIMARY KEY, service VARCHAR);
-- Every cluster that a line names, and what its name says.
CREATE TABLE clusters (cluster VARCHAR PRIMARY KEY, cluster_kind VARCHAR, cluster_port INTEGER, cluster_host VARCHAR);
-- The workload of a sender's pod, where its address is that pod's alone.
CREATE TABLE senders (sender INTEGER NOT NULL, workload INTEGER);

CREATE TABLE kinds (
    kind INTEGER NOT NULL,
    log INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    fate VARCHAR NOT NULL,      -- see naming.sql
    reason VARCHAR NOT NULL,
    arrived BOOLEAN NOT NULL,
    host VARCHAR,               -- as the cluster names it
    port INTEGER,
    reached VARCHAR,            -- where it was sent
    dialed VARCHAR,             -- the socket it came to; ztunnel: the address within the tunnel
    name VARCHAR,               -- the server name or authority: what the sender says
    scheme VARCHAR              -- http, https (TLS that the proxy did not open), tcp
);

CREATE TABLE hops (
    hop BIGINT NOT NULL,        -- a line's own number: its log's number and, in the lower 40 bits, its line
    kind INTEGER NOT NULL,
    t TIMESTAMP NOT NULL,       -- when the request or connection began, UTC
    until TIMESTAMP NOT NULL,   -- when it had ended
    sent UBIGINT,               -- a hash of the proxy's socket to where it sent it, and of that address
    came UBIGINT,               -- a hash of the socket it came from, and of that it came to
    tunnel UBIGINT,             -- a hash of the IP it came from, and of the address within the tunnel
    asked UBIGINT,              -- a hash of method, path and authority
    sender INTEGER              -- the workload that has the IP it came from; of ztunnel's lines only if it is that pod
);
