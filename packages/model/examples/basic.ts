import { checkOptions, matchesMachineId, mergeMetadata, toUnitName } from '@fleet/model';
import { parseUnitFile } from '@fleet/unit-parser';

const name = toUnitName('web@1.service');
console.log(name.ok ? `${name.value} is a unit name` : name.message);

const file = parseUnitFile('[X-Fleet]\nGlobal=true\nMachineOf=db.service\n');
const admission = file.ok ? checkOptions(file.options) : file.error;
console.log('message' in admission ? admission.message : 'admitted');

console.log(mergeMetadata({ region: 'eu', disk: 'ssd' }, { disk: '', role: 'web' }));
console.log(matchesMachineId('0123456789abcdef0123456789abcdef', '01234567'));
