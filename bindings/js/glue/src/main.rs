//! Makes the JavaScript that belongs to the WebAssembly module of the npm package: what `wasm-bindgen` does, in the
//! version that the lock file of the workspace names. Arguments: the module, and the folder to write to.

use std::env;
use std::path::PathBuf;

use anyhow::Context;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let module = arguments.next().context("the first argument is the module")?;
    let folder = arguments
        .next()
        .context("the second argument is the folder to write to")?;
    Bindgen::new()
        .input_path(&module)
        .web(true)?
        .out_name("buslane")
        .typescript(true)
        .omit_default_module_path(true)
        .reset_state_function(true)
        // scripts/build.sh sorts the functions by their names before it drops the names.
        .remove_name_section(false)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("the glue of {} cannot be made", module.display()))
}
