import { GUIDES, renew } from "./blocks.ts";

/** `npm run figures` writes the figures of the guides anew, after a price, a quota or the protocol has changed. */
for (const guide of GUIDES) {
  renew(guide);
  console.log(guide);
}
