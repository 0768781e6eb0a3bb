import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { AwsOptions } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { isPlainObject } from "../functions/core/json-check.ts";
import { nearestName } from "../functions/core/names/nearest-name.ts";

/** The options that name a server, or a deployment on AWS. */
export interface TargetOptions {
  readonly url?: string;
  readonly profile?: string;
  readonly region?: string;
}
/** A server that was named, in place of the dev server of the data folder. */
export interface Target {
  readonly url: string;
  readonly token?: string;
  /** Absent where the address decides. */
  readonly aws?: boolean | AwsOptions;
  /** How a further command names it, for hints that can be copied. */
  readonly words: string;
}
/** One profile, as a file has it. */
interface Profile {
  readonly url: string;
  readonly token?: string;
  readonly region?: string;
  readonly awsProfile?: string;
  /** `true` takes the default credentials of AWS. */
  readonly aws?: boolean;
}
const FIELDS: { readonly [name in keyof Required<Profile>]: "string" | "boolean" } = {
  url: "string",
  token: "string",
  region: "string",
  awsProfile: "string",
  aws: "boolean",
};

/**
 * Returns the server that the options or the environment name: `--url` before `--profile` before `FANFOLD_PROFILE` before
 * `FANFOLD_URL`. Undefined for the dev server of the data folder, which a `--data` of the call always means.
 * @throws FanfoldError `invalid_request`, `invalid_configuration`
 */
export function targetOf(given: TargetOptions, hasData: boolean): Target | undefined {
  const named = given.url !== undefined || given.profile !== undefined;
  if (named && hasData)
    throw wrong("--data", "--data is for the engine of a folder; leave it out with --url or --profile");
  if (hasData || (!named && !environment("FANFOLD_URL") && !environment("FANFOLD_PROFILE"))) {
    if (given.region !== undefined)
      throw wrong("--region", "--region is for an API on AWS: name it with --url or --profile");
    return undefined;
  }
  const name = given.profile ?? (given.url === undefined ? environment("FANFOLD_PROFILE") : undefined);
  const profiles = name === undefined ? undefined : readProfiles();
  const profile = name === undefined ? undefined : profiles?.get(name);
  if (name !== undefined && profile === undefined && given.url === undefined) throw unknown(name, profiles);
  const url = given.url ?? profile?.url ?? environment("FANFOLD_URL") ?? "";
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    throw wrong("--url", `${url}: write the address of the API, http://.. or https://..`);
  const token = profile?.token ?? environment("FANFOLD_TOKEN");
  // With an address beside it, a name that no file has is one of the AWS configuration.
  const awsProfile = profile === undefined ? name : profile.awsProfile;
  const region = given.region ?? profile?.region;
  const aws: AwsOptions = {
    ...(awsProfile !== undefined && { profile: awsProfile }),
    ...(region !== undefined && { region }),
  };
  return {
    url,
    ...(token !== undefined && { token }),
    ...(Object.keys(aws).length > 0 ? { aws } : profile?.aws !== undefined && { aws: profile.aws }),
    words: wordsOf(given),
  };
}
const environment = (name: string): string | undefined => process.env[name] || undefined;

function wordsOf({ url, profile, region }: TargetOptions): string {
  const words = Object.entries({ url, profile, region }).flatMap(([name, value]) =>
    value === undefined ? [] : [` --${name} ${value}`],
  );
  return words.join("");
}

/** Where profiles are kept: beside fanfold.config.ts, here or above, and in the folder of the user. The first wins. */
function profileFiles(): string[] {
  const found: string[] = [];
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    found.push(join(folder, "fanfold.profiles.json"));
    if (dirname(folder) === folder) break;
  }
  const user = environment("XDG_CONFIG_HOME") ?? join(homedir(), ".config");
  return [...found, resolve(user, "fanfold/profiles.json")].filter((file) => existsSync(file));
}
function readProfiles(): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Profile>();
  for (const file of profileFiles()) {
    const read = jsonOf(file);
    if (!isPlainObject(read)) throw invalid(`${file}: write an object of profiles by name`);
    for (const [name, profile] of Object.entries(read))
      if (!profiles.has(name)) profiles.set(name, checkedProfile(profile, `${file}: /${name}`));
  }
  return profiles;
}
/** Checked by hand: a library would take longer to load than the rest of the command. */
function checkedProfile(profile: unknown, place: string): Profile {
  if (!isPlainObject(profile)) throw invalid(`${place} must be an object`);
  for (const [field, value] of Object.entries(profile)) {
    const type = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof Profile] : undefined;
    if (type === undefined)
      throw invalid(`${place} has no field ${field}; its fields: ${Object.keys(FIELDS).join(", ")}`);
    if (typeof value !== type) throw invalid(`${place}/${field} must be a ${type}`);
  }
  if (profile["url"] === undefined) throw invalid(`${place} has no url`);
  return profile as unknown as Profile;
}
function jsonOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw invalid(`${file} is not JSON`, cause);
  }
}

function unknown(name: string, profiles: ReadonlyMap<string, Profile> = new Map()): FanfoldError {
  const suggestion = nearestName(name, profiles.keys());
  const known = [...profiles.keys()].join(", ") || "none; fanfold.profiles.json names them";
  return new FanfoldError(
    "invalid_configuration",
    `there is no profile ${name}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`} (profiles: ${known})`,
    { details: { field: "--profile" } },
  );
}
function wrong(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
function invalid(message: string, cause?: unknown): FanfoldError {
  return new FanfoldError("invalid_configuration", message, { cause });
}
