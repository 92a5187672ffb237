import { lib } from '../../tsup.preset.ts';

export default lib(['src/index.ts', 'src/etcd/index.ts', 'src/embedded/index.ts', 'src/testing/index.ts'], { external: ['@jest/globals'] });
