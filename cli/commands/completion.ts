import { Argument, type Command } from "commander";
import { plainCommand } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { openTerminal } from "../terminal.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(): Command {
  return plainCommand(
    "completion",
    "Print the script that lets a shell complete commands, options and their values",
    "fanfold completion bash > ~/.local/share/bash-completion/completions/fanfold\nfanfold completion fish > ~/.config/fish/completions/fanfold.fish",
  )
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action(async (shell: Shell, options: { readonly json: boolean }, self: Command) => {
      const words = wordsOf(self.parent ?? self);
      const terminal = openTerminal(options);
      const script = SCRIPTS[shell](words);
      if (terminal.json) await terminal.printJson({ shell, script });
      else await terminal.print(script);
      process.exitCode = EXIT.success;
    });
}

/** What can be written after a command: its options, and the values of those that have few. */
interface Words {
  readonly name: string;
  readonly summary: string;
  /** Choices of its first argument. */
  readonly choices: readonly string[];
  readonly options: readonly { readonly flag: string; readonly summary: string; readonly choices: readonly string[] }[];
}
function wordsOf(root: Command): Words[] {
  return root.commands.map((command) => ({
    name: command.name(),
    summary: command.description().split(/[.:;\n]/)[0] ?? "",
    choices: command.registeredArguments[0]?.argChoices ?? [],
    options: command.options.map(({ long, short, description, argChoices }) => ({
      flag: long ?? short ?? "",
      summary: description.split(/[:;(]/)[0]?.trim() ?? "",
      choices: argChoices ?? [],
    })),
  }));
}

const SCRIPTS: { readonly [shell in Shell]: (words: readonly Words[]) => string } = {
  bash: (words) => `# Completion of fanfold for bash.
_fanfold() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${words.map(({ name }) => name).join(" ")}"
  else
    case "\${COMP_WORDS[1]} $before" in
${valueCases(words)}
    esac
    [ -n "$words" ] || case "\${COMP_WORDS[1]}" in
${words.map(({ name, choices, options }) => `      ${name}) words="${[...choices, ...options.map(({ flag }) => flag)].join(" ")}" ;;`).join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _fanfold fanfold
`,
  zsh: (words) => `#compdef fanfold
# Completion of fanfold for zsh.
_fanfold() {
  local -a commands
  commands=(
${words.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${words.map(({ name, choices, options }) => `    ${name}) _arguments ${[...options.map(zshOption), choices.length > 0 ? quoted(`2:value:(${choices.join(" ")})`) : quoted("*:file:_files")].join(" ")} ;;`).join("\n")}
  esac
}
compdef _fanfold fanfold
`,
  fish: (words) => `# Completion of fanfold for fish.
complete -c fanfold -n __fish_use_subcommand -f
${words.flatMap(fishLines).join("\n")}
`,
};
function valueCases(words: readonly Words[]): string {
  return words
    .flatMap(({ name, options }) =>
      options
        .filter(({ choices }) => choices.length > 0)
        .map(({ flag, choices }) => `      "${name} ${flag}") words="${choices.join(" ")}" ;;`),
    )
    .join("\n");
}
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
function zshOption({ flag, summary, choices }: Words["options"][number]): string {
  const text = summary.replaceAll(/[[\]:]/g, " ");
  return quoted(`*${flag}[${text}]${choices.length > 0 ? `:value:(${choices.join(" ")})` : ""}`);
}
function fishLines({ name, summary, choices, options }: Words): string[] {
  const here = `-n '__fish_seen_subcommand_from ${name}'`;
  return [
    `complete -c fanfold -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...(choices.length > 0 ? [`complete -c fanfold ${here} -f -a ${quoted(choices.join(" "))}`] : []),
    ...options.map(
      ({ flag, summary: text, choices: values }) =>
        `complete -c fanfold ${here} -l ${flag.replace(/^--?/, "")} -d ${quoted(text)}${values.length > 0 ? ` -xa ${quoted(values.join(" "))}` : ""}`,
    ),
  ];
}
