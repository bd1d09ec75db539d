#!/usr/bin/env python3
"""Does with the built jar what a stranger does: makes the project that docs/java.md prints and runs it, puts it into one
jar with everything, moves the package there, and loads the jar by two class loaders. `check.py BROKER DOWNLOADS`, where
the one is the command of a broker and the other the folder in which Maven keeps what it downloads."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

JAVA = pathlib.Path(__file__).resolve().parents[1]
PAGE = (JAVA.parents[1] / "docs/java.md").read_text()
REPOSITORY = (JAVA / "target/repository").as_uri()
FOLDER = JAVA / "target/packaging"
# What the page cannot know.
PRINTED_REPOSITORY = "file:///path/to/buslane/bindings/java/target/repository"
CHECKED = "-Xcheck:jni"


def blocks(language):
    """The blocks of the page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def make_project():
    """Makes the project as the page prints it. Returns its folder, the commands, and what they print."""
    folder = FOLDER / "blank"
    shutil.rmtree(FOLDER, ignore_errors=True)
    sources = folder / "src/main/java"
    sources.mkdir(parents=True)
    project = next(block for block in blocks("xml") if "<project" in block)
    expect(PRINTED_REPOSITORY in project, "the page does not name the repository")
    (folder / "pom.xml").write_text(project.replace(PRINTED_REPOSITORY, REPOSITORY))
    program = next(block for block in blocks("java") if "class First" in block)
    (sources / "First.java").write_text(program)
    lines = next(block for block in blocks("console") if "First" in block).splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    return folder, commands, [line for line in lines if not line.startswith("$ ")]


def run(command, environment, lines=0, folder=None):
    """Runs a program. Where it waits for a line once it has printed so many, it is given one. Returns its exit code and
    all that it says."""
    process = subprocess.Popen(command, cwd=folder, env=environment, text=True, shell=isinstance(command, str),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = ""
    for _ in range(lines):
        said += process.stdout.readline()
    said += process.communicate("\n" if lines else None)[0]
    return process.returncode, said


def check_page(environment):
    folder, commands, printed = make_project()
    said = ""
    for command in commands:
        code, said = run(command, environment, len(printed) if command == commands[-1] else 0, folder)
        expect(code == 0, f"{command} fails:\n{said}")
    expect(sorted(said.splitlines()) == sorted(printed), f"the page's program says\n{said}")
    return folder / "src/main/java", printed


def check_fat_jars(sources, printed, environment, downloads):
    output = FOLDER / "fat"
    code, said = run(
        ["mvn", "--batch-mode", "--quiet", f"-Dmaven.repo.local={downloads}", f"-Drepository={REPOSITORY}",
         f"-Dsources={sources}", f"-Doutput={output}", "package"], environment, 0, JAVA / "packaging/fat")
    expect(code == 0, f"the fat jars cannot be built:\n{said}")
    code, said = run(["java", CHECKED, "-jar", str(output / "fat-1-whole.jar")], environment, len(printed))
    expect(code == 0 and sorted(said.splitlines()) == sorted(printed), f"the fat jar says\n{said}")
    code, said = run(["java", CHECKED, "-jar", str(output / "fat-1-moved.jar")], environment)
    told = "the package io.buslane was moved to com.example.bus"
    expect(code != 0 and told in said and "exclude it from relocation" in said, f"the moved package says\n{said}")


def check_loaders(environment):
    jar = next(pathlib.Path(JAVA / "target/repository").glob("io/buslane/buslane/*/buslane-*[0-9].jar"))
    command = ["java", CHECKED, str(JAVA / "packaging/Loaders.java"), str(jar), environment["BUSLANE_URL"]]
    code, said = run(command, environment)
    expect(code == 0 and said == "two class loaders, two clients\n", f"two class loaders say\n{said}")


def expect(holds, otherwise):
    if not holds:
        raise SystemExit(otherwise)


def main():
    command, downloads = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    broker = subprocess.Popen([command, "serve", "--listen", "127.0.0.1:0", "--data", str(JAVA / "target/data")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        found = next(filter(None, (re.search(r"listening on (\S+)", line) for line in broker.stdout)))
        threading.Thread(target=broker.stdout.read, daemon=True).start()
        environment = dict(os.environ, BUSLANE_URL=f"buslane://{found[1]}",
                           MAVEN_OPTS=f"-Dmaven.repo.local={downloads}")
        sources, printed = check_page(environment)
        check_fat_jars(sources, printed, environment, downloads)
        check_loaders(environment)
        print("the jar works as the page shows, in a fat jar and in two class loaders")
    finally:
        broker.kill()


if __name__ == "__main__":
    main()
