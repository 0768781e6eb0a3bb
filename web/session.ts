/**
 * The token that the server asks for. It comes in the fragment of the link that the command prints, which no browser
 * sends to a server, and it leaves the address bar at once. A tab keeps it until it is closed.
 */
const KEY = "fanfold-token";
const CHANNEL = "fanfold-session";

/** Takes the token out of the address, or else asks the other tabs of this page for it. */
export async function openSession(): Promise<void> {
  const given = /^#token=([\w-]+)/.exec(location.hash)?.[1];
  if (given !== undefined) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", `${location.pathname}#/jobs`);
  } else if (token() === undefined) await askTabs();
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", ({ data }) => {
    const own = token();
    if (data === "ask" && own !== undefined) channel.postMessage({ token: own });
  });
}
export function token(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

const ANSWER_MS = 150;
function askTabs(): Promise<void> {
  const channel = new BroadcastChannel(CHANNEL);
  return new Promise((resolve) => {
    const end = (): void => {
      channel.close();
      resolve();
    };
    channel.addEventListener("message", ({ data }) => {
      const given = (data as { token?: unknown } | null)?.token;
      if (typeof given !== "string") return;
      sessionStorage.setItem(KEY, given);
      end();
    });
    channel.postMessage("ask");
    setTimeout(end, ANSWER_MS);
  });
}
