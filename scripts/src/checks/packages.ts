import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { type Course, hasFinal } from '../core/course.ts';
import { listFiles } from '../core/diff.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { type Check, type CheckContext, type Finding, finding, lineWith } from './check.ts';

/** The parts of a package.json that the tool reads. */
export interface Manifest {
  name?: string;
  version?: string;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  workspaces?: string[];
  [field: string]: unknown;
}

const EXACT = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const SOURCE = /\.(?:[cm]?[jt]s)$/;
/** The specifier of an import or export statement, or of a call that loads or resolves a module. */
const IMPORTS =
  /^\s*(?:import|export)\s(?:(type)\s)?(?:[\w*{][^;'"]*?\sfrom\s*)?['"]([^'"]+)['"]|\b(?:import|require|require\.resolve|import\.meta\.resolve)\(\s*['"]([^'"]+)['"]/gm;
/** Commands whose name is not their package's. */
const COMMANDS: Record<string, string> = { tsc: 'typescript', biome: '@biomejs/biome' };

/** Rule 7: one exact version of a dependency everywhere, declared in the step that needs it. */
export const packageCheck: Check = {
  rule: 'rule 7',
  run: (context) => [
    ...checkVersions(context),
    ...context.selected.flatMap((step) => checkUse(context, step.dir)),
    ...(context.whole && hasFinal(context.course)
      ? checkUse(context, context.course.finalDir)
      : []),
  ],
};

/**
 * Reads a package.json.
 *
 * @throws {CourseError} when it is missing or no JSON.
 */
export function readManifest(dir: string): Manifest {
  const file = join(dir, 'package.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CourseError(`${file} cannot be read: ${reason}. Mend it.`, ExitCode.fellShort);
  }
}

/** The folders of the repository's packages, the root (`''`) first, relative to it. */
export function packageFolders(course: Course): string[] {
  const { workspaces = [] } = readManifest(course.root);
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(join(course.root, parent))) return [];
    return readdirSync(join(course.root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${parent}/${entry.name}`)
      .sort();
  });
  return ['', ...folders.filter((dir) => existsSync(join(course.root, dir, 'package.json')))];
}

/** Every dependency that a manifest declares, with its version. */
function declared(manifest: Manifest): [string, string][] {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  return Object.entries({ ...optionalDependencies, ...devDependencies, ...dependencies });
}

function checkVersions(context: CheckContext): Finding[] {
  const { course } = context;
  const selected = new Set(context.selected.map((step) => context.label(step.dir)));
  const manifests = packageFolders(course).map((dir) => ({
    dir,
    manifest: readManifest(join(course.root, dir)),
  }));
  const ours = new Set(manifests.map(({ manifest }) => manifest.name));
  const uses = manifests.flatMap(({ dir, manifest }) =>
    declared(manifest)
      .filter(([name]) => !ours.has(name))
      .map(([name, version]) => ({ dir, name, version })),
  );
  const byName = Map.groupBy(uses, ({ name }) => name);
  return uses
    .filter(({ dir }) => context.whole || selected.has(dir))
    .flatMap(({ dir, name, version }) => {
      const usual = mostCommon((byName.get(name) ?? []).map((use) => use.version));
      const message = versionProblem(name, version, usual);
      const file = dir === '' ? 'package.json' : `${dir}/package.json`;
      return message === undefined
        ? []
        : [finding(file, lineWith(join(course.root, file), `"${name}":`), message)];
    });
}

function versionProblem(name: string, version: string, usual: string): string | undefined {
  if (!EXACT.test(version)) {
    return `${name} is declared as "${version}": write one exact version, so that every clone runs the same code.`;
  }
  if (version !== usual) {
    return `${name} is ${version} here and ${usual} elsewhere in the repository: use one version everywhere.`;
  }
  return undefined;
}

/** The version that most have; among equals the first. */
function mostCommon(versions: string[]): string {
  const groups = [...Map.groupBy(versions, (version) => version)];
  const [usual] = groups.sort(([, a], [, b]) => b.length - a.length);
  return usual?.[0] ?? '';
}

/** @param dir the folder of a step, or `final/`. */
function checkUse(context: CheckContext, dir: string): Finding[] {
  const manifest = readManifest(dir);
  const label = context.label(dir);
  const sources = listFiles(dir)
    .filter((path) => SOURCE.test(path))
    .map((path) => ({ path, text: readFileSync(join(dir, path), 'utf8') }));
  return [
    ...undeclared(label, manifest, sources),
    ...unused(context, manifest, sources).map(([name]) =>
      finding(
        `${label}/package.json`,
        lineWith(join(dir, 'package.json'), `"${name}":`),
        `${name} is declared and nothing in ${label} uses it: a dependency enters in the step that needs it. Remove it here.`,
      ),
    ),
  ];
}

interface Source {
  path: string;
  text: string;
}

/** Packages that are imported and not declared, or by the app and declared for development only. */
function undeclared(label: string, manifest: Manifest, sources: Source[]): Finding[] {
  const all = new Set(declared(manifest).map(([name]) => name));
  const production = new Set(Object.keys(manifest.dependencies ?? {}));
  return sources.flatMap(({ path, text }) =>
    importedPackages(text).flatMap(({ name, line, typeOnly }) => {
      const needsProduction = /^(?:src|migrations)\//.test(path) && !typeOnly;
      const file = `${label}/${path}`;
      if (!all.has(name)) {
        const message = `${name} is imported and ${label}/package.json does not declare it: add it there with the version that other steps have.`;
        return [{ file, line, message }];
      }
      if (!needsProduction || production.has(name)) return [];
      const message = `${name} is imported by the app and declared under devDependencies, which production does not install: move it to dependencies.`;
      return [{ file, line, message }];
    }),
  );
}

/** The packages that a source file imports, Node's own modules and relative files left out. */
export function importedPackages(
  text: string,
): { name: string; line: number; typeOnly: boolean }[] {
  return [...text.matchAll(IMPORTS)].flatMap((match) => {
    const specifier = match[2] ?? match[3] ?? '';
    if (/^(?:[./#]|node:|data:)/.test(specifier) || isBuiltin(specifier)) return [];
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    const before = text.slice(0, match.index + match[0].length);
    return [{ name, line: before.split('\n').length, typeOnly: match[1] === 'type' }];
  });
}

/** Dependencies that no source file names and no script or setting of the manifest uses. */
function unused(context: CheckContext, manifest: Manifest, sources: Source[]): [string, string][] {
  const { dependencies, devDependencies, optionalDependencies, ...settings } = manifest;
  const words = new Set(JSON.stringify(settings.scripts ?? {}).match(/[@\w./-]+/g) ?? []);
  const config = JSON.stringify({ ...settings, scripts: undefined });
  const isNamed = (name: string): boolean =>
    config.includes(`"${name}"`) ||
    config.includes(`"${name}/`) ||
    sources.some(({ text }) => text.includes(`'${name}'`) || text.includes(`'${name}/`));
  const isUsed = (name: string): boolean =>
    isNamed(name) || commandsOf(context.course, name).some((command) => words.has(command));
  return declared(manifest).filter(([name]) => {
    // Types are used by whoever uses the package they describe; those of Node by every step.
    const typed = /^@types\/(.+)$/.exec(name)?.[1]?.replace('__', '/');
    return typed === undefined ? !isUsed(name) : typed !== 'node' && !isUsed(typed);
  });
}

/** The commands a package brings, as far as they can be known without installing it. */
function commandsOf(course: Course, name: string): string[] {
  const known = Object.keys(COMMANDS).filter((command) => COMMANDS[command] === name);
  const installed = join(course.root, 'node_modules', name);
  const short = name.split('/').at(-1) ?? name;
  if (!existsSync(join(installed, 'package.json'))) return [...known, name, short];
  const { bin } = readManifest(installed) as { bin?: string | Record<string, string> };
  return [...known, name, ...(typeof bin === 'object' ? Object.keys(bin) : bin ? [short] : [])];
}
