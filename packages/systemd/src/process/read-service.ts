import { unitRefused } from '../errors.ts';
import { unitTypeOf } from '../unit-types.ts';
import { readInstall, readUnitText, type UnitText } from '../unit-text.ts';
import { DIRECTIVES } from './directives.ts';
import { ownUser } from './own-user.ts';
import type { ServiceSpec, ServiceType } from './service-spec.ts';
import { SettingReader, type Refusal } from './setting-reader.ts';
import type { SpecifierContext } from './specifiers.ts';

/** systemd's defaults of 252. */
const DEFAULT_TIMEOUT_MS = 90_000;
const DEFAULT_RESTART_MS = 100;
const DEFAULT_START_LIMIT = { intervalMs: 10_000, burst: 5 };

/** Dependencies that are taken only on targets, which stand for a state of the machine that it is in. */
const TARGETS_ONLY = ['Requires', 'BindsTo', 'Requisite', 'PartOf', 'Conflicts'];

/**
 * Reads a service file for the process adapter.
 *
 * @throws FleetError UNIT_REFUSED naming every option, with its line, that cannot be honoured.
 */
export function readService(name: string, text: string, context: SpecifierContext): ServiceSpec {
  if (unitTypeOf(name) !== 'service') {
    throw unitRefused(`load unit ${name}: without systemd only services can be run`, { remedy: 'run the unit on a machine with systemd' });
  }
  const unit = readUnitText(text);
  const reader = new SettingReader(unit, context);
  refuseUnknown(unit, reader.refusals);
  if (readInstall(unit) === 'empty') {
    reader.refusals.push({ option: '[Install]', line: 1, problem: 'the section says nothing about how to enable the unit', remedy: 'add WantedBy=, or remove the section' });
  }
  for (const option of TARGETS_ONLY) {
    for (const { word, setting } of reader.words(option, 'Unit')) {
      if (!word.endsWith('.target')) reader.refuse(setting, `dependencies on other units (${word}) are not followed here`, 'use Wants=, or run the unit on a machine with systemd');
    }
  }
  const spec = readSpec(name, reader);
  checkSpec(spec, reader);
  if (reader.refusals.length > 0) throw refused(name, reader.refusals);
  return spec;
}

function readSpec(name: string, reader: SettingReader): ServiceSpec {
  const type = readType(reader);
  const description = reader.last('Description', 'Unit');
  const directory = reader.last('WorkingDirectory');
  reader.identity('User');
  reader.identity('Group');
  reader.choice('StandardInput', 'null', ['null']);
  for (const section of ['Unit', 'Service']) reader.choice('StartLimitAction', 'none', ['none'], section);
  const watchdog = reader.last('WatchdogSec');
  if (watchdog !== undefined && reader.span(['WatchdogSec'], 0) !== 0) reader.refuse(watchdog, 'there is no notification socket here to feed a watchdog through');
  const stdout = reader.output('StandardOutput', { kind: 'null' });
  return {
    description: description === undefined ? name : reader.expand(description),
    type,
    remainAfterExit: reader.flag('RemainAfterExit', false),
    startPre: reader.commands('ExecStartPre'),
    start: reader.commands('ExecStart'),
    startPost: reader.commands('ExecStartPost'),
    stop: reader.commands('ExecStop'),
    stopPost: reader.commands('ExecStopPost'),
    restart: reader.choice('Restart', 'no', ['no', 'always', 'on-success', 'on-failure', 'on-abnormal', 'on-abort']),
    restartMs: reader.span(['RestartSec'], DEFAULT_RESTART_MS),
    restartPrevent: reader.exitStatuses('RestartPreventExitStatus'),
    restartForce: reader.exitStatuses('RestartForceExitStatus'),
    success: reader.exitStatuses('SuccessExitStatus'),
    startLimit: readStartLimit(reader),
    startTimeoutMs: reader.span(['TimeoutStartSec', 'TimeoutSec'], type === 'oneshot' ? Infinity : DEFAULT_TIMEOUT_MS, { zeroIsNever: true }),
    stopTimeoutMs: reader.span(['TimeoutStopSec', 'TimeoutSec'], DEFAULT_TIMEOUT_MS, { zeroIsNever: true }),
    killMode: reader.choice('KillMode', 'control-group', ['control-group', 'mixed', 'process']),
    killSignal: reader.signal('KillSignal', 'SIGTERM'),
    finalKillSignal: reader.signal('FinalKillSignal', 'SIGKILL'),
    sendSigkill: reader.flag('SendSIGKILL', true),
    sendSighup: reader.flag('SendSIGHUP', false),
    workingDirectory: directory === undefined ? undefined : readDirectory(reader, directory),
    environment: reader.assignments('Environment'),
    environmentFiles: reader.paths(reader.all('EnvironmentFile')),
    passEnvironment: reader.words('PassEnvironment').map(({ word }) => word),
    unsetEnvironment: reader.words('UnsetEnvironment').map(({ word }) => word),
    stdout,
    stderr: reader.output('StandardError', { kind: 'same' }),
  };
}

function readType(reader: SettingReader): ServiceType {
  const type = reader.choice('Type', 'simple', ['simple', 'exec', 'idle', 'oneshot']);
  return type === 'idle' ? 'simple' : type;
}

function readStartLimit(reader: SettingReader): ServiceSpec['startLimit'] {
  const limits = { ...DEFAULT_START_LIMIT };
  // `[Service]` is where older units have it; `[Unit]` wins as in systemd, where both are one setting.
  for (const section of ['Service', 'Unit']) {
    limits.intervalMs = reader.span(['StartLimitInterval', 'StartLimitIntervalSec'], limits.intervalMs, { section });
    limits.burst = reader.count('StartLimitBurst', limits.burst, section);
  }
  return limits;
}

function readDirectory(reader: SettingReader, setting: Parameters<SettingReader['expand']>[0]): ServiceSpec['workingDirectory'] {
  if (setting.value.replace(/^-/, '') === '~') return { path: ownUser().home, mayBeMissing: setting.value.startsWith('-') };
  return reader.paths([setting])[0];
}

/** Combinations that systemd itself refuses. Source: `service_verify`. */
function checkSpec(spec: ServiceSpec, reader: SettingReader): void {
  const exec = reader.all('ExecStart').at(-1);
  const type = reader.last('Type');
  if (exec === undefined && spec.stop.length === 0) {
    reader.refusals.push({ option: 'ExecStart=', line: 1, problem: 'the service has no command to run', remedy: 'add ExecStart= to its [Service] section' });
  } else if (exec === undefined && !spec.remainAfterExit) {
    reader.refusals.push({ option: 'ExecStart=', line: 1, problem: 'a service without a command must remain after exit', remedy: 'add ExecStart=, or RemainAfterExit=yes' });
  }
  if (exec !== undefined && spec.type !== 'oneshot' && spec.start.length > 1) {
    reader.refuse(exec, 'only a service of Type=oneshot may have more than one command', 'keep one ExecStart=, or use Type=oneshot');
  }
  const restart = reader.last('Restart');
  if (type !== undefined && restart !== undefined && spec.type === 'oneshot' && ['always', 'on-success'].includes(spec.restart)) {
    reader.refuse(restart, `Restart=${spec.restart} is not allowed for Type=oneshot`, 'use Restart=on-failure, or another type');
  }
}

function refuseUnknown(unit: UnitText, refusals: Refusal[]): void {
  for (const { section, name, line } of unit.settings) {
    if (section.startsWith('X-') || name.startsWith('X-')) continue;
    const known = DIRECTIVES[section];
    const remedy = 'run the unit on a machine with systemd, or leave the option out';
    if (known === undefined) refusals.push({ option: `[${section}]`, line, problem: `a service has no section [${section}]`, remedy: 'correct or remove the section' });
    else if (known[name] === undefined) refusals.push({ option: `${name}=`, line, problem: 'cannot be honoured without systemd', remedy });
  }
}

function refused(name: string, refusals: readonly Refusal[]): Error {
  const places = refusals.map(({ option, line, problem }) => `line ${line}: ${option} ${problem}`);
  return unitRefused(`load unit ${name}: ${places.join('; ')}`, { remedy: [...new Set(refusals.map(({ remedy }) => remedy))].join('; ') });
}
