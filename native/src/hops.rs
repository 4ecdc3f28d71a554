//! The fingerprint of a line, which joining uses instead of its texts: its signature (what many lines have in common),
//! who sent it, and hashes of its sockets. `egressaudit/hops/lanes/fingerprint.py` defines it.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use crate::columns::Row;
use crate::distinct::{Distinct, Rows};

/// Rows that get their numbers together: the lock is taken once for so many.
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
    /// The texts that are part of a signature as they are.
    pub signature: Vec<usize>,
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

/// The signatures and senders of a whole run; threads share it.
pub struct Fingerprinter {
    columns: Columns,
    signatures: Distinct,
    senders: Distinct,
    /// A random key for each run, so nobody can prepare sockets or requests whose hashes collide.
    hasher: RandomState,
}

/// The hops of one block, or of some other lines.
#[derive(Default)]
pub struct Hops {
    pub signatures: Vec<i32>,
    pub senders: Vec<i32>,
    /// hash(upstream_local_address, upstream_host); ztunnel: hash(dst_addr)
    pub sent: Vec<u64>,
    /// hash(downstream_remote_address, downstream_local_address); ztunnel: hash(src_addr, the address that was dialed)
    pub came: Vec<u64>,
    /// hash(source IP, address within the tunnel); 0 where there is no tunnel
    pub tunnel: Vec<u64>,
    /// hash(method, path, authority); ztunnel: 0
    pub asked: Vec<u64>,
    waiting_signatures: Rows,
    waiting_senders: Rows,
}

/// Bits of a signature's second number: it is a request; the proxy had its own socket to its upstream; it counted bytes
/// (Envoy: to the client; ztunnel: either way); it made exactly one attempt.
const REQUEST: u32 = 1;
const OWN: u32 = 2;
const MOVED: u32 = 4;
const SINGLE: u32 = 8;

impl Fingerprinter {
    pub fn new(columns: Columns) -> Self {
        let signatures = Distinct::new(2, columns.signature.len() + 3);
        Fingerprinter { columns, signatures, senders: Distinct::new(0, 3), hasher: RandomState::default() }
    }

    /// New signatures: log, bits, `Columns::signature`, the name asked for, remote address, own socket up to its port.
    pub fn signatures(&self) -> &Distinct {
        &self.signatures
    }

    /// New senders: the socket without its port, namespace and workload.
    pub fn senders(&self) -> &Distinct {
        &self.senders
    }

    /// Take one more line.
    #[inline]
    pub fn push(&self, hops: &mut Hops, log: Log, row: &Row, text: &[u8]) {
        self.push_signature(&mut hops.waiting_signatures, log, row, text);
        if log.role == Role::Ztunnel {
            self.push_tunnel(hops, row, text);
        } else {
            self.push_request(hops, log, row, text);
        }
        if hops.waiting_signatures.len() == AT_ONCE {
            self.finish(hops);
        }
    }

    /// Give the waiting rows their numbers.
    pub fn finish(&self, hops: &mut Hops) {
        self.signatures.number(&mut hops.waiting_signatures, &mut hops.signatures);
        self.senders.number(&mut hops.waiting_senders, &mut hops.senders);
    }

    #[inline]
    fn push_signature(&self, rows: &mut Rows, log: Log, row: &Row, text: &[u8]) {
        let columns = &self.columns;
        let is_request = row.any(1 << columns.method | 1 << columns.path | 1 << columns.protocol);
        let is_own = row.any(1 << columns.upstream_local_address);
        let has_moved = row.number(columns.bytes_sent) > 0 || row.number(columns.bytes_recv) > 0;
        let is_single = row.number(columns.attempts) == 1;
        let bits = [(is_request, REQUEST), (is_own, OWN), (has_moved, MOVED), (is_single, SINGLE)];
        rows.begin(&[log.number, bits.iter().map(|&(is, bit)| if is { bit } else { 0 }).sum()]);
        for &column in &columns.signature {
            rows.text(row.text(column, text));
        }
        rows.text(row.text(if is_request { columns.authority } else { columns.requested_server_name }, text));
        // Needed only where no cluster shows whether the request came in or went out.
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
        push_sender(&mut hops.waiting_senders, socket, None, None);
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
        // Pod IPs are reused, so keep the pod that ztunnel names: the flow is attributed only if it still owns the IP.
        push_sender(&mut hops.waiting_senders, source, get(columns.src_namespace), get(columns.src_workload));
    }

    fn remote<'a>(&self, row: &Row, text: &'a [u8]) -> Option<&'a [u8]> {
        row.text(self.columns.downstream_remote_address, text)
    }

    /// Never 0: that means "no value".
    fn hash(&self, parts: &[Option<&[u8]>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for part in parts {
            match part {
                Some(part) => {
                    hasher.write(part);
                    // UTF-8 never contains 0xff or 0xfe, so one text cannot pass for two.
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
