//! Writes and compiles the C++ side of the border that `src/border.rs` declares.

fn main() {
    cxx_build::bridge("src/border.rs")
        .std("c++17")
        .flag_if_supported("-fvisibility=hidden")
        .flag_if_supported("-fPIC")
        .compile("buslane_cpp_border");
    println!("cargo:rerun-if-changed=src/border.rs");
}
