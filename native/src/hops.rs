//! What the joining of hops needs of a line: its kind (what others say alike), who sent it, and hashes of its sockets.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use crate::columns::Row;
use crate::distinct::{Distinct, Rows};

/// Rows that are named at once: so often is a lock taken.
const AT_ONCE: usize = 256;

/// Whose lines they are, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ztunnel,
    Waypoint,
    Other,
}

/// A log: its number, and whose it is.
#[derive(Clone, Copy)]
pub struct Log {
    pub number: u32,
    pub role: Role,
}

/// The columns that are read here, by their numbers.
pub struct Columns {
    /// What decides a line's fate and is said by many.
    pub said: Vec<usize>,
    pub method: usize,
    pub path: usize,
    pub protocol: usize,
    pub authority: usize,
    pub requested_server_name: usize,
    pub upstream_cluster: usize,
    pub upstream_host: usize,
    pub upstream_local_address: usize,
    pub downstream_local_address: usize,
    pub downstream_remote_address: usize,
    pub src_addr: usize,
    pub src_namespace: usize,
    pub src_workload: usize,
    pub dst_addr: usize,
    pub dst_hbone_addr: usize,
    pub bytes_sent: usize,
    pub bytes_recv: usize,
    pub attempts: usize,
}

/// The kinds and senders of a whole run; threads share it.
pub struct Names {
    columns: Columns,
    kinds: Distinct,
    senders: Distinct,
    /// With a key of its own for each run: nobody can prepare sockets or requests whose hashes are alike.
    hasher: RandomState,
}

/// The hops of one block, or of some other lines.
#[derive(Default)]
pub struct Hops {
    pub kinds: Vec<i32>,
    pub senders: Vec<i32>,
    /// Of the proxy's socket to where it sent it, and of that address.
    pub sent: Vec<u64>,
    /// Of the socket it came from, and of that it came to.
    pub came: Vec<u64>,
    /// Of the IP it came from, and of the address within the tunnel; 0 where there is none.
    pub tunnel: Vec<u64>,
    /// Of method, path and authority.
    pub asked: Vec<u64>,
    unnamed: Rows,
    unknown: Rows,
}

/// Bits of a kind's second number: whether it was a request; whether the proxy had a socket of its own to its upstream;
/// whether it counted bytes (Envoy: to the client; ztunnel: either way); whether one attempt was all there was.
const REQUEST: u32 = 1;
const OWN: u32 = 2;
const MOVED: u32 = 4;
const SINGLE: u32 = 8;

impl Names {
    pub fn new(columns: Columns) -> Self {
        let kinds = Distinct::new(2, columns.said.len() + 3);
        Names { columns, kinds, senders: Distinct::new(0, 3), hasher: RandomState::default() }
    }

    /// New kinds: log, bits, what was said, name, remote address, the proxy's own socket up to its port.
    pub fn kinds(&self) -> &Distinct {
        &self.kinds
    }

    /// New senders: the socket without its port, namespace and workload.
    pub fn senders(&self) -> &Distinct {
        &self.senders
    }

    /// One line more.
    #[inline]
    pub fn push(&self, hops: &mut Hops, log: Log, row: &Row, text: &[u8]) {
        self.push_kind(&mut hops.unnamed, log, row, text);
        if log.role == Role::Ztunnel {
            self.push_tunnel(hops, row, text);
        } else {
            self.push_request(hops, log, row, text);
        }
        if hops.unnamed.len() == AT_ONCE {
            self.finish(hops);
        }
    }

    /// Name what waits.
    pub fn finish(&self, hops: &mut Hops) {
        self.kinds.name(&mut hops.unnamed, &mut hops.kinds);
        self.senders.name(&mut hops.unknown, &mut hops.senders);
    }

    #[inline]
    fn push_kind(&self, rows: &mut Rows, log: Log, row: &Row, text: &[u8]) {
        let columns = &self.columns;
        let is_request = row.any(1 << columns.method | 1 << columns.path | 1 << columns.protocol);
        let is_own = row.any(1 << columns.upstream_local_address);
        let has_moved = row.number(columns.bytes_sent) > 0 || row.number(columns.bytes_recv) > 0;
        let is_single = row.number(columns.attempts) == 1;
        let bits = [(is_request, REQUEST), (is_own, OWN), (has_moved, MOVED), (is_single, SINGLE)];
        rows.begin(&[log.number, bits.iter().map(|&(is, bit)| if is { bit } else { 0 }).sum()]);
        for &column in &columns.said {
            rows.text(row.text(column, text));
        }
        rows.text(row.text(if is_request { columns.authority } else { columns.requested_server_name }, text));
        // Read only where no cluster tells whether the request came in or went out.
        let remote = if row.any(1 << columns.upstream_cluster) { None } else { self.remote(row, text) };
        rows.text(remote);
        rows.text(row.text(columns.upstream_local_address, text).map(without_port));
        rows.end();
    }

    #[inline]
    fn push_request(&self, hops: &mut Hops, log: Log, row: &Row, text: &[u8]) {
        let columns = &self.columns;
        let get = |column| row.text(column, text);
        let (remote, local) = (self.remote(row, text), get(columns.downstream_local_address));
        // Port 0: Envoy took the address from X-Forwarded-For, which the sender writes.
        let socket = remote.filter(|remote| !remote.ends_with(b":0"));
        hops.sent.push(self.hash(&[get(columns.upstream_local_address), get(columns.upstream_host)]));
        hops.came.push(self.hash(&[remote, local]));
        let ip = if log.role == Role::Waypoint { socket.map(ip_of) } else { None };
        hops.tunnel.push(ip.map_or(0, |ip| self.hash(&[Some(ip), local])));
        hops.asked.push(self.hash(&[get(columns.method), get(columns.path), get(columns.authority)]));
        push_sender(&mut hops.unknown, socket, None, None);
    }

    #[inline]
    fn push_tunnel(&self, hops: &mut Hops, row: &Row, text: &[u8]) {
        let columns = &self.columns;
        let get = |column| row.text(column, text);
        let (source, address) = (get(columns.src_addr), get(columns.dst_addr));
        let dialed = get(columns.dst_hbone_addr).or(address);
        hops.sent.push(self.hash(&[address]));
        hops.came.push(self.hash(&[source, dialed]));
        hops.tunnel.push(source.map_or(0, |source| self.hash(&[Some(ip_of(source)), dialed])));
        hops.asked.push(0);
        // An address is another pod's after a while: ztunnel names the pod, and only its owner's flows are its own.
        push_sender(&mut hops.unknown, source, get(columns.src_namespace), get(columns.src_workload));
    }

    fn remote<'a>(&self, row: &Row, text: &'a [u8]) -> Option<&'a [u8]> {
        row.text(self.columns.downstream_remote_address, text)
    }

    /// Never 0, which stands for none.
    fn hash(&self, parts: &[Option<&[u8]>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for part in parts {
            match part {
                Some(part) => {
                    hasher.write(part);
                    // No text has such a byte, so that one cannot seem to be two.
                    hasher.write_u8(0xff);
                }
                None => hasher.write_u8(0xfe),
            }
        }
        hasher.finish().max(1)
    }
}

fn push_sender(rows: &mut Rows, socket: Option<&[u8]>, namespace: Option<&[u8]>, workload: Option<&[u8]>) {
    rows.begin(&[]);
    rows.text(socket.map(without_port));
    rows.text(namespace);
    rows.text(workload);
    rows.end();
}

/// A socket up to the colon before its port.
fn without_port(socket: &[u8]) -> &[u8] {
    let digits = socket.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    &socket[..socket.len() - digits]
}

/// A socket's address, without the brackets of IPv6.
fn ip_of(socket: &[u8]) -> &[u8] {
    let (socket, end) = match socket.strip_prefix(b"[") {
        Some(rest) => (rest, b']'),
        None => (socket, b':'),
    };
    let length = socket.iter().position(|&byte| byte == end).unwrap_or(socket.len());
    &socket[..length]
}
