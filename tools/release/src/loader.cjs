// The main script of a single executable: runs its main.js, with a `require` for the files that were put inside with it.
const { dirname, join } = require('node:path');
const { getRawAsset } = require('node:sea');
const { compileFunction } = require('node:vm');

const modules = new Map();

function load(name) {
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const folder = dirname(name);
  const cachedData = Buffer.from(getRawAsset(`${name}.cache`));
  const run = compileFunction(Buffer.from(getRawAsset(name)).toString(), ['exports', 'require', 'module', '__filename', '__dirname'], { filename: name, cachedData });
  run.call(module.exports, module.exports, (wanted) => (wanted.startsWith('.') ? load(join(folder, wanted)) : require(wanted)), module, name, folder);
  return module.exports;
}

load('main.js');
