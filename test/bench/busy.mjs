// Uses 0.3 s of CPU time and 200 MB on request, for the test of the meter.
process.once("message", () => {
  const held = new Uint8Array(200 * 1_048_576).fill(1);
  while (process.cpuUsage().user + process.cpuUsage().system < 600_000) held[0]++;
  setTimeout(() => process.send(held.length), 500);
});
process.send("ready");
