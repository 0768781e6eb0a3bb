import type { EmulatorName } from "./setup/emulators.ts";

interface Skip {
  /** What the emulator does, so that the test fails there, or passes and proves nothing. */
  readonly reason: string;
  /** Full names, as `vitest list` prints them. */
  readonly tests: readonly string[];
}

/** Tests that an emulator cannot pass for reasons of its own. All others run on it, and each of these runs on the other one. */
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
        // Refused here as well, but because there is no such route.
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
