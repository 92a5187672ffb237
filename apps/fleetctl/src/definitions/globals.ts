import { booleanFlag, intFlag, stringFlag, type FlagDefinition } from '../cli/definition.ts';

export const DEFAULT_ENDPOINT = 'unix:///var/run/fleet.sock';
export const DEFAULT_KNOWN_HOSTS = '~/.fleetctl/known_hosts';

/** Flags of every command; each can also be set by FLEETCTL_<NAME>. In alphabetical order. */
export const globalFlags: readonly FlagDefinition[] = [
  stringFlag('ca-file', '', 'certificate authority that the server of an https endpoint is verified with', { file: true }),
  stringFlag('cert-file', '', 'client certificate for https endpoints', { file: true }),
  booleanFlag('debug', 'tell on standard error what is asked of the server'),
  stringFlag('driver', 'API', 'how to reach the cluster: API, or etcd for its store without any fleetd in between', { values: ['API', 'etcd'] }),
  stringFlag('endpoint', DEFAULT_ENDPOINT, 'where the API listens, or the store with --driver=etcd'),
  stringFlag('etcd-cafile', '', 'old name of --ca-file', { file: true }),
  stringFlag('etcd-certfile', '', 'old name of --cert-file', { file: true }),
  stringFlag('etcd-key-prefix', '/_coreos.com/fleet/', 'where in the store the cluster is kept; only with --driver=etcd'),
  stringFlag('etcd-keyfile', '', 'old name of --key-file', { file: true }),
  booleanFlag('experimental-api', 'without meaning except with --driver=etcd; kept for old scripts', { default: true }),
  booleanFlag('help', 'show this help', { letters: ['h'] }),
  stringFlag('key-file', '', 'key of the client certificate', { file: true }),
  stringFlag('known-hosts-file', DEFAULT_KNOWN_HOSTS, 'where accepted host keys are kept', { file: true }),
  { name: 'request-timeout', type: 'float', default: 3, summary: 'seconds that one request may take; applies to the API only if given (30 otherwise)' },
  { name: 'ssh-timeout', type: 'float', default: 10, summary: 'seconds that an SSH connection may take to come up' },
  stringFlag('ssh-username', 'core', 'user for all SSH connections'),
  booleanFlag('strict-host-key-checking', 'ask about unknown host keys and refuse changed ones', { default: true }),
  stringFlag('tunnel', '', 'go through this SSH bastion, host[:port]'),
  booleanFlag('version', 'print the version and exit'),
];

/** Flags that several commands share. */
export const listingFlags = {
  full: booleanFlag('full', 'show whole machine ids and hashes', { letters: ['l'] }),
  noLegend: booleanFlag('no-legend', 'leave out the line of column names'),
  json: booleanFlag('json', 'print JSON, one document with everything that is known'),
  watch: booleanFlag('watch', 'keep showing the table as it changes, until interrupted', { letters: ['w'] }),
};

export const waitingFlags = {
  noBlock: booleanFlag('no-block', 'return as soon as the cluster has been told'),
  blockAttempts: intFlag('block-attempts', 0, 'wait at most this many times two seconds, also for units that no machine can take now; 0: as long as there is hope'),
  wait: booleanFlag('wait', 'wait for ever, also for units that no machine can take now'),
};

export const sshPort = intFlag('ssh-port', 22, 'port of the SSH server on the machines');
