//! What a call may allocate: an amount in proportion to its input. Owns the measuring, and no figure.

use allocation_counter::measure;

/// Calls something, and panics if it held or asked for more than `factor` bytes for each byte of input, beside
/// [`ALLOWANCE`].
pub(crate) fn bounded<R>(input: usize, factor: usize, call: impl FnOnce() -> R) -> R {
    let mut result = None;
    let info = measure(|| result = Some(call()));
    let most = ALLOWANCE + factor * input;
    assert!(
        info.bytes_total <= most as u64,
        "{} bytes allocated for an input of {input}, {most} allowed",
        info.bytes_total
    );
    result.expect("the call has returned")
}

/// Bytes that any call may allocate, whatever its input: the text of an error, above all.
const ALLOWANCE: usize = 8 << 10;
