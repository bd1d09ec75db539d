//! The native half of the Java SDK: four functions that Java calls, and what they pass on to the Rust client.
//!
//! Java says what it wants in one block of bytes, and takes what has come in blocks of as many events as there are:
//! the border is crossed once for many. No native thread ever calls Java. What the protocol says is not decided here.
//!
//! # Invariants worth naming
//! - Java holds numbers, never pointers: what is closed or was never there is answered with `closed`, not with a crash.
//! - The connection of a client lives on the one Java thread that polls it, so that a message costs no hop between
//!   native threads; while that thread is elsewhere, the client's guard answers heartbeats.
//! - A panic becomes an exception of Java's, and ends nothing else.

mod answers;
mod bridge;
mod events;
mod operations;
mod reading;
mod requests;
mod services;
mod sources;
mod telling;

use std::cell::Cell;

use jni::EnvUnowned;
use jni::errors::ThrowRuntimeExAndDefault;
use jni::objects::{JByteArray, JClass};
use jni::sys::{jbyte, jint, jlong};

/// Returns the version of the layout in which the two halves talk to each other.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_buslane_NativeBridge_layout<'local>(
    _env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jint {
    LAYOUT
}

/// Starts a client as `options` say, and returns its number. How connecting ends is told as event of operation 0.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_buslane_NativeBridge_open<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: JByteArray<'local>,
    length: jint,
) -> jlong {
    env.with_env(|env| -> jni::errors::Result<jlong> {
        Ok(with_bytes_of(env, &options, length, bridge::open)? as jlong)
    })
    .resolve::<ThrowRuntimeExAndDefault>()
}

/// Begins what `operation` says. Returns null if that is all, else the answer, or the problem: the first byte tells.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_buslane_NativeBridge_submit<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    client: jlong,
    operation: JByteArray<'local>,
    length: jint,
) -> JByteArray<'local> {
    env.with_env(|env| -> jni::errors::Result<JByteArray<'local>> {
        let answer = with_bytes_of(env, &operation, length, |operation| {
            operations::submit(client as u64, operation)
        })?;
        match answer {
            None => Ok(JByteArray::default()),
            Some(answer) => env.byte_array_from_slice(&answer),
        }
    })
    .resolve::<ThrowRuntimeExAndDefault>()
}

/// Runs the client until there are events, and copies them to `into`. Returns their length; its negative if they do
/// not fit; 0 when the client has ended and all is told.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_buslane_NativeBridge_poll<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    client: jlong,
    into: JByteArray<'local>,
) -> jint {
    env.with_env(|env| -> jni::errors::Result<jint> {
        let room = into.len(env)?;
        match bridge::poll(client as u64, room) {
            bridge::Polled::Events(events) => {
                into.set_region(env, 0, as_signed(&events))?;
                let length = events.len();
                bridge::give_back(client as u64, events);
                Ok(length as jint)
            }
            bridge::Polled::NeedsRoom(length) => Ok(-(length.min(i32::MAX as usize) as jint)),
            bridge::Polled::Ended => Ok(0),
        }
    })
    .resolve::<ThrowRuntimeExAndDefault>()
}

/// Lets go of a client. Its number is not used again.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_buslane_NativeBridge_free<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    client: jlong,
) {
    env.with_env(|_env| -> jni::errors::Result<()> {
        bridge::free(client as u64);
        Ok(())
    })
    .resolve::<ThrowRuntimeExAndDefault>();
}

thread_local! {
    /// Where a thread's operations are copied to, one after another.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lets `read` have a copy of the first bytes of an array.
fn with_bytes_of<T>(
    env: &jni::Env<'_>,
    array: &JByteArray<'_>,
    length: jint,
    read: impl FnOnce(&[u8]) -> T,
) -> jni::errors::Result<T> {
    let length = usize::try_from(length).unwrap_or_default();
    let mut scratch = SCRATCH.take();
    if scratch.len() < length {
        scratch.resize(length, 0);
    }
    let bytes = &mut scratch[..length];
    // SAFETY: i8 and u8 have the same size and alignment, and every pattern of bits is a value of both; the slice is
    // borrowed mutably for as long as this one lives.
    let signed = unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast::<jbyte>(), bytes.len()) };
    array.get_region(env, 0, signed)?;
    let result = read(bytes);
    if scratch.len() <= LARGEST_SCRATCH {
        SCRATCH.set(scratch);
    }
    Ok(result)
}

fn as_signed(bytes: &[u8]) -> &[jbyte] {
    // SAFETY: as above, and borrowed for as long as the result lives.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<jbyte>(), bytes.len()) }
}

/// A thread keeps no more for its next operations.
const LARGEST_SCRATCH: usize = 64 << 10;
/// Goes up when operations or events change their layout; `NativeBridge.LAYOUT` is the same.
const LAYOUT: jint = 1;
