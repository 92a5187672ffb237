import { formatUnitFile, hashUnitFile, parseUnitFile, readRequirements, verifyUnitFile } from '@fleet/unit-parser';

const text = `[Service]
ExecStart=/usr/bin/web --port 80%i

[X-Fleet]
Conflicts=web@*.service
MachineMetadata=disk=%p
Conflict=backup.service
`;

const result = parseUnitFile(text);
if (!result.ok) {
  console.error(`${result.error.line}:${result.error.column} ${result.error.message}; ${result.error.remedy}`);
  process.exit(1);
}

console.log('hash', hashUnitFile(result.options).slice(0, 7));
console.log('written as it was', formatUnitFile(result.options) === text);

const { conflicts, metadata } = readRequirements(result.options, 'web@1.service');
console.log('conflicts', conflicts, 'metadata', [...metadata.get('disk') ?? []]);

for (const { severity, line, message, remedy } of verifyUnitFile(text, 'web@1.service')) {
  console.log(`${severity} in line ${line}: ${message}; ${remedy ?? ''}`);
}
