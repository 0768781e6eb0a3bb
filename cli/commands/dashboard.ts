import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { requestSigner } from "../../functions/client/sign-requests.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { aborted, action, command, type CommonOptions, type Context, wholeNumber } from "../command.ts";
import { proxy } from "../dashboard/proxy.ts";
import { signInLink, withPage } from "../dashboard/serve-page.ts";
import { EXIT } from "../exit-codes.ts";
import { isRunning, readServerFile } from "../server-file.ts";
import type { Target } from "../target.ts";

interface DashboardOptions extends CommonOptions {
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
    .option("--port <port>", "with --url: port of the page; 0 takes a free one", wholeNumber(0, 65_535), DEFAULT_PORT)
    .action(
      action(async (context: Context, options: DashboardOptions) =>
        options.target === undefined ? printLink(context, options) : serveDeployed(context, options, options.target),
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

async function serveDeployed(context: Context, options: DashboardOptions, target: Target): Promise<number> {
  const { terminal, interrupted } = context;
  const { url, aws } = target;
  const sign = requestSigner(url, typeof aws === "object" ? aws : {});
  // What is missing is said now, and not at the first look.
  await sign(new Request(url));
  const { serveApp } = await import("../../functions/embedded/serve-app.ts");
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
