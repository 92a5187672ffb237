import { lib } from '../../tsup.preset.ts';

export default lib(['src/index.ts', 'src/dbus/index.ts', 'src/process/index.ts', 'src/memory/index.ts', 'src/testing/index.ts']);
