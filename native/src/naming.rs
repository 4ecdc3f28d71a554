//! What Python sees of the naming of hops.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::columns::Row;
use crate::distinct::Distinct;
use crate::hops::{Columns, Hops, Log, Names, Role};
use crate::memory::Memory;
use crate::values::number;
use crate::{ColumnParts, column, column_parts};

/// A log's number, and the role of the proxy that writes it.
pub type LogParts = (u32, String);
/// Kinds and senders (32 bits), and what was sent, came, its tunnel and what was asked (64 bits).
pub type HopParts = (Memory, Memory, Vec<Memory>);

/// Numbers for kinds of lines and for senders, and hashes of sockets, for all logs of a run.
#[pyclass(frozen)]
pub struct Naming {
    names: Names,
    /// The columns that hold numbers.
    counts: [usize; 3],
}

#[pymethods]
impl Naming {
    /// `columns` are the names of all columns in their order, `said` those that tell one kind from another.
    #[new]
    fn new(columns: Vec<String>, said: Vec<String>) -> PyResult<Self> {
        let place = |name: &str| match columns.iter().position(|column| column == name) {
            Some(number) => column(number),
            None => Err(PyValueError::new_err(format!("there is no column {name}"))),
        };
        let columns = Columns {
            said: said.iter().map(|name| place(name)).collect::<PyResult<_>>()?,
            method: place("method")?,
            path: place("path")?,
            protocol: place("protocol")?,
            authority: place("authority")?,
            requested_server_name: place("requested_server_name")?,
            upstream_cluster: place("upstream_cluster")?,
            upstream_host: place("upstream_host")?,
            upstream_local_address: place("upstream_local_address")?,
            downstream_local_address: place("downstream_local_address")?,
            downstream_remote_address: place("downstream_remote_address")?,
            src_addr: place("src_addr")?,
            src_namespace: place("src_namespace")?,
            src_workload: place("src_workload")?,
            dst_addr: place("dst_addr")?,
            dst_hbone_addr: place("dst_hbone_addr")?,
            bytes_sent: place("bytes_sent")?,
            bytes_recv: place("bytes_recv")?,
            attempts: place("upstream_request_attempt_count")?,
        };
        let counts = [columns.bytes_sent, columns.bytes_recv, columns.attempts];
        Ok(Naming { names: Names::new(columns), counts })
    }

    /// The hops of clean lines that were read elsewhere: for each line the texts of these columns, in UTF-8.
    fn name(&self, log: LogParts, columns: Vec<usize>, lines: Vec<Vec<Option<Vec<u8>>>>) -> PyResult<HopParts> {
        let log = self::log(&log)?;
        let columns = columns.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
        let (mut hops, mut row, mut text) = (Hops::default(), Row::new(), Vec::new());
        for line in lines {
            row.clear();
            text.clear();
            for (&column, value) in columns.iter().zip(line) {
                if let Some(value) = value {
                    if self.counts.contains(&column) {
                        row.set_number(column, number(&value).unwrap_or_default());
                        continue;
                    }
                    row.set_text(column, (text.len(), text.len() + value.len()));
                    text.extend(value);
                }
            }
            self.names.push(&mut hops, log, &row, &text);
        }
        self.names.finish(&mut hops);
        Ok(parts_of(hops))
    }

    /// The kinds that are new since the last time: the number of the first; log, bits (1: a request, 2: with a socket
    /// of the proxy's own, 4: with bytes, 8: with one attempt), the columns of `said`, the name that the sender asked
    /// for, where there is no cluster the socket that it came from, and the proxy's own socket up to its port.
    fn new_kinds(&self) -> (i32, Vec<ColumnParts>) {
        new_rows(self.names.kinds())
    }

    /// The same of senders: a socket up to its port, namespace and workload where they are said.
    fn new_senders(&self) -> (i32, Vec<ColumnParts>) {
        new_rows(self.names.senders())
    }
}

impl Naming {
    pub fn names(&self) -> &Names {
        &self.names
    }
}

pub fn log((number, role): &LogParts) -> PyResult<Log> {
    let role = match role.as_str() {
        "ztunnel" => Role::Ztunnel,
        "waypoint" => Role::Waypoint,
        "sidecar" | "egress-gateway" => Role::Other,
        _ => return Err(PyValueError::new_err("no such role")),
    };
    Ok(Log { number: *number, role })
}

pub fn parts_of(hops: Hops) -> HopParts {
    let hashes = [hops.sent, hops.came, hops.tunnel, hops.asked];
    (Memory::new(hops.kinds), Memory::new(hops.senders), hashes.into_iter().map(Memory::new).collect())
}

fn new_rows(distinct: &Distinct) -> (i32, Vec<ColumnParts>) {
    let (first, columns) = distinct.new_rows();
    (first, columns.into_iter().map(column_parts).collect())
}
