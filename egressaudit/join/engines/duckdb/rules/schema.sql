-- The tables of the store. A window has millions of hops, so each keeps only a signature's number, times, and hashes.
-- `signatures` has what many lines have in common, once; the hashes tie the lines of two proxies to each other.
-- SQL joins and counts. What a line proves is decided in Python, by `judge.fate`, on the distinct facts.

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,
    role VARCHAR NOT NULL,      -- a Reporter; the rules ask leads_out, at_source and is_envoy of it
    workload INTEGER,           -- of a sidecar's pod
    gateway VARCHAR,            -- of a gateway's or waypoint's pod: `namespace/name`
    node VARCHAR                -- where the pod runs, NULL where the snapshot does not say
);
-- The addresses of each log's pod, in canonical form.
CREATE TABLE own (log INTEGER NOT NULL, ip VARCHAR NOT NULL);
-- Every socket of a proxy or of its peers, up to the colon before the port; `ip` is NULL where it is no IP.
CREATE TABLE sockets (prefix VARCHAR PRIMARY KEY, ip VARCHAR);

-- Every address that a proxy sent to, and where it lies: see mesh.places.Place.
CREATE TABLE places (address VARCHAR PRIMARY KEY, ip VARCHAR, port INTEGER, place VARCHAR);
-- Every service that a ztunnel names, and what is behind it: see Places.service_of.
CREATE TABLE hosts (host VARCHAR PRIMARY KEY, service VARCHAR);
-- Every Envoy cluster that a line names: the parts of its name, and what the snapshot knows about its endpoints.
CREATE TABLE clusters (
    cluster VARCHAR PRIMARY KEY,
    cluster_kind VARCHAR,
    cluster_port INTEGER,
    cluster_host VARCHAR,
    service VARCHAR,            -- what is behind the host
    mixed BOOLEAN,              -- a retry may have gone to another kind of place
    by_sender BOOLEAN,          -- the sender chose the address: the cluster's name proves nothing
    by_name BOOLEAN             -- the proxy resolved the name that was asked for: a wildcard stands for that name
);
-- Each sender's workload and node, where its address belongs to one pod alone. `anybody`: the address identifies no pod
-- (unknown, or loopback).
CREATE TABLE senders (sender INTEGER NOT NULL, workload INTEGER, node VARCHAR, anybody BOOLEAN NOT NULL);
-- For each log, the senders that have an address of the pod that writes it.
CREATE TABLE own_senders (log INTEGER NOT NULL, sender INTEGER NOT NULL);

CREATE TABLE signatures (
    signature INTEGER NOT NULL,
    log INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    fate VARCHAR NOT NULL,      -- join.line_facts.Fate
    path VARCHAR NOT NULL,      -- model.Path, if nothing came after it
    reason VARCHAR NOT NULL,
    moved BOOLEAN NOT NULL,     -- bytes were counted
    came_in BOOLEAN NOT NULL,   -- it arrived for the pod that wrote it
    host VARCHAR,               -- as the cluster names it, where that is proven
    port INTEGER,
    reached VARCHAR,            -- where it was sent
    dialed VARCHAR,             -- the socket it came to; ztunnel: the address within the tunnel
    name VARCHAR,               -- the server name or authority: what the sender says
    scheme VARCHAR              -- http, https (TLS that the proxy did not open), tcp
);

CREATE TABLE hops (
    hop BIGINT NOT NULL,        -- a line's own number: its log's number and, in the lower 40 bits, its line
    signature INTEGER NOT NULL,
    t TIMESTAMP NOT NULL,       -- when the request or connection began, UTC
    until TIMESTAMP NOT NULL,   -- when it had ended
    sent UBIGINT,               -- hash(upstream_local_address, upstream_host): equals `came` at the next proxy
    came UBIGINT,               -- hash(downstream_remote_address, downstream_local_address)
    tunnel UBIGINT,             -- hash(source IP, address within the tunnel)
    asked UBIGINT,              -- hash(method, path, authority)
    sender INTEGER              -- the workload that has the source IP; for ztunnel only if it is the pod ztunnel names
);

-- Whether a line matters to the joins. Traffic that stayed inside does not concern an egress audit; but a gateway's or
-- waypoint's line is kept even then, because the line that forwarded to it needs its counterpart.
CREATE MACRO concerns(fate, role) AS
    fate NOT IN ('inbound', 'inside', 'foreign') OR (fate = 'inside' AND leads_out(role));

-- Whether a line shows a sender that its proxy cannot have: a sidecar serves its own pod, a ztunnel its own node.
CREATE MACRO is_stranger(role, came_in, anybody, own_sender, node, sender_node) AS CASE
    WHEN role = 'sidecar' THEN NOT came_in AND NOT coalesce(anybody, true) AND own_sender IS NULL
    WHEN role = 'ztunnel' THEN coalesce(node <> sender_node, false)
    ELSE false
END;

CREATE MACRO bare(name) AS CASE WHEN contains(name, ':') THEN regexp_replace(name, ':[0-9]+$', '') ELSE name END;
CREATE MACRO ip_of(address) AS CASE
    WHEN starts_with(address, '[') THEN split_part(substr(address, 2), ']', 1)
    ELSE split_part(address, ':', 1)
END;
-- Whether an address belongs to another pod than the log's. Loopback never does: every pod has it.
CREATE MACRO foreign_to(own_log, ip) AS
    own_log IS NULL AND coalesce(ip NOT IN ('127.0.0.1', '127.0.0.6', '::1', '::6'), false);
