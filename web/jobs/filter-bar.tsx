import { server, useLive } from "../server.ts";
import { JOB_STATES } from "../../functions/client/index.ts";
import { isFiltered, type JobFilter } from "./job-filter.ts";

interface FilterBarProps {
  readonly filter: JobFilter;
  readonly set: (changes: JobFilter) => void;
}
/** The filter of jobs. All of it is in the address of the page. */
export function FilterBar({ filter, set }: FilterBarProps) {
  const workflows = useLive("workflows", () => server().workflows());
  const names = [
    ...new Set([...(workflows.value ?? []).map(({ name }) => name), ...(filter.workflow ? [filter.workflow] : [])]),
  ];
  const text = (name: keyof JobFilter) => ({
    value: filter[name] ?? "",
    onInput: (event: Event) => set({ [name]: (event.currentTarget as HTMLInputElement).value }),
  });
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <input type="search" aria-label="id, workflow or error" placeholder="id, workflow or error" {...text("q")} />
      <button
        type="button"
        aria-pressed={filter.wrong !== undefined}
        onClick={() => set({ wrong: filter.wrong === undefined ? "1" : "" })}
      >
        ✕ only what is wrong
      </button>
      <select
        aria-label="state"
        value={filter.state ?? ""}
        onChange={(event) => set({ state: event.currentTarget.value })}
      >
        <option value="">any state</option>
        {JOB_STATES.map((state) => (
          <option key={state} value={state}>
            {state}
          </option>
        ))}
      </select>
      <select
        aria-label="workflow"
        value={filter.workflow ?? ""}
        onChange={(event) => set({ workflow: event.currentTarget.value })}
      >
        <option value="">any workflow</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <input type="text" aria-label="stamp" placeholder="stamp name:value" class="stamp" {...text("stamp")} />
      {filter.stamp !== undefined && !/^[^:]+:/.test(filter.stamp) && (
        <span class="bad-text" role="status">
          write a stamp as name:value
        </span>
      )}
      <label>
        from <input type="datetime-local" {...text("since")} />
      </label>
      <label>
        to <input type="datetime-local" {...text("until")} />
      </label>
      {isFiltered(filter) && (
        <a class="button" href="#/jobs">
          clear
        </a>
      )}
    </form>
  );
}
