import type { Case } from "../case.ts";
import { measureChords } from "./chords.ts";

/** Measures `n` jobs, each a chord of 20 members. */
export const run: Case = (context) => measureChords(context, 20);
