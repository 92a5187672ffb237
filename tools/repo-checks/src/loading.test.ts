import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { publishedProjects, repositoryRoot } from './projects.ts';

const run = promisify(execFile);
const SCRIPT = `
const [name] = process.argv.slice(1);
const required = Object.keys(require(name)).filter((key) => key !== 'default' && key !== '__esModule').sort();
import(name).then((imported) => console.log(JSON.stringify({ required, imported: Object.keys(imported).filter((key) => key !== 'default').sort() })));
`;

describe('built packages', () => {
  it.each(publishedProjects().filter(({ folder }) => folder.startsWith('packages/')))('$folder can be imported and required, with the same names', async ({ name }) => {
    const { stdout } = await run(process.execPath, ['-e', SCRIPT, name], { cwd: repositoryRoot, env: { ...process.env, NODE_OPTIONS: '' }, timeout: 30_000 });
    const { required, imported } = JSON.parse(stdout) as { readonly required: readonly string[]; readonly imported: readonly string[] };
    expect(imported.length).toBeGreaterThan(0);
    expect(required).toEqual(imported);
  }, 40_000);
});
