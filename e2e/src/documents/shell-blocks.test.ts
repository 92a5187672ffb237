import { describe, expect, it } from '@jest/globals';
import { readShellBlocks } from './shell-blocks.ts';

describe('readShellBlocks', () => {
  it('gives what stands between the fences, with place and heading', () => {
    const text = '# One\n\n```sh all\na\n# no heading\nb\n```\n\n```text\nc\n```\n## Two\n```sh\nd\n```\n';
    expect(readShellBlocks(text)).toEqual([
      { where: 'all', heading: 'One', line: 4, script: 'a\n# no heading\nb\n' },
      { where: '', heading: 'Two', line: 14, script: 'd\n' },
    ]);
  });
});
