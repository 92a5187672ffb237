import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemErrorText, unitNameOf } from '@fleet/api-client/fast';
import { verifyUnitFile, type Diagnostic } from '@fleet/unit-parser';
import type { CommandModule } from '../cli/definition.ts';
import { EXIT_USAGE } from '../cli/usage-error.ts';
import { styleOf } from '../view/style.ts';

/** Lint of unit files; needs no cluster. The original's verify, of signatures, had long been without effect. */
export const run: CommandModule['run'] = (context, flags, args) => {
  const { stdout, stderr } = context;
  if (args.length === 0) {
    stderr.write('No unit files given\n');
    return EXIT_USAGE;
  }
  const style = styleOf(stdout, context.env);
  const results = args.map((file) => ({ file, findings: check(resolve(context.cwd, file), file) }));
  const failed = results.some(({ findings }) => findings.some((finding) => finding.severity === 'error'));
  if (flags.on('json')) {
    stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    return failed ? 1 : 0;
  }
  const paint = { error: style.red, warning: style.yellow, info: style.dim };
  for (const { file, findings } of results) {
    for (const finding of findings) {
      stdout.write(`${file}:${finding.line}:${finding.column}: ${paint[finding.severity](finding.severity)}: ${finding.message} [${finding.code}]\n`);
      if (finding.remedy !== undefined) stdout.write(`  ${style.dim(finding.remedy)}\n`);
    }
  }
  return failed ? 1 : 0;
};

function check(path: string, file: string): readonly Diagnostic[] {
  try {
    return verifyUnitFile(readFileSync(path), unitNameOf(file));
  } catch (error) {
    return [{ code: 'unreadable-file', severity: 'error', line: 1, column: 1, message: systemErrorText(error) }];
  }
}
