// What a project says of itself, so that its names are checked.
declare module "fanfold" {
  interface Names {
    queues: "default" | "bulk" | "oslo.bulk";
    events: { paid: { amount: number }; "picked-up": string };
    approvals: { "publish-report": boolean };
  }
}
export {};
