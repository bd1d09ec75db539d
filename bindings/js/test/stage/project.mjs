// A blank project in which the package is installed as it is shipped.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The root of the repository. */
export const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Makes one, for as long as a test lasts. */
export async function blankProject(context) {
  const project = mkdtempSync(join(tmpdir(), "buslane-project-"));
  context.after(() => rmSync(project, { recursive: true, force: true }));
  const archive = readdirSync(join(root, "dist")).find((name) => /^buslane-.*\.tgz$/.test(name));
  writeFileSync(join(project, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(root, "dist", archive)], { cwd: project });
  return project;
}
