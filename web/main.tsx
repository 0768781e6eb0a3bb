import { render } from "preact";
import { App } from "./app.tsx";
import { openSession } from "./session.ts";
import { applyTheme } from "./theme.ts";

applyTheme();
await openSession();
const place = document.getElementById("app");
if (place) render(<App />, place);
