import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { requestSigner } from "../../functions/client/sign-requests.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { serveApp } from "../../functions/embedded/serve-app.ts";
import { aborted, action, command, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { proxy } from "../dashboard/proxy.ts";
import { signInLink, withPage } from "../dashboard/serve-page.ts";
import { EXIT } from "../exit-codes.ts";
import { isRunning, readServerFile } from "../server-file.ts";

interface DashboardOptions extends CommonOptions {
  readonly url?: string;
  readonly region?: string;
  readonly port: number;
}
const DEFAULT_PORT = 7430;
/** Seconds that open streams may take when the command is stopped. */
const GRACE_SECONDS = 1;

export function dashboardCommand(): Command {
  return command(
    "dashboard",
    "Print the link to the dashboard of the dev server, or serve one for an API on AWS",
    "fanfold dashboard\nfanfold dashboard --url https://a1b2c3.execute-api.eu-west-2.amazonaws.com/v1",
  )
    .option("--url <api>", "address of a deployed API; its calls are signed with your AWS credentials")
    .option("--region <region>", "region of that API (default: that of its address, or AWS_REGION)")
    .option("--port <port>", "with --url: port of the page; 0 takes a free one", wholeNumber(0, 65_535), DEFAULT_PORT)
    .action(
      action(async (context: Context, options: DashboardOptions) =>
        options.url === undefined ? printLink(context, options) : serveDeployed(context, options, options.url),
      ),
    );
}

async function printLink({ terminal }: Context, { data }: DashboardOptions): Promise<number> {
  const server = readServerFile(data);
  if (server === undefined || !isRunning(server.pid))
    throw new FanfoldError(
      "engine_unavailable",
      `no dev server is running for the data folder ${data}; start one with \`npm run dev\`, or name an API with --url`,
    );
  const link = signInLink(server.url, server.token);
  if (terminal.json) await terminal.printJson({ link });
  else await terminal.print(`${link}\n`);
  return EXIT.success;
}

async function serveDeployed(context: Context, options: DashboardOptions, url: string): Promise<number> {
  const { terminal, interrupted } = context;
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    throw new FanfoldError("invalid_request", `--url ${url}: write the address of the API, https://..`, {
      details: { field: "--url" },
    });
  const sign = requestSigner(url, { ...(options.region !== undefined && { region: options.region }) });
  const token = randomBytes(24).toString("base64url");
  let { port } = options;
  const security = loopbackSecurity({ port: () => port, token });
  const served = await serveApp(withPage(proxy({ url, sign, security }), security), { port });
  port = served.port;
  const link = signInLink(served.url, token);
  if (terminal.json) await terminal.printJson({ link, port });
  else await terminal.print(`Dashboard of ${url}\n\n  ${link}\n\nThe link signs in. Ctrl-C stops.\n`);
  await aborted(interrupted);
  await served.close(GRACE_SECONDS);
  return EXIT.success;
}
