-- How flows are spread over the window: how many began in each of `$parts` equal parts of it, by the part's number.
-- In: the times `t` of flows. Out: a map, e.g. {0: 12, 7: 3}. What began before the window counts in its first part.
histogram(least(
    (greatest(epoch_us(t) - epoch_us($start), 0) * $parts) // greatest(epoch_us($end) - epoch_us($start), 1),
    $parts - 1
)::UTINYINT)
