-- Who opened each connection: one workload, by one way, or it is not known.
-- In: `touches`. Out: `stretches`, each with what is known of its whole connection.
-- This runs again after each link of a chain: a gateway that forwards to another sends for the workload of the
-- connection on which it was called, which is known only after that link.

CREATE OR REPLACE TEMP TABLE parts AS
SELECT pair, stretch, min(t) AS first, max(t) AS last,
       count(way) AS senders,
       count(*) - count(way) AS receivers,
       min(CASE WHEN way IS NOT NULL THEN hop END) AS sender,
       min(way) AS one_way, max(way) AS other_way, bool_or(doubt) AS doubt
FROM touches GROUP BY pair, stretch;

-- Stretches that continue the connection of the stretch before, and the stretch in which that connection began. Only
-- neighbours can be close enough, since a stretch is as long as clocks may differ.
-- (`stretch - row_number()` is constant along a run of neighbours: the usual "gaps and islands" query.)
CREATE OR REPLACE TEMP TABLE links AS
SELECT pair, stretch, min(stretch) OVER (PARTITION BY pair, run) - 1 AS begin
FROM (
    SELECT pair, later.stretch, later.stretch - row_number() OVER (PARTITION BY pair ORDER BY later.stretch) AS run
    FROM parts AS later JOIN parts AS earlier USING (pair)
    WHERE earlier.stretch = later.stretch - 1 AND later.first - earlier.last <= $skew
);

-- Each stretch with what is known of its whole connection, which `pair` and `begin` identify. `way` is NULL unless
-- exactly one way is known for all of its senders: one unknown sender (way 0) is enough to make it NULL.
CREATE OR REPLACE TEMP TABLE stretches AS
WITH begun AS (
    SELECT parts.*, coalesce(links.begin, parts.stretch) AS begin FROM parts LEFT JOIN links USING (pair, stretch)
),
long AS (
    SELECT pair, begin,
           sum(senders)::BIGINT AS senders, sum(receivers)::BIGINT AS receivers, min(sender) AS sender,
           min(one_way) AS one_way, max(other_way) AS other_way, bool_or(doubt) AS doubt
    FROM begun SEMI JOIN links USING (pair, begin) GROUP BY pair, begin
)
SELECT pair, stretch, begin,
       coalesce(long.senders, begun.senders) AS senders,
       coalesce(long.receivers, begun.receivers) AS receivers,
       coalesce(long.sender, begun.sender) AS sender,
       -- `doubt`: an earlier attempt of one of its requests may have gone to another endpoint.
       coalesce(long.doubt, begun.doubt) AS doubt,
       CASE WHEN coalesce(long.one_way, begun.one_way) = coalesce(long.other_way, begun.other_way)
           THEN nullif(coalesce(long.one_way, begun.one_way), 0) END AS way
FROM begun LEFT JOIN long USING (pair, begin);
