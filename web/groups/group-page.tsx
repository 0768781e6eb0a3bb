import { useEffect, useState } from "preact/hooks";
import type { GroupView, Run } from "../../functions/client/index.ts";
import { formatCount, formatDuration, formatExact } from "../format.ts";
import { RetryJob } from "../job/job-actions.tsx";
import { RunList } from "../job/runs-tab.tsx";
import { Fact, Facts } from "../parts/facts.tsx";
import { Copy } from "../parts/buttons.tsx";
import { Empty, Loading, Problem } from "../parts/notes.tsx";
import { usePages } from "../parts/pages.ts";
import { StateBar, StateCounts } from "../parts/state-bar.tsx";
import { Badge, Code, Line } from "../parts/text.tsx";
import { to } from "../route.ts";
import { RunLink } from "../run/run-link.tsx";
import { codeOf, server, useLive } from "../server.ts";
import { endedOf } from "../states.ts";

const LIVE_MS = 1_000;
const ENDED_MS = 5_000;

/** A group of a job: how far its members are, what follows, and its members. */
export function GroupPage({ groupId }: { readonly groupId: string }) {
  const live = useLive(
    `group ${groupId}`,
    () => server().group(groupId),
    ({ state }) => (state === "open" ? LIVE_MS : ENDED_MS),
  );
  const jobId = groupId.split(".", 1)[0] ?? groupId;
  const group = live.value;
  const gone = codeOf(live.error) === "group_not_found" || codeOf(live.error) === "group_expired";
  return (
    <>
      <p class="path">
        <a href={to(["jobs"])}>Jobs</a> › <a href={to(["jobs", jobId])}>{jobId}</a> ›
      </p>
      {gone ? (
        <Empty title={live.error?.message ?? "There is no such group."}>
          <a href={to(["jobs", jobId])}>to its job</a>
        </Empty>
      ) : (
        <Problem error={live.error} />
      )}
      {!group && !live.error && <Loading what="the group" />}
      {group && !gone && <Group group={group} reload={live.reload} />}
    </>
  );
}

function Group({ group, reload }: { readonly group: GroupView; readonly reload: () => void }) {
  const { groupId, jobId, state, counts, total, failed, firstError } = group;
  const [retries, setRetries] = useState(false);
  return (
    <>
      <div class="title">
        <Badge state={state} />
        <h1>Group</h1>
        <span class="id">
          <Code text={groupId} />
          <Copy text={groupId} what="the id" />
        </span>
        <span class="grow" />
        {state !== "open" && failed > 0 && (
          <button type="button" class="primary" onClick={() => setRetries(true)}>
            Retry what failed in it …
          </button>
        )}
        <a class="button" href={to(["jobs", jobId, "graph"], graphOf(group))}>
          as a graph
        </a>
      </div>
      <div class="progress">
        <StateBar counts={counts} total={Math.max(total ?? 0, endedOf(group))} />
        <StateCounts counts={counts} />
      </div>
      <GroupFacts group={group} />
      {firstError && (
        <p class="problem">
          First failure: <Line text={`${firstError.name}: ${firstError.message}`} length={2_000} />{" "}
          <a href={to(["runs", firstError.runId])}>the run</a>
        </p>
      )}
      <Members group={group} />
      {retries && (
        <RetryJob
          job={{ jobId }}
          selection={{ runIds: [groupId] }}
          title="Retry what failed in this group"
          onClose={() => {
            setRetries(false);
            reload();
          }}
        />
      )}
    </>
  );
}
function graphOf({ groupId, jobId, ownerRunId }: GroupView): { readonly open?: string; readonly run?: string } {
  if (groupId === jobId) return {};
  return { open: groupId, ...(ownerRunId !== undefined && ownerRunId !== `${jobId}.0` && { run: ownerRunId }) };
}

function GroupFacts({ group }: { readonly group: GroupView }) {
  const { total, remaining, failed, countsExact, round, createdAt, policy, tracking, ttlSeconds, expiresAt } = group;
  const rows: [string, string | undefined][] = [
    ["members", total === undefined ? "not known yet: more come in" : formatCount(total)],
    ["left", remaining === undefined ? undefined : formatCount(remaining)],
    ["failed", formatCount(failed)],
    ["counts", countsExact ? undefined : "not exact: more may have ended"],
    ["policy", policyText(policy)],
    ["tracks", tracking],
    ["round", round > 0 ? formatCount(round) : undefined],
    ["began", formatExact(createdAt)],
    ["kept after its end", ttlSeconds === undefined ? undefined : formatDuration(ttlSeconds * 1_000)],
    ["can be read until", expiresAt === undefined ? undefined : formatExact(expiresAt)],
    ...Object.entries(group.items ?? {})
      .filter(([, count]) => count > 0)
      .map(([state, count]): [string, string] => [`items ${state}`, formatCount(count)]),
  ];
  return (
    <Facts rows={rows}>
      {group.ownerRunId !== undefined && (
        <Fact name="opened by">
          <RunLink runId={group.ownerRunId} />
        </Fact>
      )}
      {group.callbackRunId !== undefined && (
        <Fact name="then runs">
          <RunLink runId={group.callbackRunId} />
        </Fact>
      )}
    </Facts>
  );
}
const policyText = (policy: GroupView["policy"]): string =>
  typeof policy === "string" ? policy : JSON.stringify(policy);

function Members({ group: { groupId, jobId, state, round, counts } }: { readonly group: GroupView }) {
  const key = `${groupId} ${state} ${round}`;
  const load = (cursor?: string) =>
    server().runs(jobId, { group: groupId, limit: 100, ...(cursor !== undefined && { cursor }) });
  const runs = usePages<Run>(key, load, ({ runId }) => runId);
  const newer = useLive(`members ${key} ${endedOf({ counts })}`, () => load());
  useEffect(() => {
    if (newer.value && !runs.empty) runs.update(newer.value.items, runs.more === undefined && !runs.reading);
  }, [newer.value, runs.empty]);
  return (
    <section class="members">
      <h2>Members</h2>
      <Problem error={runs.error} />
      <RunList runs={runs} label="Members" />
    </section>
  );
}
