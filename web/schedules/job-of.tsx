import { Code, Line } from "../parts/text.tsx";
import { to } from "../route.ts";

/** A job that a schedule has started, in a list. */
export function JobOf({ jobId, element }: { readonly jobId: string; readonly element?: string | undefined }) {
  return (
    <li>
      <a href={to(["jobs", jobId])}>
        <Code text={jobId} />
      </a>{" "}
      {element !== undefined && <Line text={`for ${element}`} />}
    </li>
  );
}
