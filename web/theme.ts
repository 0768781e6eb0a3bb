import { useState } from "preact/hooks";

/** Light or dark as the system says, unless the user chose one. The choice stays in this browser. */
const KEY = "fanfold-theme";
const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "system";
}
export function applyTheme(theme = chosen()): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
export function useTheme(): [theme: Theme, next: () => void] {
  const [theme, setTheme] = useState(chosen);
  const next = (): void => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] as Theme;
    localStorage.setItem(KEY, following);
    applyTheme(following);
    setTheme(following);
  };
  return [theme, next];
}
