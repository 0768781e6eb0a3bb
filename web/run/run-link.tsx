import { Code } from "../parts/text.tsx";
import { to } from "../route.ts";

export function RunLink({ runId }: { readonly runId: string }) {
  return (
    <a href={to(["runs", runId])}>
      <Code text={runId} />
    </a>
  );
}
export function GroupLink({ groupId }: { readonly groupId: string }) {
  return (
    <a href={to(["groups", groupId])}>
      <Code text={groupId} />
    </a>
  );
}
