import { type Batch, runBatch } from "./campaign.ts";

process.on("message", (batch: Batch) => {
  runBatch(batch).then(
    (tally) => process.send?.(tally),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
// The parent process has ended, so no reader is left for the remaining results.
process.on("disconnect", () => process.exit(0));
