-- The store. `hop` is a line's own number: its log's number and, in the lower 40 bits, its line.

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,      -- sidecar, egress-gateway, waypoint, ztunnel
    workload INTEGER,           -- of a sidecar's pod
    gateway VARCHAR,            -- of a gateway's or waypoint's pod: `namespace/name`
    prefixes VARCHAR[]          -- the addresses of the pod, each with the colon before its port
);

CREATE TABLE workloads (workload INTEGER PRIMARY KEY, namespace VARCHAR, name VARCHAR, mode VARCHAR);
CREATE TABLE owners (address VARCHAR PRIMARY KEY, workload INTEGER, pod VARCHAR);  -- pod: `namespace/name`

-- Every address that a proxy sent to. `class`: proxy (a gateway's or waypoint's), inside (the cluster's or the proxy's
-- own pod), outside, odd (no address that a packet can go to).
CREATE TABLE places (address VARCHAR PRIMARY KEY, ip VARCHAR, port INTEGER, class VARCHAR);
-- Every host that a cluster names. `service`: gateway, pods, other, gone; NULL where it is no Kubernetes Service.
CREATE TABLE hosts (host VARCHAR PRIMARY KEY, service VARCHAR);

CREATE TABLE hops (
    hop BIGINT NOT NULL,
    log INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    t TIMESTAMP NOT NULL,       -- when the request or connection began, UTC
    until TIMESTAMP NOT NULL,   -- when it had ended
    fate VARCHAR NOT NULL,      -- see naming.sql
    reason VARCHAR NOT NULL,
    arrived BOOLEAN NOT NULL,
    own VARCHAR,                -- the proxy's socket to where it sent it
    reached VARCHAR,            -- where it sent it
    remote VARCHAR,             -- the socket it came from
    dialed VARCHAR,             -- the socket it came to; ztunnel: the address within the tunnel
    asked UBIGINT,              -- a hash of method, path and authority
    host VARCHAR,               -- as the cluster names it
    port INTEGER,
    name VARCHAR,               -- the server name or authority: what the sender says
    pod VARCHAR,                -- `namespace/name` of who sent it, as ztunnel knows it
    scheme VARCHAR              -- http, https (TLS that the proxy did not open), tcp
);
