//! Moves corpora between the repository and the folders in which libFuzzer works.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use buslane_fuzz::{TARGETS, Target, corpus, dictionary};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["targets"] => list(),
        ["dictionary", file] => write_dictionary(Path::new(file)),
        ["unpack", target, folder] => unpack(&find(target)?, Path::new(folder)),
        ["keep", target, folder] => keep(&find(target)?, Path::new(folder)),
        _ => bail!("targets | dictionary FILE | unpack TARGET FOLDER | keep TARGET FOLDER"),
    }
}

fn find(name: &str) -> Result<Target> {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    Target::find(name)
        .with_context(|| format!("no target is called {name:?}; there are {}", names.join(", ")))
}

/// Prints each target with the bytes of its longest input and the new inputs of a short run.
fn list() -> Result<()> {
    for target in TARGETS {
        println!("{} {} {}", target.name, target.longest, target.short);
    }
    Ok(())
}

fn write_dictionary(file: &Path) -> Result<()> {
    fs::write(file, dictionary::lines().join("\n") + "\n")?;
    Ok(())
}

/// Writes the seeds and the kept inputs into a folder, a file each.
fn unpack(target: &Target, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (kind, inputs) in [("seed", (target.seeds)()), ("kept", corpus::kept(target)?)] {
        for (index, input) in inputs
            .iter()
            .filter(|input| input.len() <= target.longest)
            .enumerate()
        {
            fs::write(folder.join(format!("{kind}-{index}")), input)?;
        }
    }
    Ok(())
}

/// Replaces the kept inputs by those of a folder.
fn keep(target: &Target, folder: &Path) -> Result<()> {
    let entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let inputs: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| fs::read(entry.path()))
        .collect::<Result<_, _>>()?;
    let found = inputs.len();
    let count = corpus::keep(target, inputs)?;
    println!("{}: kept {count} of {found}", target.name);
    Ok(())
}
