"""Lines to hops: what one line of a proxy's log says, column by column, and an account of every line.

    dialects   the text of one line to its fields, by grammar: the definition of what a line says
    lanes      the same for whole blocks of lines at once; a lane takes what it is sure of and leaves the rest
    line_parser, rows, tables   drivers: lines to `Hop`s, logs to rows, logs to Arrow tables

In: `sources` (bytes, whose log it is). Out: hops, or a line that is none, or one that no grammar takes.
"""
