import { Command } from '@oclif/core/command';
import { Config } from '@oclif/core/config';
import { boolean, string } from '@oclif/core/flags';
import type { Interfaces } from '@oclif/core';
import type { CommandDefinition, FlagDefinition } from '../cli/definition.ts';
import type { RawFlags } from '../cli/parse.ts';
import { globalFlags } from '../definitions/globals.ts';
import { commands } from '../definitions/index.ts';
import { VERSION } from '../version.ts';

const PACKAGE = '@fleet/fleetctl';

/** An oclif command made of a definition; running it parses flags and hands them back. Arguments are the quick parser's: oclif changes their order. */
function commandClass(definition: CommandDefinition): Command.Class {
  const flags: Interfaces.FlagInput = Object.fromEntries([...globalFlags, ...definition.flags].map((flag) => [flag.name, oclifFlag(flag)]));
  return class extends Command {
    static override id = definition.name;
    static override summary = definition.summary;
    static override description = definition.description;
    static override usage = definition.usage;
    static override examples = definition.examples.map(([command, description]) => ({ command, description }));
    static override strict = false;
    static override flags = flags;

    override async run(): Promise<RawFlags> {
      const parsed = await this.parse({ flags, strict: false });
      const raw = new Map<string, string | boolean>();
      for (const token of parsed.raw) {
        if (token.type === 'flag') raw.set(token.flag, parsed.flags[token.flag] as string | boolean);
      }
      return raw;
    }

    /** The caller says what went wrong and how to exit; oclif would print it, and set the exit code of the whole process. */
    override catch(error: Error): Promise<never> {
      return Promise.reject(error);
    }
  };
}

function oclifFlag(flag: FlagDefinition): Interfaces.Flag<unknown> {
  const aliases = [...(flag.letters ?? [])];
  if (flag.type === 'boolean') return boolean({ summary: flag.summary, aliases, charAliases: aliases as never, allowNo: true });
  return string({ summary: flag.summary, aliases, charAliases: aliases as never, helpValue: flag.type }) as unknown as Interfaces.Flag<unknown>;
}

class MemoryConfig extends Config {
  // Themes are read from the user's folder; there is none here.
  override loadTheme(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

/** oclif's view of all commands, made in memory: nothing is read from disk. */
export async function loadOclif(): Promise<Config> {
  // Without it oclif asks the system, which fails for a user it does not know, as in many containers.
  process.env['SHELL'] ??= '/bin/sh';
  const loadables: Command.Loadable[] = commands.map((definition) => {
    const class_ = commandClass(definition);
    return {
      id: definition.name,
      summary: definition.summary,
      description: definition.description,
      usage: definition.usage,
      examples: class_.examples,
      flags: class_.flags,
      args: {},
      aliases: [],
      hiddenAliases: [],
      hidden: false,
      strict: false,
      pluginName: PACKAGE,
      pluginType: 'core',
      load: () => Promise.resolve(class_),
    };
  });
  const pjson = { name: PACKAGE, version: VERSION.replace(/^v/, ''), oclif: { bin: 'fleetctl', topicSeparator: ' ' } } as unknown as Interfaces.PJSON;
  const plugin = {
    _base: '',
    alias: PACKAGE,
    name: PACKAGE,
    version: pjson.version,
    pjson,
    type: 'core',
    moduleType: 'module',
    root: '/',
    isRoot: true,
    valid: true,
    tag: '',
    options: { root: '/' },
    hooks: {},
    topics: [],
    commands: loadables,
    commandIDs: commands.map((definition) => definition.name),
    commandsDir: undefined,
    hasManifest: true,
    load: () => Promise.resolve(),
    findCommand: (id: string) => loadables.find((loadable) => loadable.id === id)?.load(),
  } as unknown as Interfaces.Plugin;
  const config = new MemoryConfig({ root: '/', pjson, version: VERSION, plugins: new Map([[PACKAGE, plugin]]) });
  await config.load();
  return config;
}
