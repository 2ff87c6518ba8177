// Prometheus' text format 0.0.4, read strictly: what a lenient reader lets through, one day
// another does not.
import assert from 'node:assert/strict';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SERIES = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/i;
const SUFFIXES = { histogram: ['_bucket', '_sum', '_count'], counter: [''], gauge: [''] };

/// A page as families by name: {help, type, series: [{name, labels, value}]}.
export function read(page) {
  assert.ok(page.endsWith('\n'), 'the last line has no end');
  const families = new Map();
  const seen = new Set();
  let family = null;
  for (const line of page.slice(0, -1).split('\n')) {
    if (line.startsWith('# HELP ')) {
      const [, name, help] = /^# HELP (\S+) (\S.*)$/.exec(line) ?? assert.fail(line);
      assert.match(name, NAME);
      assert.ok(!families.has(name), `${name} comes twice`);
      assert.doesNotMatch(help, /\\/, 'nothing needs escaping');
      family = { name, help, type: null, series: [] };
      families.set(name, family);
    } else if (line.startsWith('# TYPE ')) {
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? assert.fail(line);
      assert.equal(name, family?.name, 'a type follows its help');
      assert.equal(family.type, null);
      family.type = type;
    } else {
      const [, name, written, value] = SERIES.exec(line) ?? assert.fail(`no series: ${line}`);
      assert.match(value, VALUE, line);
      assert.ok(family?.type, `${name} has no type`);
      assert.ok(SUFFIXES[family.type].some((suffix) => name === family.name + suffix), `${name} in ${family.name}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      assert.ok(!seen.has(key), `${key} comes twice`);
      seen.add(key);
      family.series.push({ name, labels: labelsOf(written), value: Number(value.replace(/inf/i, 'Infinity')) });
    }
  }
  for (const one of families.values()) check(one);
  return families;
}

function labelsOf(written) {
  const labels = {};
  let rest = written ?? '';
  while (rest) {
    const [whole, name, value] = LABEL.exec(rest) ?? assert.fail(`no labels: ${written}`);
    assert.ok(!(name in labels), `${name} comes twice`);
    labels[name] = value;
    rest = rest.slice(whole.length);
  }
  return labels;
}

/// What names and types promise.
function check({ name, type, series }) {
  assert.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`);
  if (type !== 'gauge') for (const { value } of series) assert.ok(value >= 0, name);
  if (type !== 'histogram') return;
  assert.match(name, /_(?:seconds|bytes)$/, 'a histogram has a unit');
  const groups = new Map();
  for (const one of series) {
    const { le, ...others } = one.labels;
    const key = JSON.stringify(others);
    const group = groups.get(key) ?? { buckets: [] };
    groups.set(key, group);
    if (one.name.endsWith('_bucket')) group.buckets.push([Number(le.replace('+Inf', 'Infinity')), one.value]);
    else group[one.name.endsWith('_sum') ? 'sum' : 'count'] = one.value;
  }
  assert.ok(groups.size > 0, name);
  for (const { buckets, sum, count } of groups.values()) {
    assert.ok(sum !== undefined && count !== undefined, name);
    assert.deepEqual(buckets.at(-1), [Infinity, count], name);
    for (const [place, [bound, value]] of buckets.entries()) {
      if (place === 0) continue;
      const [before, less] = buckets[place - 1];
      assert.ok(bound > before && value >= less, `${name} does not ascend`);
    }
  }
}
