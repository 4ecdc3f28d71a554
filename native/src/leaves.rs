//! Hashes of lines, and of the tree over them (RFC 9162, 2.1): what a bundle proves a log with.
//!
//! In: whole lines, and the number of the first. Out: 32 bytes for each. `egressaudit/bundle/merkle.py` does the same.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sha2::{Digest, Sha256};

use crate::memory;

const HASH: usize = 32;
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// The hashes of lines, one after the other; the last one may have no newline.
#[pyfunction]
pub fn leaf_hashes<'py>(py: Python<'py>, lines: PyBuffer<u8>, first: u64) -> PyResult<Bound<'py, PyBytes>> {
    let lines = memory::shared(&lines)?;
    let hashes = crate::guarded(py, || hashed(lines, first))?;
    Ok(PyBytes::new(py, &hashes))
}

/// The root of the tree over some hashes, of which there is at least one.
#[pyfunction]
pub fn root_of<'py>(py: Python<'py>, leaves: PyBuffer<u8>) -> PyResult<Bound<'py, PyBytes>> {
    let leaves = memory::shared(&leaves)?;
    if leaves.is_empty() || !leaves.len().is_multiple_of(HASH) {
        return Err(PyValueError::new_err("these are no hashes"));
    }
    let root = crate::guarded(py, || joined(leaves))?;
    Ok(PyBytes::new(py, &root))
}

fn hashed(lines: &[u8], first: u64) -> Vec<u8> {
    let mut hashes = Vec::with_capacity(lines.len() / 8);
    for (line, number) in lines.split_inclusive(|&byte| byte == b'\n').zip(first..) {
        let hash = Sha256::new().chain_update(LEAF).chain_update(number.to_be_bytes()).chain_update(line).finalize();
        hashes.extend_from_slice(&hash);
    }
    hashes
}

/// Level by level: of each two neighbours their node, and what has none stays.
fn joined(leaves: &[u8]) -> Vec<u8> {
    let mut level = leaves.to_vec();
    while level.len() > HASH {
        let mut above = Vec::with_capacity(level.len() / 2 + HASH);
        for pair in level.chunks(2 * HASH) {
            if pair.len() == HASH {
                above.extend_from_slice(pair);
            } else {
                above.extend_from_slice(&Sha256::new().chain_update(NODE).chain_update(pair).finalize());
            }
        }
        level = above;
    }
    level
}
