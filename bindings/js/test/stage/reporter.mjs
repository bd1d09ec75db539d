// Reports tests shortly: each one that fails with its reason, the slowest ones, and how many there were.

export default async function* report(source) {
  let passed = 0;
  const failed = [];
  const times = [];
  for await (const { type, data } of source) {
    // A group of tests fails with one of its own.
    if (data?.details?.type === "suite") continue;
    if (type === "test:pass") {
      passed += 1;
      times.push([data.details.duration_ms, data.name]);
    } else if (type === "test:fail") {
      failed.push(data.name);
      const { error } = data.details;
      yield `\nfailed: ${data.name} (${data.file})\n${(error.cause?.stack ?? error.stack ?? String(error)).replace(/^/gm, "  ")}\n`;
    } else if (type === "test:stderr") {
      yield data.message;
    }
  }
  times.sort(([one], [other]) => other - one);
  yield `${times.slice(0, 3).map(([time, name]) => `  ${(time / 1000).toFixed(1)} s: ${name}\n`).join("")}`;
  yield `${passed} passed, ${failed.length} failed${failed.map((name) => `\n  ${name}`).join("")}\n`;
}
