//! Memory that crosses to Python and back; the only unsafe code.

use std::ffi::c_int;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Numbers whose bytes may be shown as they are.
pub trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for u64 {}

/// Bytes that Python reads through its buffer protocol, without copying them.
#[pyclass(frozen)]
pub struct Memory {
    bytes: Box<dyn AsBytes>,
}

trait AsBytes: Send + Sync {
    fn as_bytes(&self) -> &[u8];
}

impl<T: Plain + Send + Sync> AsBytes for Vec<T> {
    #[allow(unsafe_code)]
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: numbers have no padding, any byte is a valid u8, and the bytes live as long as the vector.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), std::mem::size_of_val(&self[..])) }
    }
}

impl Memory {
    pub fn new<T: Plain + Send + Sync + 'static>(values: Vec<T>) -> Self {
        Memory { bytes: Box::new(values) }
    }
}

#[pymethods]
impl Memory {
    #[allow(unsafe_code)]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let bytes = slf.get().bytes.as_bytes();
        let length = bytes.len().try_into().map_err(|_| PyValueError::new_err("too large"))?;
        // SAFETY: Python gives a view to fill. The object is frozen and never changes its bytes, and the view holds a
        // reference to it (PyBuffer_FillInfo takes one).
        let result =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes.as_ptr().cast_mut().cast(), length, 1, flags) };
        if result == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// The bytes of a Python object, for use while the interpreter runs other threads.
///
/// Nothing may write to them meanwhile: a block of lines is complete before it is passed on.
#[allow(unsafe_code)]
pub fn shared(buffer: &PyBuffer<u8>) -> PyResult<&[u8]> {
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("the lines are not one piece of memory"));
    }
    // SAFETY: the buffer is held as long as the slice, which keeps its memory in place; see above for writers.
    Ok(unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), buffer.len_bytes()) })
}
