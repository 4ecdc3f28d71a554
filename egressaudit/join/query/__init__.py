"""Questions in SQL over tables of hops and flows, answered in a process of their own that can do nothing else.

    QueryDatabase ──▶ a file of tables ──▶ query_cage (another process) ──▶ Arrow ──▶ QueryAnswer

In: Arrow tables, and one SELECT that anybody may have written. Out: a `QueryAnswer`, or an error in words of our own.
"""
