import {
  compileGlob,
  formatUnitFile,
  hashUnitFile,
  matchGlob,
  parseUnitFile,
  readRequirements,
  verifyUnitFile,
  type UnitOption,
} from '@fleet/unit-parser';

/** A common unit of 540 bytes: a container with its clean-up, a description and placement. */
const TYPICAL = `[Unit]
Description=Web front end %i
After=docker.service
Requires=docker.service

[Service]
TimeoutStartSec=0
Restart=always
RestartSec=10s
ExecStartPre=-/usr/bin/docker kill web-%i
ExecStartPre=-/usr/bin/docker rm web-%i
ExecStartPre=/usr/bin/docker pull registry.example.com/team/web:1.42
ExecStart=/usr/bin/docker run --rm --name web-%i -p 8080:80 registry.example.com/team/web:1.42
ExecStop=/usr/bin/docker stop -t 10 web-%i

[Install]
WantedBy=multi-user.target

[X-Fleet]
Conflicts=web@*.service
MachineMetadata="region=eu" "disk=ssd"
`;

const NAME = 'web@7.service';
const GOAL_MICROSECONDS = 10;

/** Keeps results alive, so that no work is optimised away. */
let kept = 0;

function optionsOf(text: string): readonly UnitOption[] {
  const result = parseUnitFile(text);
  if (!result.ok) throw new Error(result.error.message);
  return result.options;
}

function readWhole(text: string): void {
  const options = optionsOf(text);
  kept += hashUnitFile(options).length + readRequirements(options, NAME).conflicts.length;
}

/** Microseconds of processor time so far, of all threads (so that collecting garbage counts); other programs do not. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Microseconds of processor time of one call in the best of several rounds, after a warm-up: what disturbs only adds. */
function measure(work: () => void, targetMs = 120): number {
  const warmUntil = processorTime() + targetMs * 1000;
  let calls = 0;
  while (processorTime() < warmUntil || calls === 0) {
    const batch = Math.max(1, calls);
    for (let i = 0; i < batch; i++) work();
    calls += batch;
  }
  const perRound = Math.max(1, Math.floor(calls / 4));
  const rounds = Array.from({ length: 9 }, () => {
    const start = processorTime();
    for (let i = 0; i < perRound; i++) work();
    return (processorTime() - start) / perRound;
  });
  return Math.min(...rounds);
}

function report(name: string, microseconds: number, bytes?: number): void {
  const speed = bytes === undefined ? '' : `${(bytes / microseconds).toFixed(1).padStart(8)} MB/s`;
  console.log(`${name.padEnd(58)} ${microseconds.toFixed(2).padStart(12)} µs${speed}`);
}

/** Distinct lines, so that nothing is gained from repetition. */
function bigUnit(bytes: number, line: (i: number) => string): string {
  const lines = ['[Service]\n'];
  for (let i = 0, length = 10; length < bytes; i++) {
    const next = line(i);
    lines.push(next);
    length += next.length;
  }
  return lines.join('');
}

console.log('Microseconds of processor time, best of 9 rounds\n');
console.log(`A unit of ${TYPICAL.length} bytes, ${optionsOf(TYPICAL).length} options`);
const bytes = TYPICAL.length;
const whole = measure(() => readWhole(TYPICAL), 400);
report('parse + hash + read requirements', whole, bytes);
const options = optionsOf(TYPICAL);
report('  parse', measure(() => (kept += optionsOf(TYPICAL).length)), bytes);
report('  hash (write + SHA-1)', measure(() => (kept += hashUnitFile(options).length)), bytes);
report('  write', measure(() => (kept += formatUnitFile(options).length)), bytes);
report('  read requirements', measure(() => (kept += readRequirements(options, NAME).conflicts.length)));
const unicode = TYPICAL.replace('Web front end', 'Webfrontend für alle Fälle 東京');
report('parse + hash + read requirements, not ASCII', measure(() => readWhole(unicode)), Buffer.byteLength(unicode));
const buffer = Buffer.from(TYPICAL);
report('parse of bytes', measure(() => (kept += parseUnitFile(buffer).ok ? 1 : 0)), bytes);
report('verify (all findings)', measure(() => (kept += verifyUnitFile(TYPICAL, NAME).length)), bytes);

console.log('\nGrowth: parse + hash + read requirements; µs per KB should stay level');
const shapes: readonly (readonly [string, (i: number) => string])[] = [
  ['plain options', (i) => `Environment=KEY_${i}=value number ${i}\n`],
  ['one value folded over all lines', (i) => (i === 0 ? 'ExecStart=/bin/x \\\n' : `  --option-${i} \\\n`)],
  ['comments', (i) => `# comment ${i}\n`],
  ['two sections in turn', (i) => `[${i % 2 === 0 ? 'Service' : 'X-Fleet'}]\nA${i}=1\n`],
  ['conflicts', (i) => `[X-Fleet]\nConflicts=app-${i}@*.service\n`],
  ['not ASCII', (i) => `Environment=ÜBER_${i}=東京 ${i}\n`],
];
for (const [shape, line] of shapes) {
  const cells = [1e3, 1e4, 1e5, 1e6, 4e6].map((size) => {
    const text = bigUnit(size, line);
    return (measure(() => readWhole(text), 60) / (text.length / 1000)).toFixed(2).padStart(8);
  });
  console.log(`${shape.padEnd(34)}${cells.join('')}   (1 KB, 10 KB, 100 KB, 1 MB, 4 MB)`);
}

console.log('\nPatterns');
const glob = compileGlob('web@*.service');
report('test of a compiled pattern that matches', measure(() => (kept += glob.test(NAME) ? 1 : 0)));
report('test of a compiled pattern with another prefix', measure(() => (kept += glob.test('database@7.service') ? 1 : 0)));
report('compile and test', measure(() => (kept += matchGlob('web@*.service', NAME) ? 1 : 0)));
const long = 'a'.repeat(255);
for (const stars of [4, 16, 64]) {
  const hostile = compileGlob('*a'.repeat(stars) + '*b');
  report(`hostile pattern of ${stars} stars on a name of 255`, measure(() => (kept += hostile.test(long) ? 1 : 0)));
}

const met = whole <= GOAL_MICROSECONDS;
console.log(`\ngoal: ${GOAL_MICROSECONDS} µs for a typical unit: ${met ? 'met' : 'missed'} (${whole.toFixed(2)} µs)`);
if (kept === 0) throw new Error('nothing was measured');
