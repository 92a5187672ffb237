/** Unit files of the contract suite; every adapter can run the services among them. */
export const UNITS = {
  sleeper: '[Unit]\nDescription=Sleeps\n\n[Service]\nExecStart=/bin/sleep 1000\n',
  /** Another text of the same unit with another outcome, to see which one was started. */
  sleeperChanged: '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  finishes: '[Service]\nType=oneshot\nExecStart=/bin/true\n',
  remains: '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  fails: '[Service]\nType=oneshot\nExecStart=/bin/false\n',
  failsLater: '[Service]\nExecStart=/bin/false\n',
  slowStart: '[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n',
  /** Counts as started only when its shell has had the time to set the trap. */
  stubborn: '[Service]\nExecStartPost=/bin/sleep 0.5\nExecStart=/bin/sh -c \'trap "" TERM; while :; do /bin/sleep 1; done\'\nTimeoutStopSec=1\n',
  withoutCommand: '[Service]\nType=simple\n',
  installed: '[Service]\nExecStart=/bin/sleep 1000\n\n[Install]\nWantedBy=multi-user.target\n',
  emptyInstall: '[Service]\nExecStart=/bin/sleep 1000\n\n[Install]\n',
  withRequirements: '[Service]\nExecStart=/bin/sleep 1000\n\n[X-Fleet]\nConflicts=other@*.service\nMachineMetadata=region=eu\n',
} as const;

/** One unit of each further type that can be run without devices; `active` and `sub` once started. */
export const UNITS_BY_TYPE = {
  socket: { text: (directory: string) => `[Socket]\nListenStream=${directory}/contract.sock\nService=contract-socket.service\n`, sub: 'listening' },
  timer: { text: () => '[Timer]\nOnActiveSec=1h\nUnit=contract-timer.service\n', sub: 'waiting' },
  path: { text: (directory: string) => `[Path]\nPathExists=${directory}/never\nUnit=contract-path.service\n`, sub: 'waiting' },
  // systemd wants the name of a mount to be its path: this is contract-mount.mount.
  mount: { text: () => '[Mount]\nWhat=tmpfs\nWhere=/contract/mount\nType=tmpfs\n', sub: 'mounted' },
  target: { text: () => '[Unit]\nDescription=Group\n', sub: 'active' },
  slice: { text: () => '[Slice]\nCPUWeight=50\n', sub: 'active' },
} as const;

export type ContractUnitType = keyof typeof UNITS_BY_TYPE;
