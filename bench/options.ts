/** What a bench may be told on its command line: whole numbers, each with a default, and words. */
import { Command, InvalidArgumentError } from 'commander';

type Default = number | string;
type Options<Defaults extends Record<string, Default>> = { readonly [Name in keyof Defaults]: Defaults[Name] extends number ? number : string };

/**
 * @param npmScript such as `bench:ban`
 * @param defaults by name in camelCase: `callsPerS` is `--calls-per-s`; each with what it says in `--help`
 * Ends the process with 2 when it was misused, as the command line of a node does.
 */
export function benchOptions<Defaults extends Record<string, Default>>(npmScript: string, about: string, defaults: Defaults, meanings: Record<keyof Defaults, string>): Options<Defaults> {
  const command = new Command(`npm run ${npmScript} --`).description(about).exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  for (const [name, value] of Object.entries(defaults)) {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof value === 'number') command.option(`--${flag} <number>`, meanings[name]!, wholeNumber, value);
    else command.option(`--${flag} <text>`, meanings[name], value);
  }
  return command.parse().opts();
}

function wholeNumber(given: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(given);
}
