import { lib } from '../../tsup.preset.ts';

export default lib(['src/index.ts', 'src/testing/index.ts']);
