//! The fingerprints of hops, as Python sees them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::columns::Row;
use crate::distinct::Distinct;
use crate::hops::{Columns, Fingerprinter, Hops, Log, Role};
use crate::memory::Memory;
use crate::values::number;
use crate::{ColumnParts, column, column_parts};

/// A log's number, and the role of the proxy that writes it.
pub type LogParts = (u32, String);
/// Signatures and senders (32 bits), then `sent`, `came`, `tunnel` and `asked` (64 bits).
pub type HopParts = (Memory, Memory, Vec<Memory>);

/// Numbers for signatures and senders, and hashes of sockets, for all logs of a run.
#[pyclass(frozen)]
pub struct Fingerprints {
    fingerprinter: Fingerprinter,
    /// The columns that hold numbers.
    counts: [usize; 3],
}

#[pymethods]
impl Fingerprints {
    /// `columns` are the names of all columns in their order, `signature` those that are part of a signature.
    #[new]
    fn new(columns: Vec<String>, signature: Vec<String>) -> PyResult<Self> {
        let place = |name: &str| match columns.iter().position(|column| column == name) {
            Some(number) => column(number),
            None => Err(PyValueError::new_err(format!("there is no column {name}"))),
        };
        let columns = Columns {
            signature: signature.iter().map(|name| place(name)).collect::<PyResult<_>>()?,
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
        Ok(Fingerprints { fingerprinter: Fingerprinter::new(columns), counts })
    }

    /// The hops of clean lines that were read elsewhere: for each line the texts of these columns, in UTF-8.
    fn of(&self, log: LogParts, columns: Vec<usize>, lines: Vec<Vec<Option<Vec<u8>>>>) -> PyResult<HopParts> {
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
            self.fingerprinter.push(&mut hops, log, &row, &text);
        }
        self.fingerprinter.finish(&mut hops);
        Ok(parts_of(hops))
    }

    /// The signatures that are new since the last call: the number of the first; log, bits (1: a request, 2: with the
    /// proxy's own socket, 4: with bytes, 8: with one attempt), the columns of `signature`, the name that the sender asked
    /// for, where there is no cluster the peer's socket, and the proxy's own socket up to its port.
    fn new_signatures(&self) -> (i32, Vec<ColumnParts>) {
        new_rows(self.fingerprinter.signatures())
    }

    /// The same for senders: a socket up to its port, and namespace and workload where the line has them.
    fn new_senders(&self) -> (i32, Vec<ColumnParts>) {
        new_rows(self.fingerprinter.senders())
    }
}

impl Fingerprints {
    pub fn fingerprinter(&self) -> &Fingerprinter {
        &self.fingerprinter
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
    (Memory::new(hops.signatures), Memory::new(hops.senders), hashes.into_iter().map(Memory::new).collect())
}

fn new_rows(distinct: &Distinct) -> (i32, Vec<ColumnParts>) {
    let (first, columns) = distinct.new_rows();
    (first, columns.into_iter().map(column_parts).collect())
}
