import { describe, expect, it } from '@jest/globals';

import { verifyOptions, verifyUnitFile, type Diagnostic } from './index.ts';

/** `severity line:column code`, and the message and remedy where a row asks for them. */
function brief({ severity, line, column, code }: Diagnostic): string {
  return `${severity} ${line}:${column} ${code}`;
}

const service = (...lines: string[]): string => ['[Service]', 'ExecStart=/bin/true', ...lines, ''].join('\n');
const fleet = (...lines: string[]): string => service('[X-Fleet]', ...lines);

describe('verifyUnitFile: each finding with its place', () => {
  it.each<[string, string, string, string[]]>([
    ['nothing to say', service(), 'a.service', []],
    ['missing equals sign', service('nonsense', 'A=1'), 'a.service', ['error 3:1 parse-error']],
    ['several parse errors at once', '[Service\nA\n[Unit] x\nB\n', 'a.target', ['error 1:1 header-over-lines', 'warning 1:1 no-options', 'error 3:8 parse-error', 'error 4:1 parse-error']],
    ['equals sign missing at the end', service('nonsense').trimEnd(), 'a.service', ['error 3:1 parse-error']],
    ['header that is not closed', `${service()}[Install\n`, 'a.service', ['error 3:1 parse-error']],
    ['line too long', service(`A=${'x'.repeat(2100)}`), 'a.service', ['error 3:1 parse-error', 'warning 3:1 long-line']],
    ['nothing in it', '# nothing\n', 'a.target', ['warning 1:1 no-options']],
    ['text before the first section', `A=1\n${service()}`, 'a.service', ['error 1:1 text-before-section']],
    ['words before the first section', `words\n${service()}`, 'a.service', ['warning 1:1 text-before-section']],
    ['header in mid-line', `x ${service()}`, 'a.service', ['warning 1:1 text-before-section', 'error 1:3 header-in-mid-line']],
    ['byte order mark', `\ufeff${service()}`, 'a.service', ['info 1:1 byte-order-mark']],
    ['byte order mark in a name', service('\ufeffType=simple'), 'a.service', ['warning 3:1 byte-order-mark']],
    ['comment that swallows an option', service('# old \\', 'Restart=always'), 'a.service', ['warning 4:1 comment-swallows-line']],
    ['comment that goes on over comments only', service('# a \\', '# b', 'Restart=no'), 'a.service', []],
    ['CR LF', service().replaceAll('\n', '\r\n'), 'a.service', ['info 1:10 crlf']],
    ['CR LF and folding', '[Service]\r\nExecStart=/bin/a \\\r\n  --b=1\r\n', 'a.service', ['info 1:10 crlf', 'error 2:18 blank-after-backslash', 'info 3:3 indented-option']],
    ['lone CR', service('A=1\rB=2'), 'a.service', ['warning 3:4 lone-cr']],
    ['blank after a backslash', service('A=1 \\ ', 'B=2'), 'a.service', ['error 3:5 blank-after-backslash']],
    ['backslash and nothing more', service('A=1 \\'), 'a.service', ['warning 3:5 dangling-continuation']],
    ['two backslashes', service('A=1 \\\\', '  2'), 'a.service', ['warning 3:6 even-backslashes']],
    ['comment in a folded value', service('A=1 \\', '# no \\', '  2'), 'a.service', ['warning 4:1 comment-in-value']],
    ['header in a folded value', service('A=1 \\', '[Install]', 'WantedBy=x'), 'a.service', ['error 4:1 header-in-value']],
    ['no-break space', service('A=1\u00a0'), 'a.service', ['warning 3:4 unicode-blank']],
    ['NUL', service('A=\0'), 'a.service', ['error 3:3 control-character']],
    ['merge conflict', service('=======', 'A=1'), 'a.service', ['error 3:1 empty-name']],
    ['header over two lines', '[Ser\nvice]\nA=1\n', 'a.target', ['error 1:1 header-over-lines', 'warning 3:1 section-near-miss']],
    ['column after characters beyond ASCII', service('é東🐳nonsense'), 'a.service', ['error 3:1 parse-error']],
    ['section in lower case', service('[x-fleet]', 'Global=true'), 'a.service', ['error 4:1 section-near-miss']],
    ['section with a blank', service('[X-Fleet ]', 'Global=true'), 'a.service', ['error 4:1 section-near-miss']],
    ['section misspelt', service('[X-Flet]', 'Foo=1'), 'a.service', ['warning 4:1 section-near-miss']],
    ['section of systemd misspelt', service('[Instal]', 'WantedBy=a.target'), 'a.service', ['warning 4:1 section-near-miss']],
    ['section that nobody knows', service('[Other]', 'A=1'), 'a.service', ['warning 4:1 unknown-section']],
    ['section of ones own', service('[X-Other]', 'A=1'), 'a.service', []],
    ['section of another type', '[Service]\nExecStart=/bin/a\n[Timer]\nOnCalendar=daily\n', 'a.timer', ['warning 2:1 section-for-other-type']],
    ['service without a command', '[Service]\nRestart=no\n', 'a.service', ['error 2:1 missing-setting']],
    ['timer without a time', '[Unit]\nDescription=x\n', 'a.timer', ['error 1:1 missing-setting']],
    ['two commands', service('ExecStart=/bin/b'), 'a.service', ['error 3:1 repeated-setting']],
    ['two commands of a oneshot', service('ExecStart=/bin/b', 'Type=oneshot'), 'a.service', []],
    ['command reset and set anew', service('ExecStart=', 'ExecStart=/bin/b'), 'a.service', []],
    ['command without a path', service('ExecStop=kill'), 'a.service', ['warning 3:1 relative-command']],
    ['prefixes of a command', service('ExecStartPre=-/bin/a', 'ExecStartPre=@/bin/b b'), 'a.service', []],
    ['bad name', service(), 'a b.service', ['error 1:1 unit-name']],
    ['name of 256 bytes', service(), `${'a'.repeat(248)}.service`, ['error 1:1 unit-name']],
    ['name without a stem', service(), '.service', ['error 1:1 unit-name']],
    ['type that is gone', '[Unit]\nDescription=x\n', 'a.snapshot', ['warning 1:1 unit-type']],
    ['fleet option elsewhere', service('MachineOf=b.service'), 'a.service', ['warning 3:1 option-in-wrong-section']],
    ['Conflicts of systemd', service('[Unit]', 'Conflicts=b.service'), 'a.service', []],
    ['unknown option', fleet('MachineOF=b.service', 'Conflict=b.service', 'Foo=1'), 'a.service', ['warning 4:1 unknown-option', 'warning 5:1 unknown-option', 'warning 6:1 unknown-option']],
    ['legacy options', fleet('X-Conflicts=b.service', 'X-ConditionMachineBootID=x'), 'a.service', ['info 4:1 legacy-option', 'warning 5:1 legacy-option', 'error 4:1 impossible-combination']],
    ['forbidden pair', fleet('Global=true', 'MachineOf=b.service'), 'a.service', ['error 5:1 impossible-combination']],
    ['peer in conflict', fleet('MachineOf=b.service', 'Conflicts=b*'), 'a.service', ['error 5:1 impossible-combination']],
    ['peer in conflict once specifiers are filled in', fleet('MachineOf=a.service', 'Conflicts=%p.service'), 'a@1.service', ['error 5:1 impossible-combination']],
    ['metadata without quotes', fleet('MachineMetadata=a=b c=d'), 'a.service', ['error 4:1 malformed-metadata']],
    ['metadata with blanks', fleet('MachineMetadata=a = b'), 'a.service', ['warning 4:1 malformed-metadata']],
    ['metadata without a value', fleet('MachineMetadata=a='), 'a.service', ['error 4:1 malformed-metadata']],
    ['metadata from an instance that is not there', fleet('MachineMetadata=rack=%i'), 'a.service', ['error 4:1 malformed-metadata']],
    ['metadata from an instance', fleet('MachineMetadata=rack=%i'), 'a@1.service', []],
    ['metadata of a template', fleet('MachineMetadata=rack=%i'), 'a@.service', []],
    ['quoted metadata with a tab', fleet('MachineMetadata="a=b"\t"c=d"'), 'a.service', ['warning 4:1 quoting', 'error 4:1 malformed-metadata']],
    ['quote that is not closed', fleet('MachineOf="b.service'), 'a.service', ['warning 4:1 quoting', 'error 4:1 peer-name']],
    ['malformed pattern', fleet('Conflicts=web[.service'), 'a.service', ['error 4:1 malformed-pattern']],
    ['pattern without a type', fleet('Conflicts=web'), 'a.service', ['warning 4:1 pattern-matches-nothing']],
    ['pattern of an impossible type', fleet('Conflicts=web*.servce'), 'a.service', ['warning 4:1 pattern-matches-nothing']],
    ['pattern with a comma', fleet('Conflicts=b.service,c.service'), 'a.service', ['warning 4:1 pattern-matches-nothing']],
    ['pattern with a range backwards', fleet('Conflicts=web[9-0].service'), 'a.service', ['warning 4:1 pattern-matches-nothing']],
    ['patterns that are fine', fleet('Conflicts=web* *.timer web@[0-9].service w?b.* *'), 'a.service', []],
    ['two patterns in Replaces', fleet('Replaces=b.service c.service'), 'a.service', ['warning 4:1 pattern-matches-nothing']],
    ['follows itself', fleet('MachineOf=%n'), 'a.service', ['error 4:1 self-reference']],
    ['conflicts with itself', fleet('Conflicts=a.service'), 'a.service', ['warning 4:1 self-reference']],
    ['conflicts with its template', fleet('Conflicts=a@*.service'), 'a@1.service', []],
    ['replaces its template', fleet('Replaces=a@*.service'), 'a@1.service', ['warning 4:1 circular-reference']],
    ['follows a pattern', fleet('MachineOf=b*.service'), 'a.service', ['error 4:1 peer-name']],
    ['follows a template', fleet('MachineOf=b@.service'), 'a.service', ['error 4:1 peer-name']],
    ['follows a list', fleet('MachineOf=b.service c.service'), 'a.service', ['error 4:1 peer-name']],
    ['follows nothing', fleet('MachineOf='), 'a.service', ['error 4:1 empty-value']],
    ['empty machine', fleet('MachineID='), 'a.service', ['error 4:1 empty-value']],
    ['half a machine id', fleet('MachineID=0123456789'), 'a.service', ['warning 4:1 machine-id']],
    ['two machines', fleet('MachineID=01234567', 'MachineID=89abcdef'), 'a.service', ['warning 5:1 ignored-value']],
    ['word that is no boolean', fleet('Global=y'), 'a.service', ['warning 4:1 unclear-boolean']],
    ['Global by specifier', fleet('Global=%i'), 'a@true.service', ['warning 4:1 unclear-boolean']],
    ['Global twice', fleet('Global=true', 'Global=false'), 'a.service', ['warning 4:1 ignored-value']],
  ])('%s', (_title, text, name, expected) => {
    const found = verifyUnitFile(text, name).map(brief);
    expect([...found].sort()).toEqual([...expected].sort());
  });

  it('finds bytes that are not UTF-8', () => {
    const found = verifyUnitFile(Buffer.from('[Service]\nExecStart=/bin/caf\xe9\n', 'latin1'), 'a.service');
    expect(found.map(brief)).toEqual(['error 2:19 invalid-utf8']);
  });

  it('says what was meant, and what to do', () => {
    const [unknown, section] = verifyUnitFile(fleet('MachinOf=b.service', '[Isntall]', 'WantedBy=a'), 'a.service');
    expect(unknown).toEqual({
      code: 'unknown-option',
      severity: 'warning',
      line: 4,
      column: 1,
      message: 'unrecognized requirement in [X-Fleet] section: "MachinOf"; it means nothing',
      remedy: 'did you mean MachineOf?',
    });
    expect(section?.remedy).toBe('did you mean [Install]?');
  });

  it('takes a file without a name', () => {
    expect(verifyUnitFile(fleet('MachineOf=%p.service', 'MachineMetadata=rack=%i', 'Conflicts=%p@*.service'))).toEqual([]);
  });

  it('sorts by place', () => {
    const found = verifyUnitFile(fleet('Foo=1', 'Global=y', 'Bar=1', 'MachineMetadata=x'), 'a b.service');
    const places = found.map(({ line, column }) => line * 1000 + column);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

describe('verifyOptions: lists that do not read back are errors', () => {
  it.each<[string, [string, string, string][], string[]]>([
    ['nothing to say', [['Service', 'ExecStart', '/bin/true']], []],
    ['newline in a value', [['Service', 'ExecStart', '/bin/true\nUser=root']], ['error 2:1 does-not-read-back']],
    ['name of a comment', [['Service', 'ExecStart', '/bin/a'], ['Service', '#A', '1']], ['error 3:1 does-not-read-back']],
    ['equals sign in a name', [['Service', 'ExecStart', '/bin/a'], ['Service', 'A=B', '1']], ['error 3:1 does-not-read-back']],
    ['outer blanks', [['Service', 'ExecStart', ' /bin/a']], ['error 2:1 does-not-read-back']],
    ['bracket in a section', [['Service', 'ExecStart', '/bin/a'], ['X-a]b', 'A', '1']], ['error 5:1 does-not-read-back']],
    ['backslash that swallows the next option', [['Service', 'ExecStart', '/bin/a \\'], ['Service', 'User', 'a']], ['error 2:1 does-not-read-back']],
    ['several at once', [['Service', 'ExecStart', '/bin/a'], ['Service', 'B ', '1'], ['Service', 'C', '\r']], ['error 3:1 does-not-read-back', 'error 4:1 does-not-read-back']],
    ['lines count as they are written', [['Service', 'ExecStart', '/bin/a \\\n b'], ['X-Fleet', 'Global', 'y'], ['Service', 'Type', 'x']], ['warning 7:1 unclear-boolean']],
  ])('%s', (_title, triples, expected) => {
    const options = triples.map(([section, name, value]) => ({ section, name, value }));
    expect(verifyOptions(options, 'a.service').map(brief)).toEqual(expected);
  });
});
