import type { EmulatorName } from "./setup/emulators.ts";

interface Skip {
  /** The emulator's behaviour that makes the test fail there, or pass without proving anything. */
  readonly reason: string;
  /** Full names of the tests, as `vitest list` prints them. */
  readonly tests: readonly string[];
}

/**
 * Tests that an emulator cannot pass because of its own defects. It runs all other tests, and the other emulator runs
 * each of these.
 */
export const SKIPPED: Readonly<Record<EmulatorName, readonly Skip[]>> = {
  MiniStack: [],
  LocalStack: [
    {
      reason: "its free edition enforces no IAM on API Gateway: what is not signed goes through",
      tests: [
        "access > GET /jobs is refused without a signature",
        "access > POST /jobs is refused without a signature",
        "access > GET /workflows is refused without a signature",
        "access > POST /workflows/example.sum-of-sums/jobs is refused without a signature",
        "access > GET /openapi.json is refused without a signature",
        // The emulator refuses this request too, but because it has no such route.
        "access > GET / is refused without a signature",
      ],
    },
    {
      reason:
        "StopExecution does not interrupt a step that waits for a task token: no event comes until the step has ended by itself",
      tests: ["a supervised job > is cancelled when its execution is stopped"],
    },
    {
      reason:
        "it goes on delivering events of a rule that is disabled: the run is told by its event, and not found by the sweeper",
      tests: ["a state machine as a task > that has ended without an event is found by the sweeper"],
    },
  ],
};
