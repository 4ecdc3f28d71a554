-- Who opened each connection: one workload, in one way, or nobody can tell. Run again until nothing new is known: a
-- gateway that hands on to another sends for the workload of its own connection.

CREATE OR REPLACE TEMP TABLE parts AS
SELECT pair, stretch, min(t) AS first, max(t) AS last,
       count(way) AS senders,
       count(*) - count(way) AS receivers,
       min(CASE WHEN way IS NOT NULL THEN hop END) AS sender,
       min(way) AS one_way, max(way) AS other_way, bool_or(doubt) AS doubt
FROM touches GROUP BY pair, stretch;

-- Stretches that go on with the connection of the one before, and the stretch in which that began. Only one that is next
-- to another can be near enough: a stretch is as long as clocks may differ.
CREATE OR REPLACE TEMP TABLE links AS
SELECT pair, stretch, min(stretch) OVER (PARTITION BY pair, run) - 1 AS begin
FROM (
    SELECT pair, later.stretch, later.stretch - row_number() OVER (PARTITION BY pair ORDER BY later.stretch) AS run
    FROM parts AS later JOIN parts AS earlier USING (pair)
    WHERE earlier.stretch = later.stretch - 1 AND later.first - earlier.last <= $skew
);

-- Each stretch with what is known of its whole connection, which `pair` and `begin` name. `way` is NULL where it was not
-- opened by one workload, in one way, that is known.
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
       -- An earlier attempt of a request in it may have gone elsewhere.
       coalesce(long.doubt, begun.doubt) AS doubt,
       CASE WHEN coalesce(long.one_way, begun.one_way) = coalesce(long.other_way, begun.other_way)
           THEN nullif(coalesce(long.one_way, begun.one_way), 0) END AS way
FROM begun LEFT JOIN long USING (pair, begin);
