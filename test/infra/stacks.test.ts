// A synthesis bundles the code of every function and checks every stack. The files below share one, so they run here.
import "./stacks/all-stacks.ts";
import "./stacks/state-stack.ts";
import "./stacks/engine-stack.ts";
import "./stacks/site-stack.ts";
import "./stacks/api-stack.ts";
import "./stacks/operations-stack.ts";
import "./needs.ts";
import "./permissions.ts";
import "./checks.ts";
import "./constructs.ts";
import "./workflow-task.ts";
