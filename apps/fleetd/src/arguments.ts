export type Arguments =
  | { readonly kind: 'run'; readonly configFile: string | undefined }
  | { readonly kind: 'check-config'; readonly configFile: string | undefined }
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  /** Printed with the usage on standard error. */
  | { readonly kind: 'wrong'; readonly message: string; readonly exitCode: 1 | 2 };

export const USAGE = `Usage: fleetd [--config FILE] [--check-config]
  --config FILE   read this configuration file; /etc/fleet/fleet.conf unless told, if it exists
  --check-config  check the configuration and the environment, then exit
  --version       print the version and exit
  --help          print this and exit
All other options come from the file and from FLEET_* in the environment.
`;

/** Reads the command line; a single dash will do, as in the original. */
export function readArguments(args: readonly string[]): Arguments {
  let configFile: string | undefined;
  let check = false;
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const match = /^--?([a-z-]+)(?:=(.*))?$/s.exec(argument);
    if (match === null) {
      if (argument === 'version' && args.length === 1) return { kind: 'version' };
      return { kind: 'wrong', message: `fleetd takes no command such as ${JSON.stringify(argument)}; did you mean fleetctl?`, exitCode: 1 };
    }
    const [, name, value] = match;
    switch (name) {
      case 'config':
        configFile = value ?? args[(index += 1)];
        if (configFile === undefined || configFile === '') return { kind: 'wrong', message: 'flag needs a value: --config', exitCode: 2 };
        break;
      case 'version':
        return { kind: 'version' };
      case 'help':
      case 'h':
        return { kind: 'help' };
      case 'check-config':
        check = true;
        break;
      default:
        return { kind: 'wrong', message: `unknown flag: ${argument}`, exitCode: 2 };
    }
  }
  return { kind: check ? 'check-config' : 'run', configFile };
}
