// Loads a bundle and calls its handler once, as Lambda does at a cold start. It is JavaScript, because it runs under
// other versions of Node without a loader.
const [, , bundle, event] = process.argv;
const boot = performance.now();
const { handler } = await import(bundle);
const loaded = performance.now();
const context = { awsRequestId: "bench", functionName: "bench", getRemainingTimeInMillis: () => 60_000 };
// The result of the call does not matter, because no service is behind it.
await Promise.resolve(handler(JSON.parse(event), context)).catch(() => undefined);
const called = performance.now();
console.log(JSON.stringify({ node: process.version, boot, load: loaded - boot, call: called - loaded }));
process.exit(0);
