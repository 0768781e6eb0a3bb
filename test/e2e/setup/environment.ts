const ACCOUNT = "000000000000";
const REGION = "us-east-1";

/**
 * Returns the environment for every program that talks to an emulator, without anything from the caller's own account.
 * `endpoints` maps `AWS_ENDPOINT_URL`, or its variant for one service, to a URL.
 */
export function emulatorEnvironment(endpoints: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return {
    ...withoutAws(),
    ...endpoints,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    CDK_DEFAULT_ACCOUNT: ACCOUNT,
    CDK_DEFAULT_REGION: REGION,
    CDK_DISABLE_VERSION_CHECK: "1",
    CDK_DISABLE_CLI_TELEMETRY: "1",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
}

/**
 * Returns the environment without the caller's AWS profiles, credentials and endpoints, and without settings of another
 * emulator.
 */
export function withoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(AWS|CDK|DYNAMODB|FANFOLD|LAMBDA|LOCALSTACK|MINISTACK)_/.test(name),
    ),
  );
}
