//! Compresses a file that browsers load, by gzip as tightly as it goes: that takes seconds, and each load is smaller by a
//! twentieth. Arguments: the file, and the file to write.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Context;
use zopfli::{Format, Options};

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let file = arguments.next().context("the first argument is the file")?;
    let target = arguments
        .next()
        .context("the second argument is the file to write")?;
    let content = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut compressed = Vec::new();
    zopfli::compress(
        Options::default(),
        Format::Gzip,
        content.as_slice(),
        &mut compressed,
    )?;
    fs::write(&target, compressed).with_context(|| format!("{} cannot be written", target.display()))
}
