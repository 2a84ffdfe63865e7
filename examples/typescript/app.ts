// A CDK app in TypeScript for the services of a uv workspace: one function per service.

import { spawnSync } from "node:child_process";
import * as cdk from "aws-cdk-lib";
import { Platform } from "aws-cdk-lib/aws-ecr-assets";
import * as lambda from "aws-cdk-lib/aws-lambda";

/** An entry of what `services prune --all --json` prints. */
interface Context {
  service: string;
  handler: string | string[];
  output: string;
  digest: string;
  platform: string;
  build_args: Record<string, string>;
}

/** Write the build context of each service. What cannot be built ends the synth, with the reason on stderr. */
function contexts(...options: string[]): Context[] {
  const prune = ["services", "prune", "--all", "--json", "--output", "build/contexts", ...options];
  const done = spawnSync("uv", ["run", "--quiet", "--frozen", ...prune], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (done.error) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
  return JSON.parse(done.stdout);
}

function code(context: Context, handler: string): lambda.DockerImageCode {
  return lambda.DockerImageCode.fromImageAsset(context.output, {
    assetName: context.service,
    buildArgs: context.build_args,
    cmd: [handler],
    extraHash: context.digest, // knows which files are executable, as the CDK's own hash does not
    platform: Platform.custom(context.platform),
  });
}

const app = new cdk.App();
const stack = new cdk.Stack(app, "Acme");
for (const context of contexts("--architecture", "arm64")) {
  for (const handler of [context.handler].flat()) {
    new lambda.DockerImageFunction(stack, handler.replaceAll(".", "-"), {
      code: code(context, handler),
      architecture: lambda.Architecture.ARM_64,
      memorySize: 512,
      timeout: cdk.Duration.seconds(30),
    });
  }
}
