import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  conflictsLeft,
  type MergedFile,
  mergeTrees,
  readTree,
  sameBlob,
  type Tree,
  writeTree,
} from '../src/core/merge.ts';

type Content = string | Buffer;
type Files = Record<string, Content>;

const labels = { ours: 'step 05', base: 'step 04 before', theirs: 'step 04 after' };
const lines = (...changes: [number, string][]) =>
  Array.from({ length: 12 }, (_, i) => changes.find(([at]) => at === i)?.[1] ?? `line ${i}`)
    .join('\n')
    .concat('\n');
const image = (last: number) => Buffer.from([137, 80, 78, 71, 0, 1, 2, last]);

function tree(files: Files, executables: string[] = []): Tree {
  return new Map(
    Object.entries(files).map(([path, content]) => [
      path,
      { bytes: Buffer.from(content), mode: executables.includes(path) ? 'executable' : 'file' },
    ]),
  );
}

/** Merges three sets of files in place, as `course propagate` does, and looks at what came out. */
function merge(test: Test, base: Files, theirs: Files, ours: Files, executables: string[] = []) {
  const dir = test.testdir();
  writeTree(join(dir, 'base'), tree(base));
  writeTree(join(dir, 'theirs'), tree(theirs, executables));
  writeTree(join(dir, 'ours'), tree(ours));
  const [b, th, o] = ['base', 'theirs', 'ours'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const result = mergeTrees({ base: b, theirs: th, ours: o, into: o, labels });
  const status = Object.fromEntries(result.files.map((file) => [file.path, file.status]));
  const files = Object.fromEntries(
    [...readTree(o)].map(([path, blob]) => [path, blob.bytes.toString('latin1')]),
  );
  return { dir: o, result, status, files };
}

t.test('each file is unchanged, taken, added, deleted or merged', (t) => {
  const { status, files } = merge(
    t,
    { same: 'a\n', taken: 'a\n', gone: 'a\n', both: lines(), alike: 'a\n' },
    { same: 'a\n', taken: 'b\n', 'src/new/x': 'n\n', both: lines([1, 'theirs']), alike: 'c\n' },
    { same: 'z\n', taken: 'a\n', gone: 'a\n', both: lines([9, 'ours']), alike: 'c\n', own: 'o\n' },
  );
  t.strictSame(status, {
    alike: 'unchanged',
    both: 'merged',
    gone: 'deleted',
    own: 'unchanged',
    same: 'unchanged',
    'src/new/x': 'added',
    taken: 'taken',
  });
  t.strictSame(files, {
    alike: 'c\n',
    both: lines([1, 'theirs'], [9, 'ours']),
    own: 'o\n',
    same: 'z\n',
    'src/new/x': 'n\n',
    taken: 'b\n',
  });
  t.end();
});

t.test('without "into" nothing is written', (t) => {
  const dir = t.testdir({ base: { f: 'a\n' }, theirs: { f: 'b\n' }, ours: { f: 'a\n' } });
  const at = (name: string) => join(dir, name);
  const result = mergeTrees({ base: at('base'), theirs: at('theirs'), ours: at('ours'), labels });
  t.match(result.changed, [{ path: 'f', status: 'taken' }]);
  t.equal(readFileSync(at('ours/f'), 'utf8'), 'a\n');
  t.end();
});

t.test('another folder may take the result, and "only" limits it', (t) => {
  const dir = t.testdir({
    base: { src: { f: 'a\n' }, x: 'a\n' },
    theirs: { src: { f: 'b\n' }, x: 'b\n' },
    ours: { src: { f: 'a\n', g: 'g\n' }, x: 'a\n' },
    into: { src: { old: 'o\n' }, keep: 'k\n' },
  });
  const at = (name: string) => join(dir, name);
  const only = (path: string) => path.startsWith('src/');
  mergeTrees({
    base: at('base'),
    theirs: at('theirs'),
    ours: at('ours'),
    into: at('into'),
    labels,
    only,
  });
  t.strictSame([...readTree(at('into')).keys()].sort(), ['keep', 'src/f', 'src/g']);
  t.equal(readFileSync(at('into/src/f'), 'utf8'), 'b\n');
  t.end();
});

t.test('a conflict in text is written with labelled diff3 markers', (t) => {
  const { dir, result, files } = merge(
    t,
    { f: lines() },
    { f: lines([4, 'theirs']) },
    { f: lines([4, 'ours']) },
  );
  t.match(result.conflicts, [{ path: 'f', reason: 'both sides change the same lines' }]);
  for (const text of [
    '<<<<<<< step 05\nours\n',
    '||||||| step 04 before\nline 4\n',
    '=======\ntheirs\n>>>>>>> step 04 after\n',
  ]) {
    t.match(files.f, text);
  }
  t.strictSame(conflictsLeft(dir), [{ path: 'f', line: 5 }]);
  t.end();
});

t.test('delete and modify is a conflict, both ways round', (t) => {
  const theirsDeletes = merge(t, { f: lines() }, {}, { f: lines([4, 'ours']) });
  t.match(theirsDeletes.result.conflicts[0]?.reason, /deletes it, and it is changed here/);
  t.match(theirsDeletes.files.f, 'ours');
  t.match(theirsDeletes.files.f, '>>>>>>> step 04 after (deleted there)');

  const oursDeletes = merge(t, { f: lines() }, { f: lines([4, 'theirs']) }, {});
  t.match(oursDeletes.result.conflicts[0]?.reason, /edits it, and it is deleted here/);
  t.match(oursDeletes.files.f, '<<<<<<< step 05 (deleted there)');
  t.match(oursDeletes.files.f, 'theirs');
  t.equal(conflictsLeft(oursDeletes.dir).length, 1);
  t.end();
});

t.test('two different files added under one name are a conflict, two equal ones are not', (t) => {
  t.match(merge(t, {}, { f: 'a\n' }, { f: 'b\n' }).result.conflicts[0]?.reason, /both sides add/);
  t.strictSame(merge(t, {}, { f: 'a\n' }, { f: 'a\n' }).status, { f: 'unchanged' });
  t.end();
});

t.test('a binary file is merged as a whole; a conflict keeps both versions', (t) => {
  const taken = merge(t, { i: image(1) }, { i: image(2) }, { i: image(1) });
  t.match(taken.result.changed, [{ path: 'i', status: 'taken', binary: true }]);
  t.equal(taken.files.i, image(2).toString('latin1'));

  const { dir, result, files } = merge(t, { i: image(1) }, { i: image(2) }, { i: image(3) });
  t.match(result.conflicts, [{ path: 'i', theirsFile: 'i.theirs' }]);
  t.equal(files.i, image(3).toString('latin1'));
  t.equal(files['i.theirs'], image(2).toString('latin1'));
  t.strictSame(conflictsLeft(dir, ['i.theirs']), [{ path: 'i.theirs', line: 1 }]);
  t.strictSame(conflictsLeft(dir), []);

  const gone = merge(t, { i: image(1) }, {}, { i: image(3) });
  t.equal(gone.files['i.theirs'], '');
  t.end();
});

t.test('a file renamed by the change takes the edits of ours with it', (t) => {
  const { status, result, files } = merge(
    t,
    { 'src/old.ts': lines() },
    { 'src/new/name.ts': lines([1, 'theirs']) },
    { 'src/old.ts': lines([9, 'ours']) },
  );
  t.strictSame(status, { 'src/new/name.ts': 'merged' });
  t.match(result.changed, [{ renamedFrom: 'src/old.ts' }] satisfies Partial<MergedFile>[]);
  t.strictSame(files, { 'src/new/name.ts': lines([1, 'theirs'], [9, 'ours']) });
  t.end();
});

t.test('a file that ours has renamed gets the change under its new name', (t) => {
  const { status, files } = merge(
    t,
    { a: lines() },
    { a: lines([1, 'theirs']) },
    { b: lines([9, 'ours']) },
  );
  t.strictSame(status, { b: 'merged' });
  t.strictSame(files, { b: lines([1, 'theirs'], [9, 'ours']) });
  t.end();
});

t.test('renamed on both sides: the same way, and two ways', (t) => {
  const same = merge(t, { a: lines() }, { b: lines([1, 'x']) }, { b: lines([9, 'y']) });
  t.strictSame(same.files, { b: lines([1, 'x'], [9, 'y']) });
  const apart = merge(t, { a: lines() }, { b: lines([1, 'x']) }, { c: lines([9, 'y']) });
  t.strictSame(apart.files, { c: lines([1, 'x'], [9, 'y']) });
  t.end();
});

t.test('a rename onto a file that ours has of its own loses neither', (t) => {
  const { result, files } = merge(
    t,
    { a: lines() },
    { b: lines([1, 'theirs']) },
    { a: lines([9, 'ours']), b: 'my own\n' },
  );
  t.equal(result.conflicts.length, 2);
  t.match(files.b, 'my own');
  t.match(files.b, 'theirs');
  t.match(files.a, 'ours');
  t.end();
});

t.test('file modes are carried and kept', { skip: process.platform === 'win32' }, (t) => {
  const { dir, status } = merge(t, { run: lines() }, { run: lines() }, { run: lines([3, 'x']) }, [
    'run',
  ]);
  t.strictSame(status, { run: 'merged' });
  t.equal(readTree(dir).get('run')?.mode, 'executable');
  t.match(readFileSync(join(dir, 'run'), 'utf8'), 'x');
  t.end();
});

t.test('symbolic links are carried as links', { skip: process.platform === 'win32' }, (t) => {
  const dir = t.testdir({ base: {}, theirs: {}, ours: {} });
  symlinkSync('target', join(dir, 'theirs/link'));
  const at = (name: string) => join(dir, name);
  mergeTrees({
    base: at('base'),
    theirs: at('theirs'),
    ours: at('ours'),
    into: at('ours'),
    labels,
  });
  t.ok(sameBlob(readTree(at('ours')).get('link'), readTree(at('theirs')).get('link')));
  t.equal(readTree(at('ours')).get('link')?.mode, 'link');
  t.end();
});

t.test('node_modules, .tap and .git are left alone', (t) => {
  const { status, dir } = merge(
    t,
    { 'node_modules/a': '1' },
    { '.tap/x': '2', f: 'f\n' },
    { 'node_modules/a': '3', '.git/HEAD': 'h' },
  );
  t.strictSame(status, { f: 'added' });
  t.ok(existsSync(join(dir, 'f')));
  t.end();
});

const manifest = (name: string, dependencies: Record<string, string>, more = {}) =>
  `${JSON.stringify({ name: `@fanout/${name}`, version: '1.0.0', ...more, dependencies }, null, 2)}\n`;

t.test('package.json: the name is of ours, dependencies merge by key', (t) => {
  const { status, files } = merge(
    t,
    { 'package.json': manifest('step-04', { fastify: '5.1.0' }) },
    { 'package.json': manifest('step-05', { fastify: '5.2.0', kysely: '0.29.0' }) },
    { 'package.json': manifest('workspace', { fastify: '5.1.0', ioredis: '6.0.0' }) },
  );
  t.strictSame(status, { 'package.json': 'merged' });
  t.equal(
    files['package.json'],
    manifest('workspace', { fastify: '5.2.0', ioredis: '6.0.0', kysely: '0.29.0' }),
  );
  t.end();
});

t.test('package.json: only the name differs, so nothing is merged', (t) => {
  const { result, files } = merge(
    t,
    { 'package.json': manifest('step-04', {}) },
    { 'package.json': manifest('step-04', { a: '1' }) },
    { 'package.json': manifest('step-05', {}) },
  );
  t.match(result.changed, [{ path: 'package.json', status: 'taken' }]);
  t.equal(files['package.json'], manifest('step-05', { a: '1' }));
  t.end();
});

t.test('package.json: a version changed on both sides is a conflict', (t) => {
  const { result } = merge(
    t,
    { 'package.json': manifest('a', { fastify: '5.1.0' }) },
    { 'package.json': manifest('a', { fastify: '5.2.0' }) },
    { 'package.json': manifest('b', { fastify: '5.3.0' }) },
  );
  t.equal(result.conflicts.length, 1);
  t.end();
});

t.test('package.json: short lists stay on one line', (t) => {
  const text = (scripts: string, plugin: string) =>
    `{\n  "name": "x",\n  "scripts": {\n    ${scripts}\n  },\n  "tap": {\n    "plugin": ${plugin}\n  }\n}\n`;
  const { files } = merge(
    t,
    { 'package.json': text('"a": "1"', '["p"]') },
    { 'package.json': text('"a": "1",\n    "t": "1"', '["p"]') },
    { 'package.json': text('"a": "1",\n    "o": "1"', '["p", "q"]') },
  );
  t.equal(files['package.json'], text('"a": "1",\n    "o": "1",\n    "t": "1"', '["p", "q"]'));
  t.end();
});

t.test('a file where a folder is, is refused', (t) => {
  t.throws(() => merge(t, {}, { 'a/b': '1\n' }, { a: '1\n' }), /rename one of them first/);
  t.end();
});

t.test('the user’s git settings do not reach the merge', (t) => {
  const home = t.testdir();
  execFileSync('git', ['config', '--file', join(home, '.gitconfig'), 'diff.noprefix', 'true']);
  const before = process.env.HOME;
  process.env.HOME = home;
  t.teardown(() => {
    if (before === undefined) delete process.env.HOME;
    else process.env.HOME = before;
  });
  const { files } = merge(t, { a: lines() }, { b: lines([1, 'x']) }, { a: lines([9, 'y']) });
  t.strictSame(files, { b: lines([1, 'x'], [9, 'y']) });
  t.end();
});
