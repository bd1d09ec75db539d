//! The native half of the C++ SDK: what its C++ half calls, over `cxx`. No header of it is public.
//!
//! `border.rs` declares what crosses, the other files convert. Every function that does more than read a field wraps its
//! work in `failing::attempt`: what went wrong, a panic too, stays on the calling thread, where the C++ half fetches it
//! with its code and details, since an exception of `cxx` carries a text only. The C++ half's own thread takes events and
//! calls the program; nothing here calls C++.

mod answering;
mod border;
mod calling;
mod delivering;
mod events;
mod failing;
mod joining;
mod offering;
#[cfg(feature = "test-hooks")]
mod panicking;
